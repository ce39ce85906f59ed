"""An HTTP server on the loopback interface, with the faults of servers on the web."""

import contextlib
import dataclasses
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

STALL_SECONDS = 30.0  # the longest that a stalled response blocks its thread
PIECE_BYTES = 1 << 14


@dataclasses.dataclass(frozen=True)
class Response:
    """The response to one request; by default a correct one with the bytes of the file.

    Attributes:
        status: sent instead of 200 or 206, with `body`.
        body: sent instead of the file's bytes.
        headers: further headers; a value of None omits the header of that name.
        ranges: whether Range is supported.
        drop_after, stall_after: bytes of the body after which the connection is cut, or stalls
            until the server is closed.
        throttle: bytes a second, at most.
        chunked: whether the body is sent in chunks, without its length.
        pause_in_headers: seconds before each of their bytes.
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str | None] = dataclasses.field(default_factory=dict)
    ranges: bool = True
    drop_after: int | None = None
    stall_after: int | None = None
    throttle: int | None = None
    chunked: bool = False
    pause_in_headers: float = 0


class ArchiveServer(ThreadingHTTPServer):
    """Serves `contents` (path to bytes).

    Each GET takes the next one of `responses`; later ones get the default response.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents: dict[str, bytes] = {}
        self.responses: list[Response] = []
        self.requests: list[SimpleNamespace] = []  # path and headers of each
        self.body_bytes = 0
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        """The URL of a path that begins with a slash."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def requested_ranges(self) -> list[str | None]:
        """The Range header of each GET, in order."""
        return [request.headers.get("Range") for request in self.requests]

    def handle_error(self, request, client_address) -> None:
        """Ignore clients that disconnect, as some tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ArchiveServer

    def log_message(self, *args) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self.server.requests.append(SimpleNamespace(path=self.path, headers=dict(self.headers)))
        response = self.server.responses.pop(0) if self.server.responses else Response()
        content = self.server.contents.get(self.path.partition("?")[0])
        if response.body is not None:
            content = response.body
        if content is None or response.status is not None:
            self._send(response.status or 404, response.body or b"nothing here", response, {})
        else:
            self._send_file(content, response)

    def _send_file(self, content: bytes, response: Response) -> None:
        headers = {"Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked or not response.ranges:
            return self._send(200, content, response, headers)
        first = int(asked[1])
        last = min(int(asked[2] or len(content)), len(content) - 1)
        if first >= len(content):
            return self._send(416, b"", response, {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self._send(206, content[first : last + 1], response, headers)

    def _send(self, status: int, body: bytes, response: Response, headers: dict) -> None:
        length = {"Content-Length": str(len(body))}
        length = {"Transfer-Encoding": "chunked"} if response.chunked else length
        headers = length | headers | response.headers
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        if response.pause_in_headers:
            for byte in b"".join(self._headers_buffer):
                self.wfile.write(bytes([byte]))
                if self.server.closing.wait(response.pause_in_headers):
                    return
            self._headers_buffer.clear()
        self.end_headers()
        limits = [n for n in (response.drop_after, response.stall_after) if n is not None]
        self._send_body(body[: min(limits)] if limits else body, response)
        if response.stall_after is not None:
            self.server.closing.wait(STALL_SECONDS)
        if limits:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        elif response.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_body(self, body: bytes, response: Response) -> None:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if response.chunked else piece)
            self.server.body_bytes += len(piece)
            if response.throttle:
                time.sleep(len(piece) / response.throttle)


@contextlib.contextmanager
def serving() -> Iterator[ArchiveServer]:
    """Run a server on a free port."""
    with ArchiveServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
