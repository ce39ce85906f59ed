"""The steps from the bytes of a photo to a face, for showing them."""

from typing import NamedTuple

import numpy as np

from renet.faces import crop
from renet.faces.crop import Box, CropSpec


class CropSteps(NamedTuple):
    """What `crop.extract_face` makes of a photo; pictures are (H, W, 3) uint8, RGB."""

    photo: np.ndarray  # decoded
    cut: np.ndarray  # before resizing
    pixels: np.ndarray  # (3, height, width), the face


def follow(data: bytes, spec: CropSpec, box: Box) -> CropSteps:
    """Crop a face and keep each step.

    The face itself comes from `extract_face`, which may decode a large photo at half its size.

    Raises:
        RejectedImage: the photo gives no face.
    """
    photo = crop.decode(data, turn=spec.turn)
    margin = spec.margin
    cut = crop.cut_face(photo, box, margin or 0.0) if spec.whole else crop.trim_crop(photo, margin)
    pixels = crop.extract_face(data, spec, box).pixels
    return CropSteps(photo[..., ::-1], cut[..., ::-1], pixels)
