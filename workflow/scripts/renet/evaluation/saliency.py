"""Where a network looks: what its answer loses when a part of the face is covered.

Zeiler and Fergus, Visualizing and Understanding Convolutional Networks (2014). A gradient would be
cheaper; where the ReLU before the softmax gives zero it has nothing to say.
"""

import cv2
import numpy as np
import torch

from renet.network import inference
from renet.network.model import ReNet

PATCH, STRIDE = 1 / 4, 1 / 8  # of the face's sides
HELPS, HINDERS = np.array([214.0, 69, 44]), np.array([49.0, 110, 190])  # red and blue, RGB


def occlusion(
    model: ReNet, face: np.ndarray, device: torch.device, precision: str = "float32"
) -> np.ndarray:
    """How far the log-odds of the network's answer fall when a patch gets the face's mean colour.

    Args:
        model: on `device`.
        face: (C, H, W) uint8.

    Returns:
        (lines, columns) float64, a value for each place of the patch; above zero where what is
        covered speaks for the answer.
    """
    corners = [_corners(side) for side in face.shape[1:]]
    height, width = (round(side * PATCH) for side in face.shape[1:])
    mean = face.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    covered = [face]
    for top in corners[0]:
        for left in corners[1]:
            copy = face.copy()
            copy[:, top : top + height, left : left + width] = mean
            covered.append(copy)
    logits = inference.logits(model, np.stack(covered), device, precision)
    odds = logits[:, 1] - logits[:, 0]
    answer = 1 if odds[0] > 0 else -1
    return answer * (odds[0] - odds[1:]).reshape(len(corners[0]), len(corners[1]))


def _corners(side: int) -> list[int]:
    patch, stride = round(side * PATCH), max(1, round(side * STRIDE))
    return list(range(0, side - patch + 1, stride))


def overlay(picture: np.ndarray, drops: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8, RGB, greyed, with what speaks for the answer red, against it blue.

    The strongest place of the picture has the full colour.
    """
    height, width = picture.shape[:2]
    places = _spread(drops, height, width)
    strength = np.abs(places) / max(np.abs(places).max(), np.finfo(float).tiny)
    colour = np.where(places[..., None] > 0, HELPS, HINDERS)
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    share = 0.7 * strength[..., None]
    return ((1 - share) * grey + share * colour).round().astype(np.uint8)


def _spread(drops: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each drop at the middle of its patch, smoothly between them; (height, width)."""
    lines, columns = (
        np.interp(np.linspace(0, 1, side), np.linspace(PATCH / 2, 1 - PATCH / 2, count),
                  np.arange(count))
        for side, count in zip((height, width), drops.shape, strict=True)
    )  # fmt: skip
    across, down = np.meshgrid(columns.astype(np.float32), lines.astype(np.float32))
    return cv2.remap(drops.astype(np.float32), across, down, cv2.INTER_LINEAR)
