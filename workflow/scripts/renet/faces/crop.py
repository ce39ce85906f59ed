"""Turn the bytes of an image into the pixels of a face, in training as in prediction."""

import dataclasses
import math
import os
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from renet.common import photo_formats
from renet.common.drop_reasons import CropReason, RowReason
from renet.common.imdb_wiki import ARCHIVE_MARGIN
from renet.faces import jpeg

MAX_PIXELS = 100_000_000  # decoded, 300 MB; the data set's largest image has a tenth of this
MAX_MEMORY = 6 * MAX_PIXELS  # bytes that decoding an image may need
MAX_OTHER_PIXELS = MAX_MEMORY // 20  # other formats than JPEG: 16 bits, with an alpha channel
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)  # OpenCV reads this on import

import cv2  # noqa: E402

REDUCED_PIXELS = MAX_PIXELS // 4  # of a crop that would have more than MAX_PIXELS
MIN_SIDE = 8  # pixels; smaller images show no face (WIKI has 8,070 one-pixel images)
MAX_FILE_BYTES = 1 << 28  # one photo
MAX_BOX_TO_IMAGE = 3  # a box with a side above three times the image's longer side is invalid
# A JPEG is decoded at half its size if each side then has this many times the needed pixels. The
# PSNR to a full decoding is 46 dB; it is 34 dB with a factor of 1, 36 dB at a quarter of the size.
HALVED_SURPLUS = 2


@dataclasses.dataclass(frozen=True)
class CropSpec:
    """Settings of the cropping."""

    size: tuple[int, int] = (128, 128)  # height and width of the face in pixels
    # On each side, as a fraction of the face's size; None: ready-made crops are not trimmed.
    margin: float | None = ARCHIVE_MARGIN
    whole: bool = False  # true: whole photos, cropped by a box; false: ready-made crops
    turn: bool = False  # by the EXIF orientation, which the boxes of IMDB-WIKI ignore
    # For the face detector: drop photos with several faces, or use the largest face.
    detected: Literal["one", "largest"] | None = None


class RejectedImage(ValueError):
    """Raised for an image without a usable face; the message describes why."""

    def __init__(self, reason: CropReason | RowReason, message: str):
        super().__init__(message)
        self.reason = reason


def too_large(fault: str) -> RejectedImage:
    """Return the error, which states the limits, for an image that needs too much memory."""
    in_jpeg = f"{4 * MAX_PIXELS:,} in a JPEG ({MAX_MEMORY // 14:,} if it is progressive)"
    others = f"{MAX_OTHER_PIXELS:,} pixels, {2 * MAX_OTHER_PIXELS:,} in a PNG of 8 bits"
    limits = f"{others}, {in_jpeg}, and {MAX_FILE_BYTES:,} bytes"
    return RejectedImage(CropReason.TOO_LARGE, f"{fault}, but the limits are {limits}; shrink it")


def require_bytes(size: int) -> None:
    """Raise a RejectedImage if an image's file has more than MAX_FILE_BYTES bytes."""
    if size > MAX_FILE_BYTES:
        raise too_large(f"it has {size:,} bytes")


class Box(NamedTuple):
    """Box of a face as in IMDB-WIKI: 1-based pixels, both ends included."""

    x1: float
    y1: float
    x2: float
    y2: float

    def scaled(self, factor: float) -> "Box":
        """Return the box in the photo scaled by a factor."""
        if factor == 1:
            return self
        left, top = (1 + factor * (side - 1) for side in self[:2])
        return Box(left, top, factor * self.x2, factor * self.y2)


class Image(NamedTuple):
    """A decoded image file: `pixels` (H, W, 3) uint8, in OpenCV's order BGR."""

    pixels: np.ndarray
    height: int  # of the image in the file; a decoded JPEG can have half this height and width
    width: int
    scale: float = 1.0  # size of `pixels` as a fraction of the size in the file


class Face(NamedTuple):
    """One face: `pixels` (3, height, width) uint8 RGB, and the size before resizing."""

    pixels: np.ndarray
    width: int
    height: int
    grey: bool


def memory(data: bytes, header: jpeg.Header) -> int:
    """Return the bytes that decoding needs, by the header of a JPEG or PNG; else MAX_MEMORY."""
    if pixels := header.height * header.width:
        of_pixel = 1.5 if pixels > MAX_PIXELS else 6  # decoded at half its size
        return int((of_pixel + 8 * header.several_scans) * pixels)
    if photo_formats.detect_format(data) != "PNG":
        return MAX_MEMORY
    of_pixel = 20 if data[24:25] == b"\x10" else 10  # 16 or 8 bits, with an alpha channel
    return of_pixel * math.prod(int.from_bytes(data[at : at + 4], "big") for at in (16, 20))


def decode(
    data: bytes, spec: CropSpec = CropSpec(whole=True), header: jpeg.Header | None = None
) -> Image:
    """Decode an image file, and turn it if `spec.turn`; a given `header` is not read again.

    Transparent pixels of colour images are blended with white. A JPEG is decoded at half its size,
    twice as fast, if it has more than MAX_PIXELS pixels, or if it is a ready-made crop and half its
    size is enough for the face (`HALVED_SURPLUS`).
    """
    if not data:
        raise RejectedImage(CropReason.UNREADABLE, "it is empty")
    if (found := photo_formats.detect_format(data)) not in photo_formats.FORMATS:
        formats = ", ".join(photo_formats.FORMATS)
        fault = f"it is {found or 'of no known format'}, but only {formats} are read"
        if (suffix := str(found).lower()) in photo_formats.CONVERTIBLE:
            fault += f"; {photo_formats.CONVERT.format(suffix)}"
        raise RejectedImage(CropReason.UNREADABLE, fault)
    header = header or jpeg.read_header(data)
    # Some OpenCV versions fill a truncated JPEG with grey, without an error.
    if found == "JPEG" and header.truncated:
        raise RejectedImage(CropReason.UNREADABLE, "the JPEG is truncated")
    if memory(data, header) > MAX_MEMORY:
        raise too_large("its header claims too many pixels")
    halved = is_halved(header, spec)
    flags = cv2.IMREAD_REDUCED_COLOR_2 if halved else cv2.IMREAD_COLOR
    pixels = _decoded(data, flags if spec.turn else flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if not halved:
        if found != "JPEG":  # which has no alpha channel
            pixels = _on_white(pixels, data, found)
        return Image(pixels, *pixels.shape[:2])
    is_turned = len(pixels) != math.ceil(header.height / 2)
    return Image(pixels, *(header[1::-1] if is_turned else header[:2]), scale=0.5)


def _decoded(data: bytes, flags: int) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if "MAX_IMAGE" in str(error):
            raise too_large("its header claims too many pixels") from error
        if error.code == cv2.Error.StsNoMem:  # of the machine, not of the photo
            raise MemoryError(str(error)) from error
        raise RejectedImage(CropReason.UNREADABLE, f"OpenCV cannot decode it: {error}") from error
    if image is None:
        raise RejectedImage(CropReason.UNREADABLE, "it is not an image")
    return image


def _on_white(image: np.ndarray, data: bytes, image_format: str) -> np.ndarray:
    """Blend transparent pixels with white; like OpenCV, do not turn an image that has them."""
    if image.size > 3 * MAX_OTHER_PIXELS and image_format != "PNG":
        raise too_large(f"it has {image.shape[1]}x{image.shape[0]} pixels")
    full = _decoded(data, cv2.IMREAD_UNCHANGED)
    if full.ndim != 3 or full.shape[2] != 4 or full.dtype.kind != "u":
        return image
    alpha, most = full[..., 3:], np.iinfo(full.dtype).max
    if alpha.min() == most or not alpha.any():  # zeros alone are padding, as in a BMP of 32 bits
        return image
    if image_format == "TIFF" and ((alpha > 0) & (alpha < most)).any():
        fault = "it is a TIFF with partly transparent pixels; save it as PNG"
        raise RejectedImage(CropReason.UNREADABLE, fault)  # OpenCV multiplies by alpha
    blended = _decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    for row, opacity in zip(blended, alpha, strict=True):  # a row at a time needs little memory
        part = opacity.astype(np.float32) / most
        row[:] = (row * part + 255 * (1 - part)).round()
    return blended


def cut_face(photo: np.ndarray, box: Box, margin: float) -> tuple[np.ndarray, float]:
    """Crop `box` from a whole photo (H, W, 3) uint8 with `margin` times its size on each side.

    As in the data set's own crops, the border pixel is repeated where the crop reaches outside the
    photo, and partly covered pixels are included. A photo whose crop would have more than
    MAX_PIXELS pixels is first reduced. Return the crop, and the factor of this reduction (or 1).
    """
    height, width = photo.shape[:2]
    box_width, box_height = box.x2 - box.x1, box.y2 - box.y1
    size, invalid = f"{width}x{height}", f"the box {tuple(box)}"
    if not all(map(math.isfinite, box)) or box_width <= 0 or box_height <= 0:
        raise RejectedImage(CropReason.BOX_INVALID, f"{invalid} has no finite positive size")
    if box.x2 < 1 or box.y2 < 1 or box.x1 > width or box.y1 > height:
        raise RejectedImage(CropReason.BOX_INVALID, f"{invalid} is outside the photo of {size}")
    if max(box_width, box_height) > MAX_BOX_TO_IMAGE * max(width, height):
        raise RejectedImage(CropReason.BOX_INVALID, f"{invalid} is too large for a photo of {size}")
    beside, above = margin * box_width, margin * box_height
    # The box counts pixels from 1, the array from 0 and without the end.
    left, right = math.floor(box.x1 - beside) - 1, math.ceil(box.x2 + beside)
    top, bottom = math.floor(box.y1 - above) - 1, math.ceil(box.y2 + above)
    factor, needed = 1.0, (right - left) * (bottom - top)
    if needed > MAX_PIXELS:  # a close-up, whose margin is outside the photo
        factor = math.sqrt(REDUCED_PIXELS / needed)
        left, top = math.floor(factor * left), math.floor(factor * top)
        right, bottom = math.ceil(factor * right), math.ceil(factor * bottom)
        width, height = math.ceil(factor * width), math.ceil(factor * height)
        photo = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    inside = photo[max(top, 0) : bottom, max(left, 0) : right]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(beyond):
        inside = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
    return inside, factor


def _trimmed(length: int, margin: float | None) -> int:
    """Return the pixels to trim at each end of a ready-made crop's side of `length` pixels."""
    margin = ARCHIVE_MARGIN if margin is None else margin
    return round(length * max(ARCHIVE_MARGIN - margin, 0) / (1 + 2 * ARCHIVE_MARGIN))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W, 3) to `size` (height, width): shrink by pixel area, enlarge bilinearly."""
    height, width = size
    shrinks = image.shape[0] * image.shape[1] > height * width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=way)


def is_halved(header: jpeg.Header, spec: CropSpec) -> bool:
    """Whether a JPEG with this header is decoded at half its size; see `decode`."""
    side = min(header.height, header.width) // 2
    is_enough = side - 2 * _trimmed(side, spec.margin) >= HALVED_SURPLUS * max(spec.size)
    return header.height * header.width > MAX_PIXELS or (is_enough and not spec.whole)


def extract_face(
    data: bytes, spec: CropSpec, box: Box | None = None, find_box: Callable | None = None
) -> Face:
    """Return the network's input from an image file; a whole photo needs `box` or `find_box`."""
    image = decode(data, spec)
    box = find_box(image.pixels) if find_box else box and box.scaled(image.scale)
    return make_face(image, spec, box)


def make_face(image: Image, spec: CropSpec, box: Box | None = None) -> Face:
    """Return the network's input from a decoded image; `box` is in the pixels of `image`."""
    _require_size(image.pixels)
    crop, factor = cut(image.pixels, spec, box)
    _require_size(crop)
    height, width = (round(side / (image.scale * factor)) for side in crop.shape[:2])
    if not spec.whole:  # the exact size, also if the image is decoded at half its size
        height, width = (side - 2 * _trimmed(side, spec.margin) for side in image[1:3])
    pixels = np.empty((3, *spec.size), np.uint8)
    cv2.split(resize(crop, spec.size), [pixels[2], pixels[1], pixels[0]])  # BGR to RGB
    grey = np.array_equal(pixels[0], pixels[1]) and np.array_equal(pixels[1], pixels[2])
    return Face(pixels, width, height, grey)


def cut(image: np.ndarray, spec: CropSpec, box: Box | None) -> tuple[np.ndarray, float]:
    """Cut a face by `cut_face`, or trim a crop from `ARCHIVE_MARGIN` to `spec.margin`."""
    if spec.whole and box:
        return cut_face(image, box, spec.margin or 0.0)
    height, width = image.shape[:2]
    top, left = _trimmed(height, spec.margin), _trimmed(width, spec.margin)
    return image[top : height - top, left : width - left], 1.0


def _require_size(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise RejectedImage(CropReason.TOO_SMALL, f"{width}x{height} pixels are too few for a face")
