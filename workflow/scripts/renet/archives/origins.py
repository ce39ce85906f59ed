"""What is known of the bytes in a file and of where they came from, noted as JSON beside it.

A note outlives the receipt and the process, so that a download can go on, and an archive can be
recognised, on any later day.
"""

import contextlib
import dataclasses
from pathlib import Path

from renet.common import files
from renet.common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where some bytes came from and what is known of them.

    Attributes:
        url: where they came from.
        size: bytes of the whole file, None if the server did not say.
        etag, last_modified: the server's headers, where it sent them.
        digest: `md5:…` or `sha256:…`, once it was computed.
    """

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


def read(path: Path) -> Origin | None:
    """What is known of the bytes in `path`; None if its note is missing or damaged."""
    try:
        return Origin(**files.read_json(_note_file(path)))
    except (FileNotFoundError, InputError, TypeError):
        return None


def read_for(url: str, path: Path) -> Origin:
    """What is known of the bytes in `path` if they came from `url`, else the URL alone."""
    known = read(path)
    return known if known and known.url == url else Origin(url)


def write(path: Path, origin: Origin) -> None:
    """Note what is known of the bytes in `path`."""
    files.write_json(_note_file(path), dataclasses.asdict(origin))


def forget(path: Path) -> None:
    """Delete the note on `path`, if there is one."""
    _note_file(path).unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file with its note; a kill in between leaves less known, never wrong."""
    forget(target)
    source.replace(target)
    with contextlib.suppress(FileNotFoundError):
        _note_file(source).replace(_note_file(target))


def _note_file(path: Path) -> Path:
    """`<path>.json`, except for archives: theirs would be the receipt's usual name."""
    suffix = ".json" if path.suffix in (".part", ".rejected") else ".source.json"
    return path.with_name(path.name + suffix)
