"""One request to a server: for a file's bytes from an offset on, or for its size.

Only answers that carry what was asked for are passed on. Requests and answers follow RFC 9110:
ranges (section 14), If-Range (13.1.5) and Retry-After (10.2.3).
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
    """A request ended in a way that a further one may mend, after `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class Outdated(Interrupted):
    """The bytes that are here cannot be continued; a further request has to ask for all."""


class WrongRange(Interrupted):
    """The answer does not go on where the bytes that are here end."""


@contextlib.contextmanager
def asking(origin: Origin, offset: int) -> Iterator[requests.Response]:
    """Ask for the bytes of `origin` from `offset` on; yield the answer before its body is read.

    Its status is 206 (Partial Content) if the body goes on from `offset`, which is not 0 then,
    else 200: the body is the whole file.

    Raises:
        Interrupted: the server cannot be reached or is busy.
        Outdated: the server's file is not the one that `origin` speaks of.
        WrongRange: another range came than was asked for.
        InputError: there is no use in asking again.
    """
    with _get(origin, offset) as response:
        _check_status(response, origin.url)
        if response.status_code == requests.codes.partial_content:
            _check_range(response, offset, origin)
        yield response


def origin_of(response: requests.Response, url: str) -> Origin:
    """What the headers say; the size is that of the answer's own body, None if not announced."""
    headers = response.headers
    return Origin(
        url, response.raw.length_remaining, headers.get("ETag"), headers.get("Last-Modified")
    )


def total_of(response: requests.Response) -> int | None:
    """Bytes of the whole file, as an answer with a part of it (206) says; None if it does not."""
    fields = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(fields[3]) if fields and fields[3] != "*" else None


def ask_size(url: str) -> int | None:
    """The size in bytes that a server gives by HEAD, else by a request for one byte; else None."""
    try:
        with requests.head(url, headers=HEADERS, timeout=TIMEOUT, allow_redirects=True) as response:
            length = response.headers.get("Content-Length", "")
            if response.ok and length.isdecimal():
                return int(length)
        headers = HEADERS | {"Range": "bytes=0-0"}
        with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as response:
            if response.status_code == requests.codes.partial_content:
                return total_of(response)
            if response.status_code == requests.codes.ok:
                return response.raw.length_remaining
    except requests.RequestException as error:
        logging.info("%s", error)
    return None


def root_cause(error: BaseException) -> BaseException:
    """The error that the libraries wrapped, whose message is the short one."""
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
        raise InputError(f"{url} cannot be fetched ({error}); check the URL.") from error


def _check_status(response: requests.Response, url: str) -> None:
    """Pass only answers that carry the file's bytes."""
    status, answer = response.status_code, f"{response.status_code} {response.reason}"
    if status == requests.codes.requested_range_not_satisfiable:
        raise Outdated(f"{url} answered {answer}, so that it is fetched from its start")
    if status in (408, 429) or status >= 500:
        raise Interrupted(f"{url} answered {answer}", _retry_after(response))
    if status not in (requests.codes.ok, requests.codes.partial_content):
        raise InputError(
            f"{url} cannot be fetched: the server answered {answer}. Open the URL in a browser to "
            "see why, and correct it in the config."
        )


def _retry_after(response: requests.Response) -> float:
    """Seconds that the server asks to wait; 0 if it does not say, or not in a readable way."""
    try:
        return min(urllib3.Retry().get_retry_after(response.raw) or 0, RETRY_AFTER_LIMIT)
    except urllib3.exceptions.InvalidHeader:
        return 0.0


def _check_range(response: requests.Response, offset: int, origin: Origin) -> None:
    """Pass only the continuation of the bytes that are known as `origin`."""
    now = origin_of(response, origin.url)
    pairs = ((origin.etag, now.etag), (origin.last_modified, now.last_modified))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise Outdated(f"{origin.url} has changed, so that it is fetched from its start")
    text = response.headers.get("Content-Range", "")
    if not _continues(text, offset, origin.size, now.size):
        raise WrongRange(
            f"{origin.url} answered with the wrong range, {text!r} instead of one from {offset} on"
        )


def _continues(text: str, offset: int, total: int | None, length: int | None) -> bool:
    """Whether a Content-Range begins at `offset` and agrees with the sizes that are known."""
    fields = CONTENT_RANGE.fullmatch(text)
    if not fields or not 0 < offset == int(fields[1]) <= int(fields[2]):
        return False
    announced = total if fields[3] == "*" else int(fields[3])
    return (
        length in (None, int(fields[2]) - offset + 1)
        and total in (None, announced)
        and (announced is None or int(fields[2]) < announced)
    )
