"""Download a file over HTTP; after a lost connection, request the rest (RFC 9110, section 14)."""

import dataclasses
import logging
import multiprocessing.pool
import os
import re
import time
from pathlib import Path

import requests
import urllib3

from renet.common import disk
from renet.common.errors import InputError
from renet.common.progress import Progress

HEADERS = {"User-Agent": "renet-workflow", "Accept-Encoding": "identity"}
TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two reads
HEADERS_TIMEOUT = 180.0  # seconds for all headers, which a server can send byte by byte
MAX_FAILURES = 7  # attempts in a row without progress
BACKOFF = 1.0  # seconds before a retry; each attempt without progress doubles them
RECEIVE_BYTES = 1 << 16  # small, because a stall loses the bytes that are not written yet
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")  # first byte, total size


class Interrupted(Exception):
    """A request failed, but a later request may succeed."""


@dataclasses.dataclass
class Download:
    """A download to `file`, which exists and may have the first bytes already.

    A response that begins where `file` ends is appended. If `file` has bytes, any other response
    is written to `beside`, because it may be an error page; `file` is then set to `beside`.
    """

    url: str
    file: Path
    beside: Path
    has_digest: bool  # if False, a resumed file could not be verified: each attempt begins anew

    def run(self) -> Path:
        """Download the file, and return its path; an error does not delete the bytes received.

        Only an attempt that makes the file longer than ever before is progress. Otherwise, a server
        that cuts every connection and cannot resume would be retried without end.
        """
        longest = failures = 0
        while True:
            try:
                self._attempt()
                return self.file
            except Interrupted as error:
                size = self.file.stat().st_size
                longest, failures = (size, 0) if size > longest else (longest, failures + 1)
                if failures == MAX_FAILURES:
                    raise InputError(
                        f"{error}; {MAX_FAILURES} attempts in a row brought no new bytes; start "
                        "again later."
                    ) from error
                pause = BACKOFF * 2**failures
                logging.warning("%s; retrying in %.1f s.", error, pause)
                time.sleep(pause)

    def _attempt(self) -> None:
        """Send one request for the bytes that `file` lacks."""
        if not self.has_digest:
            os.truncate(self.file, 0)
        offset = self.file.stat().st_size
        headers = HEADERS | ({"Range": f"bytes={offset}-"} if offset else {})
        with _request(self.url, headers) as response:
            code, sent_range = response.status_code, response.headers.get("Content-Range", "")
            if code == 416 and sent_range == f"bytes */{offset}":
                return  # complete, but not verified yet: the last process was stopped
            _check_status(response, self.url)
            rest = CONTENT_RANGE.fullmatch(sent_range) if code == 206 and offset else None
            continues = rest is not None and int(rest[1]) == offset
            if offset and not continues:
                self.file = self.beside
                self.file.write_bytes(b"")
            if code != 200 and not continues:
                raise Interrupted(
                    f"{self.url} responded {code} ({sent_range}) to a request from byte {offset:,}"
                )
            total = int(rest[2]) if rest else response.raw.length_remaining
            logging.info("Downloading %s from byte %s.", self.url, f"{offset * continues:,}")
            _receive(response, self.file, total)
        size = self.file.stat().st_size
        if total not in (None, size):
            raise Interrupted(f"The response of {self.url} ended after {size:,} of {total:,} bytes")


def _request(url: str, headers: dict[str, str]) -> requests.Response:
    options = {"headers": headers, "stream": True, "timeout": TIMEOUT}
    try:
        with multiprocessing.pool.ThreadPool(1) as pool:  # its daemon thread delays no exit
            return pool.apply_async(requests.get, [url], options).get(HEADERS_TIMEOUT)
    except multiprocessing.TimeoutError as error:
        raise Interrupted(f"{url} has not sent its headers in {HEADERS_TIMEOUT:g} s") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise Interrupted(f"{url} cannot be reached ({_root_cause(error)})") from error
    except requests.RequestException as error:
        raise InputError(f"{url} cannot be downloaded ({error}); check the URL.") from error


def _check_status(response: requests.Response, url: str) -> None:
    """Raise Interrupted if a later request may succeed, and InputError if no request can."""
    code, status = response.status_code, f"{response.status_code} {response.reason}"
    if code in (408, 429) or code >= 500:
        raise Interrupted(f"{url} responded {status}")
    if code not in (200, 206, 416):
        raise InputError(
            f"{url} cannot be downloaded: the server responded {status}. Open the URL in a browser "
            "to see why, and correct it in the config."
        )


def _receive(response: requests.Response, part: Path, total: int | None) -> None:
    """Append the body of a response to `part`; Content-Encoding is not decoded."""
    offset = part.stat().st_size
    if total is not None:
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
    """Return the innermost error of a chain, because its message is the shortest."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
