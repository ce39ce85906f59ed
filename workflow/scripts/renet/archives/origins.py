"""The origin of the bytes in a file, in a JSON file beside it.

A later process uses it to resume a download or to recognise an archive.
"""

import contextlib
import dataclasses
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the bytes of a file came from; None for what the server did not send."""

    url: str
    size: int | None = None  # bytes of the whole file
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None  # `md5:…` or `sha256:…`, once it is computed

    @property
    def validator(self) -> str | None:
        """The value for If-Range: a strong ETag, else a date (RFC 9110, 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified


def read(path: Path) -> Origin | None:
    """The origin of the bytes in `path`; None if its file is missing or damaged."""
    try:
        return Origin(**files.read_json(_origin_file(path)))
    except (FileNotFoundError, InputError, TypeError):
        return None


def read_for(url: str, path: Path) -> Origin:
    """The origin of the bytes in `path` if they came from `url`, else the URL alone."""
    known = read(path)
    return known if known and known.url == url else Origin(url)


def write(path: Path, origin: Origin) -> None:
    files.write_json(_origin_file(path), dataclasses.asdict(origin))


def delete(path: Path) -> None:
    _origin_file(path).unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file with its origin; a kill in between loses the origin but never mixes two."""
    delete(target)
    files.move(source, target)
    with contextlib.suppress(FileNotFoundError):
        _origin_file(source).replace(_origin_file(target))


def _origin_file(path: Path) -> Path:
    """`<path>.json`, or `<path>.source.json` for archives, whose receipt is `<path>.json`."""
    suffix = ".json" if path.suffix in (".part", ".rejected") else ".source.json"
    return path.with_name(path.name + suffix)
