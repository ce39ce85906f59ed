"""Neck, shoulders and clothes."""

import numpy as np

from renet.sample.canvas import SHADOW, from_hsv, mirrored, mixed, rgb, shaded, spline
from renet.sample.head import Head

# For each neckline: half its width beyond the neck, y at the sides and in the middle, and its form,
# from a V (1) to a U (3).
NECKLINES = {
    "crew": (0.12, 1.2, 1.42, 2.4),
    "v-neck": (0.1, 1.22, 1.82, 1.0),
    "scoop": (0.34, 1.36, 1.68, 2.6),
    "turtleneck": (0.1, 1.2, 1.3, 2.0),
    "shirt": (0.08, 1.15, 1.56, 1.0),
    "jacket": (0.26, 1.3, 2.35, 1.0),
}
PATTERNS = {  # the fraction of the second colour at x and y
    "plain": lambda x, y: 0.0,
    "stripes": lambda x, y: np.clip(np.sin(y * 26) * 6, 0, 1),
    "dots": lambda x, y: np.clip((np.sin(x * 19) * np.sin(y * 19) - 0.35) * 8, 0, 1),
    "plaid": lambda x, y: 0.3 * (np.sin(x * 16) > 0.3) + 0.3 * (np.sin(y * 16) > 0.3),
}


def paint_body(head: Head) -> None:
    """Paint neck, shoulders and clothes."""
    neck, shot = head.neck, head.shot
    throat = [(neck * 0.98, 0.4), (neck, 0.9), (neck + 0.04, 1.18), (neck + 0.2, 1.4)]
    outline = mirrored([*spline(throat, closed=False), (0.75, 1.6), (0.75, 3)])
    outline[:, 0] += 0.9 * shot.tilt * np.clip(1.2 - outline[:, 1], 0, 1)
    _lay_cloth(head, outline, head.skin * 0.94)
    colour = from_hsv(shot.cloth[0], shot.cloth[1] * 0.8, shot.cloth[2])
    if shot.clothes == "suit":
        _paint_suit(head, colour)
    else:
        _paint_top(head, colour)
    chin = [(0, 0.5), (0.52, 0.6), (0.5, 0.98), (neck * 0.7, 1.2), (0, 1.3)]
    aside = 0.1 * shot.yaw - 0.06 * head.light[0]
    head.body.fill(np.add(spline(mirrored(chin)), (aside, 0)), SHADOW, 0.36, 0.06)


def _lay_cloth(head: Head, outline: np.ndarray, colour: np.ndarray, pattern: str = "plain") -> None:
    """Fill a shape with cloth, or skin: a pattern, soft folds, light from one side."""
    second = mixed(colour, rgb(250, 248, 240), 0.6) if colour.mean() < 130 else colour * 0.6

    def cloth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        folds = 1 + 0.16 * np.sin(x * 5 + y * 2.2) * np.clip(y - 1.2, 0, 1)
        lit = 1 + 0.25 * head.shot.light_strength * x * head.light[0]
        return shaded(mixed(colour, second, PATTERNS[pattern](x, y)), folds * lit)

    head.body.fill(outline, cloth)


def _garment(head: Head, neckline: str) -> np.ndarray:
    """The outline of clothes from the neckline to below the photo."""
    beyond, sides, middle, form = NECKLINES[neckline]
    wide, shoulders, x = head.neck + beyond, head.person.shoulders, np.linspace(0, 1, 12)
    edge = np.stack([x * wide, middle - (middle - sides) * x**form], axis=1)
    slope = [(shoulders * 0.72, 1.5), (shoulders, 1.74), (shoulders + 0.16, 2.3)]
    side = spline([edge[-1], *slope, (shoulders + 0.2, 3.6)], closed=False)
    return mirrored([*edge[:-1], *side])


def _paint_top(head: Head, colour: np.ndarray) -> None:
    """A pullover or a shirt, with its hem, collar or turtleneck."""
    outline = _garment(head, head.shot.clothes)
    head.body.fill(np.subtract(outline, (0, 0.03)), SHADOW, 0.2, 0.03)
    _lay_cloth(head, outline, colour, head.shot.pattern)
    match head.shot.clothes:
        case "shirt":
            head.body.stroke([(0, 1.56), (0, 2.2), (0, 3)], 0.025, shaded(colour, 0.6), 0.8)
            _paint_collar(head, colour)
        case "turtleneck":
            tube = [(0, 1.0), (head.neck + 0.01, 1.0), (head.neck + 0.14, 1.36), (0, 1.46)]
            _lay_cloth(head, spline(mirrored(tube)), colour * 0.9)
        case "crew" | "v-neck":
            head.body.stroke([*outline[-11:], *outline[:12]], 0.065, shaded(colour, 0.71))


def _paint_collar(head: Head, colour: np.ndarray) -> None:
    neck = head.neck
    flap = [(0.02, 1.5), (neck * 0.7, 1.22), (neck + 0.1, 1.08), (neck + 0.22, 1.34), (0.3, 1.68)]
    for side in (-1, 1):
        shape = np.array(flap) * (side, 1)
        head.body.fill(np.add(shape, (0, 0.03)), SHADOW, 0.25, 0.02)
        head.body.fill(shape, np.minimum(colour * 1.07 + 6, 255))


def _paint_suit(head: Head, colour: np.ndarray) -> None:
    """White shirt, tie, jacket and its lapels."""
    white = mixed(rgb(242, 242, 240), colour, 0.12)
    tie = from_hsv(head.shot.cloth[0] + 0.45, 0.6, 0.55)
    jacket = mixed(colour, rgb(44, 46, 58), 0.55) * 0.8
    _lay_cloth(head, _garment(head, "shirt"), white)
    head.body.fill([(0.06, 1.54), (-0.06, 1.54), (-0.15, 2.3), (0, 2.6), (0.15, 2.3)], tie)
    head.body.fill([(-0.1, 1.38), (0.1, 1.38), (0.065, 1.54), (-0.065, 1.54)], shaded(tie, 1.25))
    _paint_collar(head, white)
    _lay_cloth(head, np.subtract(_garment(head, "jacket"), (0, 0.05)), jacket)
    lapel = [(0.06, 2.3), (head.neck + 0.2, 1.3), (head.neck + 0.42, 1.4), (0.86, 1.72)]
    for side in (-1, 1):
        shape = np.array([*lapel, (0.62, 1.78), (0.64, 1.88)]) * (side, 1)
        head.body.fill(shape, shaded(jacket, 1.22))
