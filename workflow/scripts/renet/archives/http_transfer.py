"""Complete a `.part` file, over as many connections as that takes."""

import dataclasses
import logging
import os
from pathlib import Path

import requests
import tenacity
import urllib3

from renet.archives import disk, http_client, origins
from renet.archives.http_client import Interrupted, Outdated, WrongRange
from renet.archives.origins import Origin
from renet.common.errors import InputError
from renet.common.progress import Progress

MAX_FAILURES = 7  # attempts in a row without progress
WRONG_RANGES = 2  # in a row, before the local bytes are discarded
BACKOFF = 1.0  # seconds after the first failure, doubled after each further one
BACKOFF_LIMIT = 60.0
RECEIVE_BYTES = 1 << 16  # small, because a stall loses the bytes that are not written yet


def fetch(url: str, part: Path) -> None:
    """Download the bytes of `url` that the file `part` lacks, and save their origin.

    Local bytes are kept over attempts and processes if the server can confirm that its file is
    still the same.

    Raises:
        InputError: the server refuses, keeps failing or cannot be reached, or the disk is full; the
            bytes received so far stay in `part`.
    """
    policy = _RetryPolicy(part, longest=_resume_point(url, part)[0])
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Interrupted),
        after=policy.count,
        wait=policy.pause,
        stop=policy.is_exhausted,
        before_sleep=_log_pause,
        reraise=True,
    )
    try:
        retrying(_attempt, url, part, policy)
    except Interrupted as error:
        raise InputError(
            f"{error}; {MAX_FAILURES} attempts in a row brought no new bytes. The "
            f"{part.stat().st_size:,} bytes received so far are kept; start again later to resume."
        ) from error


class _RetryPolicy:
    """Counts the attempts in a row without progress.

    An attempt makes progress if the part grows beyond its longest so far. If any received byte
    counted, a server that cuts the connection and cannot resume would be retried without end.
    """

    def __init__(self, part: Path, longest: int):
        self.part, self.longest = part, longest
        self.failures = self.wrong_ranges = 0

    def count(self, _: tenacity.RetryCallState) -> None:
        size = self.part.stat().st_size
        self.failures = 0 if size > self.longest else self.failures + 1
        self.longest = max(self.longest, size)

    def pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds; partly random, so that parallel jobs do not retry at the same time."""
        backoff = min(BACKOFF * 2 ** max(self.failures - 1, 0), BACKOFF_LIMIT)
        pause = max(backoff, state.outcome.exception().retry_after)
        return pause + tenacity.wait_random(0, BACKOFF)(state)

    def is_exhausted(self, _: tenacity.RetryCallState) -> bool:
        return self.failures >= MAX_FAILURES


def _log_pause(state: tenacity.RetryCallState) -> None:
    logging.warning("%s; retrying in %.1f s.", state.outcome.exception(), state.next_action.sleep)


def _attempt(url: str, part: Path, policy: _RetryPolicy) -> None:
    """Request the bytes that `part` lacks once; return if it is complete.

    Raises:
        Interrupted: it is not complete, and another attempt may bring more.
        InputError: another attempt cannot change the outcome.
    """
    offset, origin = _resume_point(url, part)
    if offset and offset == origin.size:
        return  # complete, but the last process ended before it was checked
    try:
        with http_client.open_response(origin, offset) as response, disk.writing(part):
            origin = _prepare(response, part, origin, offset)
            policy.wrong_ranges = 0
            _receive(response, part, origin.size)
    except Outdated:
        os.truncate(part, 0)
        raise
    except WrongRange:
        # One of several servers may be at fault, and the part may have gigabytes: retry once.
        policy.wrong_ranges += 1
        if policy.wrong_ranges % WRONG_RANGES == 0:
            os.truncate(part, 0)
        raise
    size = part.stat().st_size
    if origin.size not in (None, size):
        raise Interrupted(f"{url} ended after {size:,} of {origin.size:,} bytes")


def _prepare(response: requests.Response, part: Path, origin: Origin, offset: int) -> Origin:
    """Prepare the part for the body of a response; returns the origin of its bytes."""
    if response.status_code == requests.codes.partial_content:
        logging.info("Resuming %s at byte %s.", part, f"{offset:,}")
        total = http_client.total_size(response)
        if origin.size or not total:
            return origin
        origin = dataclasses.replace(origin, size=total)  # the first response did not give it
    else:
        logging.info("Downloading %s to %s.", origin.url, part)
        origin = http_client.origin_of(response, origin.url)
        os.truncate(part, 0)  # before its origin changes: bytes and origin must agree
    origins.write(part, origin)
    return origin


def _resume_point(url: str, part: Path) -> tuple[int, Origin]:
    """How many bytes of `part` can be kept, and their origin.

    Without a validator none are kept, since the remaining bytes could be those of another file.
    """
    origin, size = origins.read_for(url, part), part.stat().st_size
    too_long = origin.size is not None and size > origin.size
    return (0, Origin(url)) if too_long or not origin.validator else (size, origin)


def _receive(response: requests.Response, part: Path, total: int | None) -> None:
    """Append the body of a response to `part`; Content-Encoding is not decoded."""
    offset = part.stat().st_size
    if total is None:
        logging.warning("The server does not give the size of the file.")
    else:
        disk.require_space(part, total - offset)
    bar = Progress(desc=part.name, total=total, initial=offset, unit="B", unit_scale=True)
    try:
        with part.open("ab") as handle, bar:
            while block := response.raw.read(RECEIVE_BYTES, decode_content=False):
                handle.write(block)
                bar.update(len(block))
    except urllib3.exceptions.HTTPError as error:
        size, cause = part.stat().st_size, http_client.root_cause(error)
        raise Interrupted(
            f"The connection to {response.url} was lost after {size:,} bytes ({cause})"
        ) from error
