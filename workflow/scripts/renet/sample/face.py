"""The face: skin, eyes, brows, nose, mouth, signs of age, and what is worn on it."""

import numpy as np

from renet.sample.canvas import SHADOW, ellipse, mixed, rgb, shaded, spline
from renet.sample.head import HAIR_COLOURS, Head
from renet.sample.people import EYE_COLOURS, LIPSTICKS

THIN = (0.004, 0.024, 0.004)  # widths of a crease


def paint_skin(head: Head) -> None:
    """Paint ears and face, in soft light and shadow, with the wrinkles of age."""
    for side, x in head.ears.items():
        light = side * head.light[0] * head.shot.light_strength
        head.canvas.fill(ellipse(x, 0.02, 0.1, 0.19), shaded(head.skin, 0.88 + 0.2 * light))
        head.canvas.fill(ellipse(x, 0.02, 0.05, 0.11), SHADOW, 0.25, 0.02)
    width = head.width * 1.06
    head.canvas.fill(head.outline, lambda x, y: shaded(head.skin, head.lit(x, y, width)))
    rosy = mixed(head.skin * rgb(1, 0.74, 0.72), head.skin, 0.6 * head.person.tone)
    glow = np.minimum(head.skin * 1.14 + 8, 255)
    for side in (-1, 1):
        head.face.fill(ellipse(side * 0.32, -0.1, 0.23, 0.15), SHADOW, 0.14, 0.06)
        head.face.fill(ellipse(side * 0.43, 0.28, 0.19, 0.15), rosy, 0.4, 0.09)
        head.face.fill(ellipse(side * 0.55, 0.5, 0.06, 0.18), SHADOW, 0.07 + 0.09 * head.old, 0.07)
    head.face.fill(ellipse(0, -0.55, 0.34, 0.16), glow, 0.28, 0.1)
    head.face.fill(ellipse(0, 0.76, 0.17, 0.025), SHADOW, 0.15, 0.03)
    if head.old > 0.08:
        _paint_wrinkles(head)


def _paint_wrinkles(head: Head) -> None:
    """Creases of the forehead and below the eyes, deeper and more with age."""
    crease, alpha = shaded(head.skin, 0.6), 0.16 + 0.5 * head.old
    for y in (-0.68, -0.58, -0.49)[: 1 + int(2.5 * head.old)]:
        bent = y - head.rng.uniform(-0.02, 0.03)
        head.face.stroke([(-0.36, y), (-0.15, bent), (0.15, bent), (0.36, y)], THIN, crease, alpha)
    for side in (-1, 1):
        bag = [(side * 0.18, 0.08), (side * 0.32, 0.14), (side * 0.45, 0.09)]
        head.face.stroke(bag, THIN, crease, alpha * 0.8)


def paint_features(head: Head) -> None:
    """Paint nose, mouth, eyes and brows."""
    _paint_nose(head)
    _paint_mouth(head)
    for side in (-1, 1):
        _paint_eye(head, side)
        _paint_brow(head, side)


def _paint_nose(head: Head) -> None:
    """Ridge, the flank in shadow, nostrils."""
    face, width = head.face, 0.15 * head.person.nose
    far = -np.sign(head.light[0])  # the side in shadow
    flank = [(far * 0.07, -0.22), (far * 0.06, 0.05), (far * width, 0.29), (far * 0.02, 0.3)]
    face.fill(flank, SHADOW, 0.13 + 0.15 * head.shot.light_strength * abs(head.light[0]), 0.03)
    base = [(-width, 0.3), (0, 0.27), (width, 0.3), (0, 0.39)]
    face.fill(spline(base), SHADOW, 0.22, 0.025)
    glow = np.minimum(head.skin * 1.2 + 14, 255)
    face.fill(ellipse(-far * 0.015, 0.05, 0.03, 0.22), glow, 0.45, 0.03)
    dark = shaded(head.skin, 0.36)
    for side in (-width, width):
        face.fill(ellipse(side * 0.52, 0.32, 0.04, 0.018), dark, 0.75)
        face.stroke([(side * 0.95, 0.22), (side * 1.1, 0.29), (side * 0.8, 0.335)], THIN, dark, 0.5)


def _paint_mouth(head: Head) -> None:
    """Lips, teeth where the mouth is open, and the folds of a smile."""
    face, shot, y, smile = head.face, head.shot, 0.575, max(head.shot.smile, 0)
    wide, lift = 0.235 + 0.055 * smile, 0.075 * shot.smile
    upper, lower = y - 0.06 * head.person.lips, y + 0.082 * head.person.lips
    gap = 0.1 * shot.mouth_open * (0.6 + 0.4 * smile)
    colour = mixed(head.skin * rgb(0.86, 0.6, 0.58), rgb(150, 70, 70), 0.25)
    if shot.lipstick is not None:
        colour = mixed(LIPSTICKS[shot.lipstick], colour, 0.12)
    half, low = 0.5 * wide, y - 0.2 * lift
    line = [(-wide, y - lift), (-half, low), (0, y + 0.012), (half, low), (wide, y - lift)]
    bow = [(half, upper), (0.06, upper), (0, upper + 0.017), (-0.06, upper), (-half, upper)]
    face.fill(spline([*line, (half, lower + gap), (-half, lower + gap)]), colour)
    face.fill(spline([*line, *bow]), shaded(colour, 0.84))
    if gap:
        opening = spline([*line, (half, y + gap), (-half, y + gap)])
        face.fill(opening, rgb(72, 24, 28))
        teeth = ellipse(0, y + 0.2 * gap - 0.3 * lift, 0.78 * wide, 0.62 * gap)
        face.within(opening).fill(teeth, rgb(244, 240, 232))
    else:
        face.stroke(line, THIN, shaded(colour, 0.42), 0.85)
    for side in (-1, 1):
        fold = [(side * 0.19, 0.3), (side * (wide + 0.05), 0.44), (side * (wide + 0.08), y - lift)]
        alpha = min(0.12 + 0.3 * smile + 0.45 * head.old, 0.7)
        face.stroke(fold, THIN, shaded(head.skin, 0.58), alpha)


def _paint_eye(head: Head, side: int) -> None:
    """One eye with its lids; `side` is -1 for the left one in the picture, 1 for the right one."""
    face, radius = head.face, 0.098 * head.eye
    x, y, wide = side * 0.325, -0.07, side * 0.175 * head.eye
    high = radius * (1 - 0.22 * max(head.shot.smile, 0) * head.shot.mouth_open)
    upper = np.array([(-1, 0.22), (-0.62, -0.62), (-0.05, -1), (0.55, -0.75), (1, -0.08)])
    lower = np.array([(1, -0.08), (0.6, 0.52), (0.0, 0.78), (-0.6, 0.6), (-1, 0.22)])
    upper, lower = upper * (wide, high) + (x, y), lower * (wide, high) + (x, y)
    almond = spline(np.vstack([upper, lower[1:-1]]))
    face.fill(almond, mixed(rgb(247, 244, 240), head.skin, 0.08))
    inside, iris = face.within(almond), EYE_COLOURS[head.person.eye_colour]
    centre = x + 0.07 * head.shot.gaze - 0.02 * side
    for size, colour in ((1.0, iris * 0.5), (0.84, iris * 1.12), (0.46, rgb(14, 12, 14))):
        inside.fill(ellipse(centre, y - 0.008, radius * size, radius * size), colour)
    inside.fill(np.add(upper, (0, 0.02)), SHADOW, 0.3, 0.02)
    glint = centre + 0.035 * np.sign(head.light[0])
    face.fill(ellipse(glint, y - 0.04, 0.022, 0.022), rgb(255, 255, 255), 0.92)
    lashes = 0.1 + 0.35 * head.person.look + 0.3 * (head.shot.lipstick is not None)
    tip = upper[-1] + (side * (0.02 + 0.06 * lashes), -0.015 - 0.05 * lashes)
    thick = 0.022 + 0.034 * lashes
    face.stroke([*upper, tip], (0.014, thick * 0.8, thick, thick, 0.006), rgb(24, 18, 19))
    face.stroke(np.subtract(upper, (0, 0.045)), THIN, shaded(head.skin, 0.55), 0.6)
    face.stroke(lower, 0.01, shaded(head.skin, 0.45), 0.7)


def _paint_brow(head: Head, side: int) -> None:
    thick, arch = head.person.brow, 0.035 + 0.03 * head.person.look
    y = -0.285 - 0.03 * max(head.shot.smile, 0) - 0.2 * (head.eye - 1)
    points = [(0.13, y - 0.02), (0.25, y - 0.6 * arch), (0.4, y - arch), (0.56, y + 0.05)]
    colour = mixed(head.hair * 0.72, HAIR_COLOURS["dark brown"], 0.35)
    widths = (thick * 0.75, thick, thick * 0.85, 0.012)
    head.face.stroke(np.array(points) * (side, 1), widths, colour, 0.92)


def paint_earrings(head: Head) -> None:
    """Paint the shot's earrings, if any, on the ears that can be seen."""
    for x in head.ears.values():
        if head.shot.earrings == "hoop":
            ring = ellipse(x, 0.35, 0.11, 0.14)
            head.canvas.stroke([*ring, ring[0]], 0.035, rgb(232, 196, 96))
        elif head.shot.earrings == "drop":
            head.canvas.fill(ellipse(x, 0.36, 0.06, 0.13), rgb(226, 228, 236))


def paint_glasses(head: Head) -> None:
    """Paint the shot's glasses, if any."""
    front, kind, y = head.front, head.shot.glasses, -0.05
    if not kind:
        return
    frame = rgb(34, 28, 30) if head.person.parting < 0.3 else rgb(104, 62, 40)
    corners = np.array([(-1, -0.75), (0, -0.86), (1, -0.75), (0.9, 0.6), (0, 0.9), (-0.86, 0.62)])
    for side in (-1, 1):
        square = np.add(spline(corners * (side * 0.265, 0.23)), (side * 0.34, y))
        lens = ellipse(side * 0.34, y, 0.25, 0.23) if kind == "round" else square
        front.fill(lens, rgb(36, 34, 40), 0.86 if kind == "sun" else 0.04)
        front.stroke([*lens, lens[0]], 0.042, frame)
        front.stroke([(side * 0.58, y - 0.08), (side * (head.width + 0.02), y)], 0.04, frame)
    front.stroke([(-0.1, y - 0.04), (0, y - 0.07), (0.1, y - 0.04)], 0.035, frame)
