"""One HTTP request for the bytes of a file from an offset on, or for its size.

Requests and responses follow RFC 9110: ranges (section 14), If-Range (13.1.5) and Retry-After
(10.2.3). A response with other bytes than the requested ones raises an exception.
"""

import contextlib
import logging
import re
from collections.abc import Iterator

import requests
import urllib3

from renet.archives.origins import Origin
from renet.common.errors import InputError

HEADERS = {"User-Agent": "renet-workflow", "Accept-Encoding": "identity"}
TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two reads
RETRY_AFTER_LIMIT = 300.0  # seconds that a server may ask for
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class Interrupted(Exception):
    """The request failed, and another one after `retry_after` seconds may succeed."""

    def __init__(self, reason: str, retry_after: float = 0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class Outdated(Interrupted):
    """The local bytes cannot be continued; the next request has to be for the whole file."""


class WrongRange(Interrupted):
    """The response does not continue where the local bytes end."""


@contextlib.contextmanager
def open_response(origin: Origin, offset: int) -> Iterator[requests.Response]:
    """Request the bytes of `origin` from `offset` on; yield the response before its body is read.

    Its status is 206 (Partial Content) if the body continues from `offset` > 0, or 200 if the body
    is the whole file.

    Raises:
        Interrupted: the server cannot be reached or is busy.
        Outdated: the server's file is not the one that `origin` describes.
        WrongRange: the response has another range than the requested one.
        InputError: the request failed in a way that a further one cannot change.
    """
    with _get(origin, offset) as response:
        _check_status(response, origin.url)
        if response.status_code == requests.codes.partial_content:
            _check_range(response, offset, origin)
        yield response


def origin_of(response: requests.Response, url: str) -> Origin:
    """The origin by the headers; its size is that of the body, None if not announced."""
    headers = response.headers
    return Origin(
        url, response.raw.length_remaining, headers.get("ETag"), headers.get("Last-Modified")
    )


def total_size(response: requests.Response) -> int | None:
    """Bytes of the whole file by the headers of a partial response (206); None if not given."""
    fields = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(fields[3]) if fields and fields[3] != "*" else None


def remote_size(url: str) -> int | None:
    """The size in bytes by a HEAD request, else by a request for one byte; None if not given."""
    try:
        with requests.head(url, headers=HEADERS, timeout=TIMEOUT, allow_redirects=True) as response:
            length = response.headers.get("Content-Length", "")
            if response.ok and length.isdecimal():
                return int(length)
        headers = HEADERS | {"Range": "bytes=0-0"}
        with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as response:
            if response.status_code == requests.codes.partial_content:
                return total_size(response)
            if response.status_code == requests.codes.ok:
                return response.raw.length_remaining
    except requests.RequestException as error:
        logging.info("%s", error)
    return None


def root_cause(error: BaseException) -> BaseException:
    """The innermost error, whose message is the short one."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _get(origin: Origin, offset: int) -> requests.Response:
    url, headers = origin.url, dict(HEADERS)
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": origin.validator}
    try:
        return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise Interrupted(f"{url} cannot be reached ({root_cause(error)})") from error
    except requests.RequestException as error:
        raise InputError(f"{url} cannot be downloaded ({error}); check the URL.") from error


def _check_status(response: requests.Response, url: str) -> None:
    """Raise an exception unless the body has bytes of the file."""
    code, status = response.status_code, f"{response.status_code} {response.reason}"
    if code == requests.codes.requested_range_not_satisfiable:
        raise Outdated(f"{url} responded {status}; the download starts again")
    if code in (408, 429) or code >= 500:
        raise Interrupted(f"{url} responded {status}", _retry_after(response))
    if code not in (requests.codes.ok, requests.codes.partial_content):
        raise InputError(
            f"{url} cannot be downloaded: the server responded {status}. Open the URL in a browser "
            "to see why, and correct it in the config."
        )


def _retry_after(response: requests.Response) -> float:
    """Seconds that the server asks to wait; 0 if it does not ask, or not in a readable way."""
    try:
        return min(urllib3.Retry().get_retry_after(response.raw) or 0, RETRY_AFTER_LIMIT)
    except urllib3.exceptions.InvalidHeader:
        return 0.0


def _check_range(response: requests.Response, offset: int, origin: Origin) -> None:
    """Raise an exception unless the body continues the bytes of `origin`."""
    now = origin_of(response, origin.url)
    pairs = ((origin.etag, now.etag), (origin.last_modified, now.last_modified))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise Outdated(f"{origin.url} has changed; the download starts again")
    text = response.headers.get("Content-Range", "")
    if not _continues(text, offset, origin.size, now.size):
        raise WrongRange(
            f"{origin.url} responded with the range {text!r} instead of one from {offset} on"
        )


def _continues(text: str, offset: int, total: int | None, length: int | None) -> bool:
    """Whether a Content-Range begins at `offset` and agrees with the known sizes."""
    fields = CONTENT_RANGE.fullmatch(text)
    if not fields or not 0 < offset == int(fields[1]) <= int(fields[2]):
        return False
    announced = total if fields[3] == "*" else int(fields[3])
    return (
        length in (None, int(fields[2]) - offset + 1)
        and total in (None, announced)
        and (announced is None or int(fields[2]) < announced)
    )
