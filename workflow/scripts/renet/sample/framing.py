"""How a shot frames its picture: from head units to the pixels of the painting."""

import numpy as np

from renet.sample.people import Shot

VIEW = 3.24  # head units along the shorter side of a picture: a face box of 1.8 and its margins
VIEW_CENTRE = 0.24  # head units from the origin down to the middle of the picture
NECK = 0.95  # head units from the origin down to where the head turns
PAINTED_SIDE = (190, 260)  # pixels along the shorter side while painting: at least, at most


def frame(shot: Shot, height: int, width: int, turn: float) -> np.ndarray:
    """The affine map (2, 3) from head units to pixels, with a turn (radians) about the neck."""
    base = min(height, width) / VIEW
    unit = base * shot.zoom
    cos, sin = unit * np.cos(turn), unit * np.sin(turn)
    x = width / 2 + base * shot.shift[0]
    y = height / 2 + base * shot.shift[1] + unit * (NECK - VIEW_CENTRE)
    return np.array([(cos, -sin, x + sin * NECK), (sin, cos, y - cos * NECK)])


def painted_size(shot: Shot) -> tuple[int, int]:
    """Height and width to paint in: somewhat more than the photo's, where that is small."""
    scale = np.clip(1.5 * min(shot.size), *PAINTED_SIDE) / min(shot.size)
    return round(shot.size[0] * scale), round(shot.size[1] * scale)
