"""A real HTTP server on the loopback interface that can misbehave as servers on the web do."""

import contextlib
import dataclasses
import mmap
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STALL_SECONDS = 30.0  # the longest that a stalled answer keeps its thread
PIECE_BYTES = 1 << 14


@dataclasses.dataclass(frozen=True)
class Answer:
    """How one request is answered; the default is a faultless answer with the file's bytes.

    Attributes:
        status: sent instead of 200 or 206, with `body`.
        body: sent instead of the file's bytes.
        headers: further headers; a value of None leaves the header of that name away.
        etag: sent instead of the file's.
        ranges: whether Range is honoured; None honours it even against If-Range.
        drop_after, stall_after: bytes of the body after which the connection is cut, or goes
            silent until the server is closed.
        throttle: bytes a second, at most.
        chunked: whether the length is left unsaid.
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str | None] = dataclasses.field(default_factory=dict)
    etag: str | None = None
    ranges: bool | None = True
    drop_after: int | None = None
    stall_after: int | None = None
    throttle: int | None = None
    chunked: bool = False


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]


class ArchiveServer(ThreadingHTTPServer):
    """Serves `contents` (path to bytes, or to the file that holds them).

    `answers` are used up one a GET, then all is well.
    """

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.contents: dict[str, bytes | Path] = {}
        self.answers: list[Answer] = []
        self.head_status: int | None = None
        self.requests: list[Request] = []
        self.body_bytes = 0
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        """The URL of a path that begins with a slash."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges_asked(self) -> list[str | None]:
        """The Range header of each GET, in order."""
        gets = [request for request in self.requests if request.method == "GET"]
        return [request.headers.get("Range") for request in gets]

    def handle_error(self, request, client_address) -> None:
        """A client that goes away in the middle is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ArchiveServer

    def log_message(self, *args) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._note()
        content = self._content()
        status = self.server.head_status or (200 if content is not None else 404)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content or b"") if status == 200 else 0))
        self.end_headers()

    def do_GET(self) -> None:
        self._note()
        answer = self.server.answers.pop(0) if self.server.answers else Answer()
        content = self._content()
        if answer.body is not None:
            content = answer.body
        if content is None or answer.status is not None:
            self._send(answer.status or 404, answer.body or b"nothing here", answer, {})
        else:
            self._send_file(content, answer)

    def _content(self) -> bytes | memoryview | None:
        """The bytes of the path; a file's are mapped, however many they are."""
        content = self.server.contents.get(self.path.partition("?")[0])
        if not isinstance(content, Path):
            return content
        with content.open("rb") as handle:
            return memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))

    def _note(self) -> None:
        self.server.requests.append(Request(self.command, self.path, dict(self.headers)))

    def _send_file(self, content: bytes | memoryview, answer: Answer) -> None:
        headers = {"Accept-Ranges": "bytes", "ETag": answer.etag or '"first"'}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        validators = (headers["ETag"], answer.headers.get("Last-Modified"))
        same = self.headers.get("If-Range", headers["ETag"]) in validators
        if not asked or answer.ranges is False:
            return self._send(200, content, answer, headers)
        if answer.ranges is True and not same:
            return self._send(200, content, answer, headers)
        first = int(asked[1])
        last = min(int(asked[2] or len(content)), len(content) - 1)
        if first >= len(content):
            return self._send(416, b"", answer, {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self._send(206, content[first : last + 1], answer, headers)

    def _send(self, status: int, body: bytes | memoryview, answer: Answer, headers: dict) -> None:
        length = {"Transfer-Encoding": "chunked"} if answer.chunked else {}
        headers = {"Content-Length": str(len(body))} | headers | length | answer.headers
        if answer.chunked:
            headers["Content-Length"] = None
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        limits = [n for n in (answer.drop_after, answer.stall_after) if n is not None]
        self._send_body(body[: min(limits)] if limits else body, answer)
        if answer.stall_after is not None:
            self.server.closing.wait(STALL_SECONDS)
        if limits:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        elif answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_body(self, body: bytes | memoryview, answer: Answer) -> None:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            self.server.body_bytes += len(piece)
            if answer.throttle:
                time.sleep(len(piece) / answer.throttle)


@contextlib.contextmanager
def serving(port: int = 0) -> Iterator[ArchiveServer]:
    """A server that runs meanwhile, on a free port unless one is given."""
    with ArchiveServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
