"""The features of a drawn face: nose, eyes, brows and mouth."""

import numpy as np

from renet.sample.canvas import WHITE, Points, ellipse, mixed, rgb, shaded, shifted, spline
from renet.sample.heads import HAIR_COLOURS, Head

EYE_COLOURS = np.array(
    [(74, 48, 32), (52, 34, 26), (96, 70, 40), (84, 112, 70), (84, 124, 158), (110, 124, 130)],
    np.float32,
)
LIPSTICKS = np.array(
    [(186, 36, 52), (160, 30, 62), (208, 72, 92), (196, 84, 100), (138, 34, 58), (222, 98, 90)],
    np.float32,
)


def paint_nose(head: Head) -> None:
    """Nose and nostrils; one flank lies in shadow."""
    width = 0.15 * head.person.nose
    long = 0.32 + 0.03 * (head.person.nose - 1)
    far = -1 if head.light[0] > 0 else 1  # the side in shadow
    shadow = shaded(head.skin, 0.62)
    glow = np.minimum(head.skin * 1.2 + 14, 255)
    flank = [(far * 0.07, -0.22), (far * 0.06, 0.05), (far * width, long - 0.03)]
    flank += [(far * 0.03, long), (far * 0.02, 0.0)]
    alpha = 0.3 + 0.35 * head.shot.light_strength * abs(float(head.light[0]))
    head.paint(flank, shadow, alpha, 0.03, 0.1)
    base = [(-width, long - 0.02), (0, long - 0.05), (width, long - 0.02), (0, long + 0.07)]
    head.paint(base, shadow, 0.5, 0.025, 0.16)
    head.paint(ellipse(-far * 0.015, 0.0, 0.028, 0.19), glow, 0.4, 0.03, 0.14)
    head.paint(ellipse(-far * 0.02, long - 0.07, 0.05, 0.04), glow, 0.55, 0.03, 0.22)
    dark = shaded(head.skin, 0.36)
    for side in (-1, 1):
        nostril = ellipse(side * width * 0.52, long, 0.04, 0.018, side * 0.3)
        head.paint(nostril, dark, 0.75, depth=0.16, smooth=False)
        wing = [(0.95, long - 0.1), (1.1, long - 0.03), (0.8, long + 0.015)]
        wing = [(side * width * x, y) for x, y in wing]
        head.line(wing, (0.006, 0.026, 0.006), dark, 0.5, depth=0.1)


def paint_eye(head: Head, side: int) -> None:
    """One eye; `side` is -1 for the left half of the picture, 1 for the right half."""
    wide, high = 0.175 * head.eye, 0.098 * head.eye
    x0, y0 = side * 0.325, -0.07
    squint = 1 - 0.22 * max(head.shot.smile, 0) * head.shot.mouth_open
    lid = [(-1, 0.22), (-0.62, -0.62), (-0.05, -1), (0.55, -0.75), (1, -0.08)]
    lower = [(0.6, 0.52), (0.0, 0.78), (-0.6, 0.6)]
    shape = np.array(lid + lower) * (side * wide, high * squint) + (x0, y0)
    almond = spline(shape)
    white = mixed(rgb(247, 244, 240), head.skin, 0.08)
    head.paint(almond, white, smooth=False)
    inside = head.canvas.coverage(head.on_face(almond))
    gaze = head.shot.gaze * 0.07 - 0.02 * side
    iris = EYE_COLOURS[head.person.eye_colour]
    centre = (x0 + gaze, y0 - 0.008)
    for size, colour in ((1.0, iris * 0.5), (0.84, iris * 1.12), (0.46, rgb(14, 12, 14))):
        disc = ellipse(*centre, high * size, high * size)
        head.paint(disc, colour, smooth=False, clip=inside)
    head.paint(shifted(shape[:5], 0, 0.02), rgb(60, 40, 40), 0.3, 0.02, clip=inside)
    glint = ellipse(centre[0] + 0.035 * np.sign(head.light[0]), centre[1] - 0.035, 0.022, 0.022)
    head.paint(glint, WHITE, 0.92, smooth=False)
    _paint_lids(head, side, shape)


def _paint_lids(head: Head, side: int, eye: np.ndarray) -> None:
    """Lash line, lid crease and lower lid of an eye, from its inner to its outer corner."""
    lashes = head.shot.lashes
    black = mixed(rgb(22, 16, 18), head.hair, 0.15)
    upper = eye[:5].copy()
    wing = upper[-1] + (side * (0.02 + 0.06 * lashes), -0.015 - 0.05 * lashes)
    thick = 0.022 + 0.034 * lashes
    head.line([*upper, wing], (0.014, thick * 0.8, thick, thick, 0.006), black)
    if lashes > 0.55:
        for k in (3, 4):
            tip = upper[k] + (side * 0.045, -0.075)
            head.line([upper[k], tip], (0.022, 0.004), black)
    crease = shifted(upper, 0, -0.045)
    head.line(crease, (0.006, 0.018, 0.006), shaded(head.skin, 0.55), 0.6)
    lower = eye[[4, 5, 6, 7, 0]]
    head.line(lower, (0.008, 0.012, 0.004), shaded(head.skin, 0.45), 0.7)


def paint_brow(head: Head, side: int) -> None:
    """One eyebrow; `side` as in `paint_eye`."""
    thick, arch = head.person.brow, head.person.brow_arch
    y = -0.285 - 0.03 * max(head.shot.smile, 0) - 0.2 * (head.eye - 1)
    points = [(0.13, -0.02), (0.25, -0.6 * arch), (0.4, -arch), (0.56, 0.05)]
    points = [(side * x, y + dy) for x, dy in points]
    colour = mixed(head.hair * 0.72, HAIR_COLOURS["dark brown"], 0.35)
    head.line(points, (thick * 0.75, thick, thick * 0.85, 0.012), colour, 0.92, 0.008)


def _lip_colour(head: Head) -> np.ndarray:
    natural = mixed(head.skin * (0.86, 0.6, 0.58), rgb(150, 70, 70), 0.25)
    if head.shot.lipstick is None:
        return natural.astype(np.float32)
    return mixed(LIPSTICKS[head.shot.lipstick], natural, 0.12)


def paint_mouth(head: Head) -> None:
    """Lips, teeth where the mouth is open, and the folds of a smile."""
    smile, opened = head.shot.smile, head.shot.mouth_open
    full = head.person.lips * (1.12 if head.shot.lipstick is not None else 1)
    upper, lower = 0.06 * full, 0.082 * full
    wide = 0.235 + 0.055 * max(smile, 0)
    y, lift = 0.575, 0.075 * smile
    gap = 0.1 * opened * (0.6 + 0.4 * max(smile, 0))
    left, right = (-wide, y - lift), (wide, y - lift)
    middle = [(-wide * 0.5, y - lift * 0.2), (0, y + 0.012), (wide * 0.5, y - lift * 0.2)]
    bow = [(wide * 0.55, y - upper * 0.62 - lift * 0.4), (0.055, y - upper), (0, y - upper * 0.72)]
    bow += [(-x, v) for x, v in bow[1::-1]]
    full_lip = y + lower * 0.62 + gap - lift * 0.4
    under = [(-wide * 0.55, full_lip), (0, y + lower + gap * 1.1), (wide * 0.55, full_lip)]
    colour = _lip_colour(head)
    head.paint([left, *under, right, *middle[::-1]], colour, depth=0.06)
    head.paint([left, *middle, right, *bow], shaded(colour, 0.84), depth=0.06)
    shine = ellipse(0.03 * np.sign(head.light[0]), y + gap + lower * 0.5, wide * 0.34, lower * 0.2)
    head.paint(shine, np.minimum(colour * 1.3 + 24, 255), 0.45, 0.02, 0.06)
    if opened:
        sunk = [(x, v + gap) for x, v in middle]
        teeth = ellipse(0, y + gap * 0.2 - lift * 0.3, wide * 0.78, gap * 0.62)
        _paint_teeth(head, [left, *middle, right, *sunk[::-1]], teeth)
    else:
        dark = shaded(colour, 0.42)
        head.line([left, *middle, right], (0.012, 0.022, 0.012), dark, 0.85, depth=0.06)
    _paint_smile_lines(head, wide, y - lift)


def _paint_teeth(head: Head, opening: Points, teeth: np.ndarray) -> None:
    hole = spline(opening)
    head.paint(hole, rgb(72, 24, 28), smooth=False, depth=0.06)
    inside = head.canvas.coverage(head.on_face(hole, 0.06))
    head.paint(teeth, rgb(244, 240, 232), 0.96, smooth=False, depth=0.06, clip=inside)


def _paint_smile_lines(head: Head, wide: float, y: float) -> None:
    alpha = 0.12 + 0.3 * max(head.shot.smile, 0) + 0.45 * head.old
    crease = shaded(head.skin, 0.58)
    for side in (-1, 1):
        fold = [(side * 0.19, 0.3), (side * (wide + 0.05), 0.44), (side * (wide + 0.08), y + 0.02)]
        head.line(fold, (0.006, 0.026, 0.008), crease, min(alpha, 0.7), 0.012, clip=head.face)
