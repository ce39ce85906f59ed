"""Archives from a server, or where they lie: fetched once, resumed, checked, ready to be read.

Beside the receipt lie, named after the end of the URL:

    <file>             the archive, only ever whole and checked
    <file>.part        bytes on their way, locked (flock) by the process that fetches them
    <file>.rejected    a whole download that is not what the config expects
    <file>.source.json, <file>.part.json, <file>.rejected.json
                       what the server said of these bytes; they outlive the receipt
    <tar>, <tar>.source.json
                       the tar that was in a .tar.gz or .tgz, and the digest of what it came from

Requests follow RFC 9110: ranges (section 14), If-Range (13.1.5) and Retry-After (10.2.3).
"""

import contextlib
import dataclasses
import fcntl
import gzip
import hashlib
import html
import logging
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import requests
import tenacity
import urllib3

from renet import files
from renet.errors import InputError
from renet.progress import Progress
from renet.receipts import Receipt

HEADERS = {"User-Agent": "renet-workflow", "Accept-Encoding": "identity"}
TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two reads
ATTEMPTS = 7  # in a row without any progress
BACKOFF = 1.0  # seconds after the first of them, doubled after each further one
BACKOFF_LIMIT = 60.0
RETRY_AFTER_LIMIT = 300.0  # seconds that a server may ask for
RECEIVE_BYTES = 1 << 16  # small, because a stall loses what has not been written yet
BLOCK_BYTES = 1 << 20
TAR_BLOCK_BYTES = 512

HEX_DIGITS = {"md5": 32, "sha256": 64}
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
HTML_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
HTML_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
GZIP_MAGIC = b"\x1f\x8b"
MATLAB_MAGIC = b"MATLAB "
MAGICS = {
    GZIP_MAGIC: "a gzip file",
    MATLAB_MAGIC: "a MATLAB file",
    b"\xff\xd8\xff": "a JPEG",
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"PK\x03\x04": "a zip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"%PDF-": "a PDF",
}


def obtain(url: str, digest: str | None, receipt_file: str | Path) -> Receipt:
    """Get the archive behind `url`, check it, make it readable by offset and write its receipt.

    An http or https archive is put beside the receipt, unless it lies there already; a file URL
    is used where it lies. A .tar.gz or .tgz is decompressed beside the receipt in either case,
    and the receipt names that tar. The same archive gives the same receipt, byte for byte.

    Args:
        url: http://, https:// or file:// with an absolute path.
        digest: `md5:<hex>`, `sha256:<hex>`, or None if none is known.
        receipt_file: where the receipt is written; names the folder of everything else.

    Raises:
        InputError: the URL or the digest cannot be used, the server does not give the file, the
            bytes are not the expected ones, the disk is full, or another process is fetching.
    """
    receipt_file = Path(receipt_file)
    parts, wanted = _split(url), _parse_digest(digest)
    archive = receipt_file.with_name(file_name(url))
    tar = archive.with_name(_tar_name(archive.name) or archive.name)
    if receipt_file.name in (archive.name, tar.name):
        raise InputError(
            f"The receipt cannot be called {receipt_file}, because the archive goes there; add "
            ".json to its name."
        )
    receipt_file.parent.mkdir(parents=True, exist_ok=True)
    if parts.scheme == "file":
        receipt = _from_disk(url, _local_path(parts, url), wanted)
    else:
        with _locked(_beside(archive, ".part")):
            receipt = _from_server(url, archive, wanted)
    _log_verdict(receipt)
    if tar != archive:
        _decompress(receipt, tar)
        receipt = dataclasses.replace(receipt, path=str(tar))
    receipt.write(receipt_file)
    return receipt


def file_name(url: str) -> str:
    """The local name of an archive: the decoded end of the URL's path, without any query.

    Raises:
        InputError: the URL's scheme is not supported, or its path does not end in a file's name.
    """
    name = unquote(_split(url).path.rpartition("/")[2])
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise InputError(
            f"The URL {url} does not end in the name of a file, as in "
            "https://example.org/wiki_crop.tar; give the URL of the file itself."
        )
    return name


def describe_bytes(path: str | Path) -> str:
    """What a file looks like from its first bytes, as a noun phrase for error messages."""
    with Path(path).open("rb") as handle:
        head = handle.read(4096)
    if not head:
        return "an empty file"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and HTML_PAGE.search(head):
        return _describe_page(head)
    for magic, phrase in MAGICS.items():
        if head.startswith(magic):
            return phrase
    if _is_tar_header(head[:TAR_BLOCK_BYTES]):
        return "a tar file"
    if all(byte >= 32 or byte in b"\t\n\f\r" for byte in head):
        return f'text that begins "{_shorten(head)}"'
    return f"unknown bytes that begin {head[:8].hex(' ')}"


def _describe_page(head: bytes) -> str:
    title = HTML_TITLE.search(head)
    return f'an HTML page titled "{_shorten(title[1])}"' if title else "an HTML page"


def _shorten(text: bytes, length: int = 80) -> str:
    """Readable text in one line of at most `length` characters."""
    line = " ".join(html.unescape(text.decode("utf-8", "replace")).split())
    return line if len(line) <= length else line[: length - 1] + "…"


# What the config says: a URL and a digest.


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url} is not a valid URL ({error}).") from error
    if parts.scheme not in ("http", "https", "file"):
        raise InputError(
            f"The URL {url} cannot be fetched: it has to begin with http:// or https://, or with "
            "file:// and an absolute path for an archive that is on this machine already, as in "
            "file:///data/wiki_crop.tar."
        )
    if parts.scheme != "file" and not parts.hostname:
        raise InputError(f"The URL {url} does not name a server.")
    return parts


def _local_path(parts: SplitResult, url: str) -> Path:
    """The absolute path that a file URL means (RFC 8089)."""
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise InputError(
            f"The URL {url} does not give an absolute path; write three slashes after file:, as "
            "in file:///data/wiki_crop.tar."
        )
    if parts.query or parts.fragment:
        raise InputError(
            f"The path in the URL {url} would end before its ? or #; write them as %3F and %23."
        )
    return Path(unquote(parts.path))


def _parse_digest(digest: str | None) -> str | None:
    """The digest in lower case."""
    if digest is None:
        return None
    algorithm, _, digits = digest.lower().partition(":")
    if len(digits) != HEX_DIGITS.get(algorithm) or not re.fullmatch("[0-9a-f]+", digits):
        raise InputError(
            f"The digest {digest!r} is neither md5: with 32 hexadecimal digits nor sha256: with 64."
        )
    return f"{algorithm}:{digits}"


def _tar_name(name: str) -> str | None:
    """The name of the tar in a gzipped tar of this name; None for other files."""
    if name.lower().endswith(".tar.gz"):
        return name[: -len(".gz")]
    if name.lower().endswith(".tgz"):
        return name[: -len(".tgz")] + ".tar"
    return None


# What is known of the bytes in a file.


@dataclasses.dataclass(frozen=True)
class _Origin:
    """Where the bytes in a file came from and what is known of them; kept as JSON beside it."""

    url: str
    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None

    @property
    def validator(self) -> str | None:
        """What If-Range may hold: a strong ETag, else a date (RFC 9110, 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _origin_file(path: Path) -> Path:
    """`<path>.json`, except for archives: theirs would be the receipt's usual name."""
    return _beside(path, ".json" if path.suffix in (".part", ".rejected") else ".source.json")


def _read_origin(path: Path) -> _Origin | None:
    """What is known of the bytes in `path`; None if that is missing or damaged."""
    try:
        return _Origin(**files.read_json(_origin_file(path)))
    except (FileNotFoundError, InputError, TypeError):
        return None


def _origin_at(url: str, path: Path) -> _Origin:
    """What is known of the bytes in `path` if they came from `url`, else the URL alone."""
    known = _read_origin(path)
    return known if known and known.url == url else _Origin(url)


def _write_origin(path: Path, origin: _Origin) -> None:
    files.write_json(_origin_file(path), dataclasses.asdict(origin))


def _move(source: Path, target: Path) -> None:
    """Move a file with what is known of it; a kill in between leaves less known, never wrong."""
    _origin_file(target).unlink(missing_ok=True)
    source.replace(target)
    with contextlib.suppress(FileNotFoundError):
        _origin_file(source).replace(_origin_file(target))


# Whether the bytes in a file are the expected ones.


def _examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """The digest of a file, and what is wrong with it, in words, or None.

    Without an expected digest the kind of file that `name` promises is all that can be checked;
    with one, the digest alone decides.
    """
    algorithm = expected.partition(":")[0] if expected else "sha256"
    digest = _digest(path, algorithm)
    if expected is None:
        promised, kept = _kind(path, name)
        return digest, None if kept else f"{promised} was expected"
    return digest, None if digest == expected else f"{expected} was expected, {digest} came"


def _digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file: a resumed download has to be read from its start."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    bar = _byte_bar(f"{algorithm} of {path.name}", path.stat().st_size)
    with path.open("rb") as handle, bar:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
            bar.update(len(block))
    return f"{algorithm}:{state.hexdigest()}"


def _kind(path: Path, name: str) -> tuple[str, bool]:
    """What a file of this name should be, in words, and whether its first bytes agree."""
    with path.open("rb") as handle:
        head = handle.read(TAR_BLOCK_BYTES)
    if _tar_name(name):
        return "a gzipped tar file", head.startswith(GZIP_MAGIC) and _holds_tar(path)
    if name.lower().endswith(".mat"):
        return "a MATLAB file", head.startswith(MATLAB_MAGIC)
    return "a tar file", _is_tar_header(head)


def _holds_tar(path: Path) -> bool:
    """Whether a gzip file begins with a tar header."""
    try:
        with gzip.open(path) as stream:
            return _is_tar_header(stream.read(TAR_BLOCK_BYTES))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _is_tar_header(block: bytes) -> bool:
    """Whether a block's checksum makes it a tar header: old (v7) tars have no other sign."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _log_verdict(receipt: Receipt) -> None:
    if receipt.verified:
        logging.info("%s: verified, %s.", receipt.path, receipt.digest)
    else:
        logging.warning(
            "%s: not verified, because the config gives no digest for it; it has %s.",
            receipt.path,
            receipt.digest,
        )


# Archives that are on this machine.


def _from_disk(url: str, path: Path, wanted: str | None) -> Receipt:
    """Check a file in place; it is never copied, moved or marked."""
    if not path.is_file():
        raise InputError(f"There is no file {path}, which the URL {url} speaks of.")
    digest, fault = _examine(path, path.name, wanted)
    size = path.stat().st_size
    if fault:
        raise InputError(
            f"{path} is not what the config expects: {fault}. Its {size:,} bytes look like "
            f"{describe_bytes(path)}. Put the right file there{_offer_to_accept(wanted, digest)}."
        )
    return Receipt(url, str(path), size, digest, verified=wanted is not None)


def _offer_to_accept(wanted: str | None, digest: str) -> str:
    return f", or put {digest} in the config to accept this one" if wanted else ""


# Archives from a server.


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Hold the lock on `<file>.part`, which the kernel lets go when the process ends."""
    with part.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been renamed by another process before this one got the lock.
            mine = os.path.samestat(os.fstat(handle.fileno()), part.stat())
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise InputError(
                f"{part} is being written by another process; wait for it to end, or stop it, "
                "and start again."
            )
        try:
            yield
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()
                _origin_file(part).unlink(missing_ok=True)


def _from_server(url: str, archive: Path, wanted: str | None) -> Receipt:
    """The receipt of an archive that lies there already, was rejected before or is fetched."""
    part = _beside(archive, ".part")
    origin = _keep(url, archive, wanted)
    if origin:
        os.truncate(part, 0)  # nobody needs the rest of it any more
    else:
        origin = _accept_rejected(url, archive, wanted)
    if not origin:
        _fetch(url, part)
        origin = _accept(url, part, archive, wanted)
    _write_origin(archive, origin)
    return Receipt(
        url=url,
        path=str(archive),
        size=origin.size,
        digest=origin.digest,
        verified=wanted is not None,
        etag=origin.etag,
        last_modified=origin.last_modified,
    )


def _keep(url: str, archive: Path, wanted: str | None) -> _Origin | None:
    """What is known of the archive that lies there; None if it is absent or has to be fetched."""
    if not archive.is_file():
        return None
    size, known = archive.stat().st_size, _origin_at(url, archive)
    fault = None if wanted else _size_fault(url, archive)
    if not fault:
        digest, fault = _examine(archive, archive.name, wanted)
    if not fault and not wanted and known.digest:
        fault = _damage(archive, digest, known.digest)
    if fault:
        logging.warning("%s lies there already, but has to be fetched again: %s.", archive, fault)
        return None
    logging.info("%s lies there already; nothing is fetched.", archive)
    return dataclasses.replace(known, size=size, digest=digest)


def _damage(archive: Path, digest: str, noted: str) -> str | None:
    """Whether bytes that have `digest` differ from those that had the `noted` one."""
    algorithm = noted.partition(":")[0]
    if not digest.startswith(algorithm):
        digest = _digest(archive, algorithm)
    return None if digest == noted else f"it came with {noted} and has {digest} now"


def _size_fault(url: str, archive: Path) -> str | None:
    """Whether the server's size speaks against the bytes here; an absent server does not."""
    announced, size = _announced_size(url), archive.stat().st_size
    if announced is not None:
        return None if size == announced else f"it has {size:,} bytes, {url} has {announced:,}"
    logging.warning("The size of %s could not be asked for.", url)
    known = _read_origin(archive)
    return f"it came from {known.url}" if known and known.url != url else None


def _accept_rejected(url: str, archive: Path, wanted: str | None) -> _Origin | None:
    """Take a rejected download that the config accepts now; None if there is none to judge."""
    rejected = _beside(archive, ".rejected")
    if not rejected.is_file():
        return None
    known = _read_origin(rejected)
    elsewhere = known is not None and known.url != url
    if elsewhere and (wanted is None or _examine(rejected, archive.name, wanted)[1]):
        logging.info("%s came from another URL, %s; it is left alone.", rejected, known.url)
        return None
    return _accept(url, rejected, archive, wanted)


def _accept(url: str, candidate: Path, archive: Path, wanted: str | None) -> _Origin:
    """Give a whole download the archive's name, or leave it as `<file>.rejected` and raise."""
    digest, fault = _examine(candidate, archive.name, wanted)
    known = _origin_at(url, candidate)
    if fault:
        rejected = _beside(archive, ".rejected")
        if candidate != rejected:
            _move(candidate, rejected)
        raise InputError(
            f"{url} did not give what the config expects: {fault}. The "
            f"{rejected.stat().st_size:,} bytes that came look like {describe_bytes(rejected)}; "
            f"they are left as {rejected}. Delete that file to fetch it again"
            f"{_offer_to_accept(wanted, digest)}."
        )
    _move(candidate, archive)
    return dataclasses.replace(known, size=archive.stat().st_size, digest=digest)


# Fetching.


class _Interrupted(Exception):
    """An attempt ended in a way that a further one may mend."""

    def __init__(self, reason: str, retry_after: float = 0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class _Patience:
    """Counts the attempts in a row after which the part was not longer than ever before.

    Growth beyond the longest so far, not mere arrival of bytes, is progress: a server that cuts
    the connection and cannot resume would be asked for ever otherwise.
    """

    def __init__(self, part: Path, longest: int):
        self.part, self.longest, self.fruitless = part, longest, 0

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


def _fetch(url: str, part: Path) -> None:
    """Bring `part` to its full length, over as many connections as that takes."""
    patience = _Patience(part, longest=_resume_point(url, part)[0])
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(_Interrupted),
        after=patience.count,
        wait=patience.pause,
        stop=patience.is_over,
        before_sleep=_log_pause,
        reraise=True,
    )
    try:
        retrying(_attempt, url, part)
    except _Interrupted as error:
        raise InputError(
            f"{error}, and {ATTEMPTS} attempts in a row brought nothing new. The "
            f"{part.stat().st_size:,} bytes that came before are kept; start again later to go on."
        ) from error


def _log_pause(state: tenacity.RetryCallState) -> None:
    logging.warning(
        "%s; trying again in %.1f s.", state.outcome.exception(), state.next_action.sleep
    )


def _attempt(url: str, part: Path) -> None:
    """Ask once for what `part` lacks; returns when it is whole.

    Raises:
        _Interrupted: it is not, but another attempt may bring more.
        InputError: there is no use in another attempt.
    """
    offset, origin = _resume_point(url, part)
    if offset and offset == origin.size:
        return  # whole, but the process ended before it could be checked
    with _request(url, offset, origin) as response:
        _raise_for_status(response, url, part)
        if response.status_code == requests.codes.partial_content:
            _check_range(response, offset, origin, part)
            logging.info("Going on with %s from byte %s.", part, f"{offset:,}")
        else:
            logging.info("Fetching %s to %s.", url, part)
            offset, origin = 0, _origin_of(response, url)
        with _writing(part):
            if not offset:
                os.truncate(part, 0)  # before its origin changes, so that the two never mix
                _write_origin(part, origin)
            _receive(response, part, origin.size)
    size = part.stat().st_size
    if origin.size not in (None, size):
        raise _Interrupted(f"{url} ended after {size:,} of {origin.size:,} bytes")


def _resume_point(url: str, part: Path) -> tuple[int, _Origin]:
    """How many bytes of `part` can be kept, and what is known of them.

    Without a validator a later piece could be of another file, so that nothing is kept.
    """
    origin, size = _origin_at(url, part), part.stat().st_size
    too_long = origin.size is not None and size > origin.size
    return (0, _Origin(url)) if too_long or not origin.validator else (size, origin)


def _request(url: str, offset: int, origin: _Origin) -> requests.Response:
    headers = dict(HEADERS)
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": origin.validator}
    try:
        return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted(f"{url} cannot be reached ({_root(error)})") from error
    except requests.RequestException as error:
        raise InputError(f"{url} cannot be fetched ({error}); check the URL.") from error


def _root(error: BaseException) -> BaseException:
    """The error that the libraries wrapped, whose message is the short one."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _raise_for_status(response: requests.Response, url: str, part: Path) -> None:
    """Pass only answers that carry the file's bytes."""
    status, answer = response.status_code, f"{response.status_code} {response.reason}"
    if status == requests.codes.requested_range_not_satisfiable:
        os.truncate(part, 0)
        raise _Interrupted(f"{url} answered {answer}, so that it is fetched from its start")
    if status in (408, 429) or status >= 500:
        raise _Interrupted(f"{url} answered {answer}", _retry_after(response))
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


def _check_range(response: requests.Response, offset: int, origin: _Origin, part: Path) -> None:
    """Pass only the continuation of the bytes in `part`; otherwise it starts from nothing."""
    now = _origin_of(response, origin.url)
    pairs = ((origin.etag, now.etag), (origin.last_modified, now.last_modified))
    text = response.headers.get("Content-Range", "")
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        reason = "has changed"
    elif not _continues(text, offset, origin.size, now.size):
        reason = f"answered with the wrong range, {text!r} instead of one from {offset} on"
    else:
        return
    os.truncate(part, 0)
    raise _Interrupted(f"{origin.url} {reason}, so that it is fetched from its start")


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


def _origin_of(response: requests.Response, url: str) -> _Origin:
    """What the headers say; the size is that of the answer's own body, None if not announced."""
    headers = response.headers
    return _Origin(
        url, response.raw.length_remaining, headers.get("ETag"), headers.get("Last-Modified")
    )


def _receive(response: requests.Response, part: Path, total: int | None) -> None:
    """Append the answer's body to `part`, as it comes: Content-Encoding is not undone."""
    offset = part.stat().st_size
    if total is None:
        logging.warning("The server does not say how many bytes it sends.")
    else:
        _require_space(part, total - offset)
    bar = _byte_bar(part.name, total, offset)
    try:
        with part.open("ab") as handle, bar:
            while block := response.raw.read(RECEIVE_BYTES, decode_content=False):
                handle.write(block)
                bar.update(len(block))
    except urllib3.exceptions.HTTPError as error:
        size = part.stat().st_size
        raise _Interrupted(
            f"The connection to {response.url} was lost after {size:,} bytes ({_root(error)})"
        ) from error


def _announced_size(url: str) -> int | None:
    """The size in bytes that a server gives by HEAD, else by a request for one byte; else None."""
    try:
        with requests.head(url, headers=HEADERS, timeout=TIMEOUT, allow_redirects=True) as response:
            length = response.headers.get("Content-Length", "")
            if response.ok and length.isdecimal():
                return int(length)
        headers = HEADERS | {"Range": "bytes=0-0"}
        with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as response:
            fields = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status_code == requests.codes.partial_content and fields:
                return None if fields[3] == "*" else int(fields[3])
            if response.status_code == requests.codes.ok:
                return response.raw.length_remaining
    except requests.RequestException as error:
        logging.info("%s", error)
    return None


# The disk.


def _byte_bar(name: str, total: int | None, initial: int = 0) -> Progress:
    return Progress(desc=name, total=total, initial=initial, unit="B", unit_scale=True)


def _require_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path} needs {needed:,} bytes more, but only {free:,} are free in {path.parent}; "
            "make room, or keep the resources on another disk."
        )


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one for the user."""
    try:
        yield
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise InputError(
            f"{path} cannot be written: {error.strerror} ({free:,} bytes are free in "
            f"{path.parent}). Make room and start again; what was fetched until now is kept."
        ) from error


def _decompress(receipt: Receipt, tar: Path) -> None:
    """Write the tar of a gzipped tar, unless it was made from the same archive before."""
    archive, known = Path(receipt.path), _read_origin(tar)
    made = (tar.stat().st_size, receipt.digest) if tar.is_file() else None
    if known and made == (known.size, known.digest):
        logging.info("%s is decompressed already.", tar)
        return
    _require_space(tar, receipt.size)  # JPEGs hardly shrink: the tar is about as large
    with _writing(tar), files.replacing(tar) as temporary:
        _gunzip(archive, temporary)
    _write_origin(tar, _Origin(receipt.url, size=tar.stat().st_size, digest=receipt.digest))


def _gunzip(source: Path, target: Path) -> None:
    bar = _byte_bar(f"decompressing {source.name}", source.stat().st_size)
    with source.open("rb") as raw, gzip.open(raw) as stream, target.open("wb") as out, bar:
        try:
            while block := stream.read(BLOCK_BYTES):
                out.write(block)
                bar.update(raw.tell() - bar.n)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{source} is damaged and cannot be decompressed ({error}); it looks like "
                f"{describe_bytes(source)}. Put a whole copy in its place, or delete it to fetch "
                "it again if it was downloaded."
            ) from error
