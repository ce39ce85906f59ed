"""A `.part` brought to its full length, over as many connections as that takes."""

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

ATTEMPTS = 7  # in a row without any progress
WRONG_RANGES = 2  # in a row, before the bytes that are here are given up
BACKOFF = 1.0  # seconds after the first of them, doubled after each further one
BACKOFF_LIMIT = 60.0
RECEIVE_BYTES = 1 << 16  # small, because a stall loses what has not been written yet


def fetch(url: str, part: Path) -> None:
    """Fetch what the file `part` lacks of the one at `url`, and note where that came from.

    Bytes are kept over attempts and processes where the server can vouch that they belong together.

    Raises:
        InputError: the server refuses, keeps being in trouble or cannot be reached, or the disk is
            full; what came stays in `part`.
    """
    patience = _Patience(part, longest=_resume_point(url, part)[0])
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Interrupted),
        after=patience.count,
        wait=patience.pause,
        stop=patience.is_over,
        before_sleep=_log_pause,
        reraise=True,
    )
    try:
        retrying(_attempt, url, part, patience)
    except Interrupted as error:
        raise InputError(
            f"{error}, and {ATTEMPTS} attempts in a row brought nothing new. The "
            f"{part.stat().st_size:,} bytes that came before are kept; start again later to go on."
        ) from error


class _Patience:
    """Counts the attempts in a row after which the part was not longer than ever before.

    Growth beyond the longest so far, not mere arrival of bytes, is progress: a server that cuts
    the connection and cannot resume would be asked for ever otherwise.
    """

    def __init__(self, part: Path, longest: int):
        self.part, self.longest, self.fruitless = part, longest, 0
        self.wrong_ranges = 0

    def count(self, _: tenacity.RetryCallState) -> None:
        size = self.part.stat().st_size
        self.fruitless = 0 if size > self.longest else self.fruitless + 1
        self.longest = max(self.longest, size)

    def pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds; with a random share, so that parallel jobs do not come back all at once."""
        backoff = min(BACKOFF * 2 ** max(self.fruitless - 1, 0), BACKOFF_LIMIT)
        pause = max(backoff, state.outcome.exception().retry_after)
        return pause + tenacity.wait_random(0, BACKOFF)(state)

    def is_over(self, _: tenacity.RetryCallState) -> bool:
        return self.fruitless >= ATTEMPTS


def _log_pause(state: tenacity.RetryCallState) -> None:
    logging.warning(
        "%s; trying again in %.1f s.", state.outcome.exception(), state.next_action.sleep
    )


def _attempt(url: str, part: Path, patience: _Patience) -> None:
    """Ask once for what `part` lacks; returns when it is whole.

    Raises:
        Interrupted: it is not, but another attempt may bring more.
        InputError: there is no use in another attempt.
    """
    offset, origin = _resume_point(url, part)
    if offset and offset == origin.size:
        return  # whole, but the process ended before it could be checked
    try:
        with http_client.asking(origin, offset) as response, disk.writing(part):
            if response.status_code == requests.codes.partial_content:
                logging.info("Going on with %s from byte %s.", part, f"{offset:,}")
                total = http_client.total_of(response)
                if total and not origin.size:  # the first answer did not say
                    origin = dataclasses.replace(origin, size=total)
                    origins.write(part, origin)
            else:
                logging.info("Fetching %s to %s.", url, part)
                origin = http_client.origin_of(response, url)
                os.truncate(part, 0)  # before its origin changes, so that the two never mix
                origins.write(part, origin)
            patience.wrong_ranges = 0
            _receive(response, part, origin.size)
    except Outdated:
        os.truncate(part, 0)
        raise
    except WrongRange:
        # One of several servers may be at fault, and gigabytes may be here: ask once more.
        patience.wrong_ranges += 1
        if patience.wrong_ranges % WRONG_RANGES == 0:
            os.truncate(part, 0)
        raise
    size = part.stat().st_size
    if origin.size not in (None, size):
        raise Interrupted(f"{url} ended after {size:,} of {origin.size:,} bytes")


def _resume_point(url: str, part: Path) -> tuple[int, Origin]:
    """How many bytes of `part` can be kept, and what is known of them.

    Without a validator a later piece could be of another file, so that nothing is kept.
    """
    origin, size = origins.read_for(url, part), part.stat().st_size
    too_long = origin.size is not None and size > origin.size
    return (0, Origin(url)) if too_long or not origin.validator else (size, origin)


def _receive(response: requests.Response, part: Path, total: int | None) -> None:
    """Append the answer's body to `part`, as it comes: Content-Encoding is not undone."""
    offset = part.stat().st_size
    if total is None:
        logging.warning("The server does not say how many bytes it sends.")
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
