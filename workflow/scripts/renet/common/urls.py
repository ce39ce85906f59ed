"""File names and local paths of the config's URLs."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from renet.common.errors import InputError


def file_name(url: str) -> str:
    """Return the local name of an archive: the decoded end of the URL's path, without query."""
    parts = _split(url)
    path = parts.path.rstrip("/") if parts.scheme == "file" else parts.path  # it may be a folder
    name = unquote(path.rpartition("/")[2])
    is_odd = set("{}<") & set(unquote(path)) or not name.isprintable() or len(name.encode()) > 240
    if name in ("", ".", "..") or "/" in name or is_odd:
        raise InputError(
            f"The URL {url} does not end in the name of a file, has braces or <, or is too long; "
            "write the URL of the file itself, as in https://example.org/wiki_crop.tar."
        )
    return name


def local_path(url: str) -> Path | None:
    """Return the absolute path in a file URL (RFC 8089); None for http and https."""
    parts = _split(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def tar_name(name: str) -> str | None:
    """Return the name of the decompressed tar of a .tar.gz or .tgz; None for other names."""
    found = re.fullmatch(r"(.+)\.(tar\.gz|tgz)", name, re.IGNORECASE)
    return f"{found[1]}.tar" if found else None


def _split(url: str) -> SplitResult:
    """Split a URL that matches the pattern in the config's schema."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises a ValueError for an impossible port
    except ValueError as error:
        raise InputError(f"{url} is not a valid URL ({error}); correct it.") from error
    if parts.scheme == "file" and (parts.query or parts.fragment):
        raise InputError(
            f"In the URL {url}, ? and # end the path; write these characters as %3F and %23."
        )
    return parts
