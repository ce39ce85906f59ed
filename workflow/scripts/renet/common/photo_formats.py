"""Formats of photos that can be read."""

import re

# The formats that every build of OpenCV decodes: not HEIC, the format of iPhones.
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe"),
    "PNG": (".png",),
    "WebP": (".webp",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
SUFFIXES = tuple(suffix for of_format in FORMATS.values() for suffix in of_format)
CONVERTIBLE = ("heic", "heif", "avif", "gif")
CONVERT = "convert by ImageMagick's `mogrify -format jpg *.{}`"
STARTS = re.compile(  # first bytes of these formats, and of GIF, AVIF and HEIC
    rb"(?P<JPEG>\xff\xd8)|(?P<PNG>\x89PNG)|(?P<WebP>RIFF....WEBP)|(?P<BMP>BM)|(?P<GIF>GIF8)"
    rb"|(?P<TIFF>II[*+]\0|MM\0[*+])|....ftyp(?P<AVIF>avi[fs])|....ftyp(?P<HEIC>he|m[is]f1)", re.S
)  # fmt: skip
# In paths of hidden files or folders, such as macOS's ._a.jpg, and of file browsers' own files.
HIDDEN = r"(?:^|/)(?:\.[^/.]|(?:Thumbs\.db|desktop\.ini)$)"


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder in its relative path, is hidden."""
    return re.search(HIDDEN, path) is not None


def detect_format(data: bytes) -> str | None:
    """Return the format of an image file by its first bytes; None for an unknown format."""
    found = STARTS.match(data)
    return found and found.lastgroup
