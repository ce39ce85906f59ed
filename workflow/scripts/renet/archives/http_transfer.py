"""Complete a `.part` file over HTTP, with as many connections as necessary.

Requests and responses follow RFC 9110: ranges (section 14) and If-Range (13.1.5). Local bytes are
continued only if the response proves to be the rest of the same file.
"""

import dataclasses
import logging
import os
import random
import re
import time
from pathlib import Path

import requests
import urllib3

from renet.archives import origins
from renet.archives.origins import Origin
from renet.common import disk
from renet.common.errors import InputError
from renet.common.progress import Progress

HEADERS = {"User-Agent": "renet-workflow", "Accept-Encoding": "identity"}
TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two reads
MAX_FAILURES = 7  # attempts in a row without progress
BACKOFF = 1.0  # seconds after the first failure, doubled after each further one
BACKOFF_LIMIT = 60.0
RECEIVE_BYTES = 1 << 16  # small, because a stall loses the bytes that are not written yet
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class Interrupted(Exception):
    """The request failed, and another one may succeed."""


class Outdated(Interrupted):
    """The local bytes cannot be continued; the next request has to be for the whole file."""


def fetch(url: str, part: Path) -> None:
    """Download the bytes of `url` that the file `part` lacks, and save their origin.

    An attempt makes progress if the part grows beyond its longest so far. If any received byte
    counted, a server that cuts the connection and cannot resume would be retried without end.

    Raises:
        InputError: the server refuses, keeps failing or cannot be reached, or the disk is full; the
            bytes received so far stay in `part`.
    """
    longest, failures = _resume_point(url, part)[0], 0
    while True:
        try:
            return _attempt(url, part)
        except Interrupted as error:
            if isinstance(error, Outdated):
                os.truncate(part, 0)
            size = part.stat().st_size
            if size > longest:
                longest, failures = size, 0
            else:
                failures += 1
            if failures == MAX_FAILURES:
                raise InputError(
                    f"{error}; {MAX_FAILURES} attempts in a row brought no new bytes. The "
                    f"{size:,} bytes received so far are kept; start again later to resume."
                ) from error
            backoff = min(BACKOFF * 2 ** max(failures - 1, 0), BACKOFF_LIMIT)
            # Partly random, so that parallel jobs do not retry at the same time; not for security.
            pause = backoff + random.uniform(0, BACKOFF)  # noqa: S311
            logging.warning("%s; retrying in %.1f s.", error, pause)
            time.sleep(pause)


def _attempt(url: str, part: Path) -> None:
    """Send one request for the bytes that `part` lacks, unless it is complete."""
    offset, origin = _resume_point(url, part)
    if offset and offset == origin.size:
        return  # complete, but the last process ended before it was checked
    with _request(origin, offset) as response:
        _check_status(response, url)
        _check_range(response, origin, offset)
        with disk.explained(part):
            origin = _prepare(response, part, origin, offset)
            _receive(response, part, origin.size)
    size = part.stat().st_size
    if origin.size not in (None, size):
        raise Interrupted(f"{url} ended after {size:,} of {origin.size:,} bytes")


def _resume_point(url: str, part: Path) -> tuple[int, Origin]:
    """How many bytes of `part` can be kept, and their origin.

    Without a validator no byte is kept, because the rest could come from another file.
    """
    origin, size = origins.read_for(url, part), part.stat().st_size
    too_long = origin.size is not None and size > origin.size
    return (0, Origin(url)) if too_long or not origin.validator else (size, origin)


def _request(origin: Origin, offset: int) -> requests.Response:
    url, headers = origin.url, dict(HEADERS)
    if offset and origin.validator:
        headers |= {"Range": f"bytes={offset}-", "If-Range": origin.validator}
    try:
        return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise Interrupted(f"{url} cannot be reached ({_root_cause(error)})") from error
    except requests.RequestException as error:
        raise InputError(f"{url} cannot be downloaded ({error}); check the URL.") from error


def _check_status(response: requests.Response, url: str) -> None:
    """Raise an exception unless the body has bytes of the file."""
    code, status = response.status_code, f"{response.status_code} {response.reason}"
    if code == requests.codes.requested_range_not_satisfiable:
        raise Outdated(f"{url} responded {status}; the download starts again")
    if code in (408, 429) or code >= 500:
        raise Interrupted(f"{url} responded {status}")
    if code not in (requests.codes.ok, requests.codes.partial_content):
        raise InputError(
            f"{url} cannot be downloaded: the server responded {status}. Open the URL in a browser "
            "to see why, and correct it in the config."
        )


def _check_range(response: requests.Response, origin: Origin, offset: int) -> None:
    """Raise an exception unless the body is the whole file or continues the bytes of `origin`."""
    if response.status_code != requests.codes.partial_content:
        return
    now = _origin_of(response, origin.url)
    pairs = ((origin.etag, now.etag), (origin.last_modified, now.last_modified))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise Outdated(f"{origin.url} has changed; the download starts again")
    text = response.headers.get("Content-Range", "")
    if not _continues(text, offset, origin.size, now.size):
        fault = f"the range {text!r} instead of one that begins at byte {offset}"
        raise Outdated(f"{origin.url} responded with {fault}; the download starts again")


def _continues(text: str, offset: int, total: int | None, length: int | None) -> bool:
    """Whether a Content-Range begins at `offset` and agrees with the known sizes."""
    fields = CONTENT_RANGE.fullmatch(text)
    if not fields or not 0 < offset == int(fields[1]) <= int(fields[2]):
        return False
    last, announced = int(fields[2]), total if fields[3] == "*" else int(fields[3])
    within = announced is None or last < announced
    return within and length in (None, last - offset + 1) and total in (None, announced)


def _origin_of(response: requests.Response, url: str) -> Origin:
    """The origin by the headers; its size is that of the body, None if not announced."""
    size, headers = response.raw.length_remaining, response.headers
    return Origin(url, size, headers.get("ETag"), headers.get("Last-Modified"))


def _total_size(response: requests.Response) -> int | None:
    """Bytes of the whole file by the headers of a partial response (206); None if not given."""
    fields = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(fields[3]) if fields and fields[3] != "*" else None


def _prepare(response: requests.Response, part: Path, origin: Origin, offset: int) -> Origin:
    """Prepare the part for the body of a response; returns the origin of its bytes."""
    if response.status_code == requests.codes.partial_content:
        logging.info("Resuming %s at byte %s.", part, f"{offset:,}")
        # The first response may not have given the size.
        origin = dataclasses.replace(origin, size=origin.size or _total_size(response))
    else:
        logging.info("Downloading %s to %s.", origin.url, part)
        origin = _origin_of(response, origin.url)
        os.truncate(part, 0)  # before its origin changes: bytes and origin must agree
    origins.write(part, origin)
    return origin


def _receive(response: requests.Response, part: Path, total: int | None) -> None:
    """Append the body of a response to `part`; Content-Encoding is not decoded."""
    offset = part.stat().st_size
    if total is None:
        logging.warning("The server gives no size of %s: the disk space is not checked.", part.name)
    else:
        disk.require_space(part, total - offset)
    bar = Progress(desc=part.name, total=total, initial=offset, unit="B", unit_scale=True)
    try:
        with part.open("ab") as handle, bar:
            while block := response.raw.read(RECEIVE_BYTES, decode_content=False):
                handle.write(block)
                bar.update(len(block))
    except urllib3.exceptions.HTTPError as error:
        where = f"after {part.stat().st_size:,} bytes ({_root_cause(error)})"
        raise Interrupted(f"The connection to {response.url} was lost {where}") from error


def _root_cause(error: BaseException) -> BaseException:
    """The innermost error, whose message is the short one."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
