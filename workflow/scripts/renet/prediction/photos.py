"""The photos that a user names: files, folders, patterns and tars, and how each is decoded."""

import functools
import glob
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from renet.archives import tar_index
from renet.common import photo_formats
from renet.common.drop_reasons import CropReason
from renet.common.errors import InputError
from renet.faces import crop
from renet.faces.crop import MAX_FILE_BYTES, RejectedImage, cv2

HEIC = (".heic", ".heif")
SUFFIXES = (*photo_formats.SUFFIXES, *HEIC)
# ISO base media files: the brands of HEIC (ISO/IEC 23008-12).
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


class Photo(NamedTuple):
    """A file of a photo, and the function that reads it."""

    name: str
    read: Callable[[], bytes]


def find(places: Sequence[str]) -> Iterator[Photo]:
    """The photos at some places, in the order of their names.

    Args:
        places: files, folders (with all below them, but not behind links), patterns such as
            `a/*.jpg`, or tars, also compressed ones. In a folder and a tar, files count by their
            suffix.

    Raises:
        InputError: a place does not exist, or holds no photo.
    """
    for place in places:
        photos = _of_place(place)
        first = next(photos, None)
        if first is None:
            raise InputError(
                f"{place} holds no photo: none of its files ends with one of {', '.join(SUFFIXES)}."
            )
        yield first
        yield from photos


def count(places: Sequence[str]) -> int | None:
    """The number of photos, None if this needs the reading of a compressed tar.

    Raises:
        InputError: see `find`; all places are checked before the first photo is predicted.
    """
    total, is_known = 0, True
    for place in places:
        photos = find([place])
        next(photos)
        if Path(place).is_file() and _is_compressed_tar(place):
            is_known = False  # it is read only up to its first photo
        else:
            total += 1 + sum(1 for _ in photos)
    return total if is_known else None


def _of_place(place: str) -> Iterator[Photo]:
    path = Path(place)
    if path.is_dir():
        yield from _of_folder(path)
    elif path.is_file() and _is_tar(path):
        yield from _of_compressed(path) if _is_compressed_tar(place) else _of_tar(path)
    elif path.exists():
        yield _file(path)
    elif glob.has_magic(place):
        names = sorted(glob.glob(place, recursive=True))  # noqa: PTH207 (absolute patterns too)
        yield from (_file(Path(name)) for name in names if Path(name).is_file())
    else:
        raise InputError(f"{place} does not exist; give a folder, files, a pattern or a tar.")


def _of_folder(folder: Path) -> Iterator[Photo]:
    for path in sorted(folder.rglob("*")):
        if path.name.lower().endswith(SUFFIXES) and not path.is_dir():
            yield _file(path)


def _file(path: Path) -> Photo:
    def read() -> bytes:
        try:
            _require_bytes(path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            fault = f"it cannot be read ({error.strerror})"
            raise RejectedImage(CropReason.UNREADABLE, fault) from error

    return Photo(str(path), read)


def _of_tar(tar: Path) -> Iterator[Photo]:
    def read(offset: int, size: int) -> bytes:
        _require_bytes(size)
        with tar.open("rb") as handle:  # photos are read after the last one is found
            return tar_index.read_member(handle, offset, size)

    for member in tar_index.tar_members(tar):
        if member.name.lower().endswith(SUFFIXES):
            yield Photo(member.name, functools.partial(read, member.offset, member.size))


def _of_compressed(tar: Path) -> Iterator[Photo]:
    """The photos of a compressed tar, which can only be read in its order, once."""
    try:
        with tarfile.open(tar, "r|*") as archive:
            for header in archive:
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header
                stream = archive.extractfile(header) if header.isreg() else None
                if stream and header.name.lower().endswith(SUFFIXES):
                    data = stream.read(MAX_FILE_BYTES + 1)
                    yield Photo(header.name, functools.partial(_within_limit, data))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(
            f"{tar} is not a complete tar ({error}); put an intact copy in its place."
        ) from (error)


def _within_limit(data: bytes) -> bytes:
    _require_bytes(len(data))
    return data


def _require_bytes(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise RejectedImage(CropReason.TOO_LARGE, f"it has {size:,} bytes")


def _is_compressed_tar(place: str | Path) -> bool:
    with Path(place).open("rb") as handle:
        start = handle.read(6)
    compressed = start.startswith((b"\x1f\x8b", b"BZh")) or start == b"\xfd7zXZ\0"
    return compressed and _is_tar(place)


def _is_tar(place: str | Path) -> bool:
    try:
        return tarfile.is_tarfile(place)
    except EOFError:  # a compressed file that ends within the first header
        return False


def decode(data: bytes) -> np.ndarray:
    """Decode a photo to (H, W, 3) uint8 BGR, turned by its EXIF orientation.

    As `renet.faces.crop.decode`; HEIC is read where the package pillow-heif is installed.

    Raises:
        RejectedImage: it cannot be decoded, or has too many pixels.
    """
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return _decode_heic(data)
    return crop.decode(data, turn=True)


def _decode_heic(data: bytes) -> np.ndarray:
    try:
        import pillow_heif
    except ImportError as error:
        fault = "it is HEIC, which needs the package pillow-heif: pip install pillow-heif"
        raise RejectedImage(CropReason.UNREADABLE, fault) from error
    try:
        heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True, bgr_mode=True)
        if heif.size[0] * heif.size[1] > crop.MAX_PIXELS:
            raise RejectedImage(
                CropReason.TOO_LARGE, f"it has {heif.size[0]}x{heif.size[1]} pixels"
            )
        pixels = np.asarray(heif)
    except (ValueError, RuntimeError, SyntaxError, OSError, EOFError) as error:
        if isinstance(error, RejectedImage):
            raise
        raise RejectedImage(CropReason.UNREADABLE, f"it is damaged HEIC: {error}") from error
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    alpha = pixels[..., 3:] / 255 if pixels.shape[2] == 4 else 1.0
    return (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
