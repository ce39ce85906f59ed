"""Saliency by occlusion: how much the log-odds of the prediction fall when a patch is covered.

Zeiler and Fergus, Visualizing and Understanding Convolutional Networks (2014). Gradients would be
cheaper, but they are zero if the ReLU before the softmax outputs zero.
"""

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
import torch

from renet.network import inference
from renet.network.model import Network

PATCH = 1 / 4  # fraction of the face's sides
POSITIONS = 7  # positions of a patch on a side; each patch overlaps half of the next one
SUPPORTS = np.array([214.0, 69, 44])  # red, RGB
CONTRADICTS = np.array([49.0, 110, 190])  # blue


def occlusion(
    model: Network, face: np.ndarray, device: torch.device, precision: str = "float32"
) -> np.ndarray:
    """Compute the fall of the predicted class's log-odds when the mean colour covers a patch.

    The face is (C, H, W) uint8, the model is on `device`. Returns (rows, columns) float64, a value
    per position of the patch. Where a value is positive, the patch's pixels support the prediction.
    """
    mean = face.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    pixels = np.stack([face, *covered(face, mean, PATCH, POSITIONS)])
    logits = inference.logits(model, pixels, device, precision)
    odds = logits[:, 1] - logits[:, 0]
    sign = 1 if odds[0] > 0 else -1
    return sign * (odds[0] - odds[1:]).reshape(POSITIONS, POSITIONS)


def covered(
    face: np.ndarray, colour: np.ndarray | int, part: float, positions: int
) -> Iterator[np.ndarray]:
    """Yield copies of a face (C, H, W), each with a patch of `colour` at a position, row by row.

    The patch's sides are the fraction `part` of the face's. There are `positions` along each side.
    """
    height, width = (round(side * part) for side in face.shape[1:])
    tops, lefts = (corners(side, part, positions) for side in face.shape[1:])
    for top, left in itertools.product(tops, lefts):
        copy = face.copy()
        copy[:, top : top + height, left : left + width] = colour
        yield copy


def corners(side: int, part: float, positions: int) -> list[int]:
    """Return the first pixel of the patch at each position along a side (in pixels)."""
    return np.linspace(0, side - round(side * part), positions).round().astype(int).tolist()


def overlay(picture: np.ndarray, drops: np.ndarray) -> np.ndarray:
    """Tint a grey copy of a picture (H, W, 3) uint8: red supports the prediction, blue contradicts.

    The pixel with the largest absolute drop has the strongest tint, 70% colour.
    """
    height, width = picture.shape[:2]
    drop = _interpolate(drops, height, width)
    strength = np.abs(drop) / max(np.abs(drop).max(), np.finfo(float).tiny)
    colour = np.where(drop[..., None] > 0, SUPPORTS, CONTRADICTS)
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    alpha = 0.7 * strength[..., None]
    return ((1 - alpha) * grey + alpha * colour).round().astype(np.uint8)


def _interpolate(drops: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate drops linearly between the centres of the patches, to (height, width)."""
    lines, columns = (
        np.interp(np.linspace(0, 1, side), np.linspace(PATCH / 2, 1 - PATCH / 2, count),
                  np.arange(count))
        for side, count in zip((height, width), drops.shape, strict=True)
    )  # fmt: skip
    across, down = np.meshgrid(columns.astype(np.float32), lines.astype(np.float32))
    return cv2.remap(drops.astype(np.float32), across, down, cv2.INTER_LINEAR)
