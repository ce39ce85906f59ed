"""What else a drawn person may wear: earrings, glasses, hats and headscarves."""

import numpy as np

from renet.sample.canvas import (
    WHITE,
    ellipse,
    from_hsv,
    mirrored,
    mixed,
    rgb,
    ribbon,
    shaded,
    shifted,
    spline,
)
from renet.sample.heads import HIDDEN_EAR, Head, shade_ball


def paint_earrings(head: Head) -> None:
    """Earrings of the shot's kind; none on an ear that is turned away."""
    metal = rgb(232, 196, 96) if head.person.warmth > 0 else rgb(226, 228, 236)
    for side in (-1, 1):
        if side * head.shot.yaw > HIDDEN_EAR:
            continue
        x, y = side * (head.width + 0.05) - 0.35 * head.shot.yaw, 0.22
        drop = [(x, y - 0.02), (x + 0.06, y + 0.2), (x, y + 0.27), (x - 0.06, y + 0.2)]
        shapes = {
            "hoop": ribbon(ellipse(x, y + 0.13, 0.11, 0.14), 0.035, smooth=False),
            "drop": spline(drop),
            "stud": ellipse(x, y, 0.05, 0.05),
        }
        head.canvas.paint(shapes[head.shot.earrings], metal)


def paint_glasses(head: Head) -> None:
    """Glasses of the shot's kind: lenses, rims, arms and bridge."""
    kind = head.shot.glasses
    frame = rgb(34, 28, 30) if head.person.warmth < 0.4 else rgb(104, 62, 40)
    corners = [(-1, -0.75), (0, -0.86), (1, -0.75), (0.9, 0.6), (0, 0.9), (-0.86, 0.62)]
    for side in (-1, 1):
        x, y = side * 0.34, -0.05
        lens = shifted(spline(np.array(corners) * (side * 0.265, 0.23)), x, y)
        if kind == "round":
            lens = ellipse(x, y, 0.25, 0.23)
        glass = (rgb(36, 34, 40), 0.86) if kind == "sun" else (rgb(226, 238, 246), 0.12)
        head.paint(lens, *glass, depth=0.12, smooth=False)
        rim = lens[: len(lens) // 2] if kind == "half" else np.vstack([lens, lens[:1]])
        head.canvas.paint(ribbon(head.on_face(rim, 0.12), 0.042, smooth=False), frame)
        glint = shifted([(-0.12, -0.12), (-0.02, -0.14), (-0.1, 0.08), (-0.15, 0.06)], x, y)
        head.paint(glint, WHITE, 0.22, 0.01, 0.12, smooth=False)
        arm = [(side * 0.58, y - 0.08), (side * (head.width + 0.02), y - 0.04)]
        head.line(arm, 0.04, frame, depth=0.04)
    head.line([(-0.1, -0.09), (0, -0.12), (0.1, -0.09)], 0.035, frame, depth=0.14)


def paint_hat(head: Head) -> None:
    """A hat of the shot's kind, or a headscarf."""
    shot, canvas = head.shot, head.canvas
    value = 0.25 + 0.6 * shot.cloth_value
    colour = from_hsv((shot.cloth_hue + 0.3) % 1, shot.cloth_saturation * 0.7, value)
    if shot.hat == "scarf":
        _paint_scarf(head, colour)
        return
    side = head.width + 0.06 + 0.3 * head.person.hair_volume
    right = [(0, -1.36), (0.72 * side, -1.2), (side, -0.85), (side, -0.5)]
    region, mask = canvas.mask(spline(mirrored(right)))
    x, _ = canvas.grid(region)
    knit = 1 + (0.05 * np.sin(x * 40) if shot.hat == "beanie" else 0)
    ball = shade_ball(head, region, (0, -0.6), (side, 1.0), shot.light_strength)
    canvas.lay(region, mask, shaded(colour, ball * knit))
    canvas.tint(ellipse(0, -0.44, side, 0.12), 0.6, 0.6, 0.04, clip=head.face)
    _paint_brim(head, colour, side)


def _paint_brim(head: Head, colour: np.ndarray, side: float) -> None:
    """What is at the lower edge of a hat, which reaches from -side to side."""
    canvas, dark = head.canvas, shaded(colour, 0.72)
    if head.shot.hat == "beanie":
        band = [(-side - 0.04, -0.52), (0, -0.6), (side + 0.04, -0.52)]
        canvas.paint(ribbon(band, 0.26), shaded(colour, 0.86))
    elif head.shot.hat == "cap":
        visor = [
            (-0.62, -0.62),
            (0, -0.72),
            (0.62, -0.62),
            (0.66, -0.46),
            (0, -0.36),
            (-0.66, -0.46),
        ]
        canvas.paint(shifted(spline(visor), 0.6 * head.shot.yaw, 0), dark)
        badge = ellipse(0.6 * head.shot.yaw, -0.92, 0.16, 0.13)
        canvas.paint(badge, mixed(colour, WHITE, 0.7))
    else:
        band = [(-side, -0.62), (0, -0.7), (side, -0.62), (side, -0.5), (0, -0.54), (-side, -0.5)]
        canvas.paint(spline(band), dark)
        brim = [(-1.36, -0.5), (0, -0.6), (1.36, -0.5), (0.9, -0.38), (0, -0.42), (-0.9, -0.38)]
        canvas.paint(spline(brim), shaded(colour, 0.92))


def _paint_scarf(head: Head, colour: np.ndarray) -> None:
    """A headscarf: everything but the face, down to the shoulders, one half after the other."""
    width, jaw = head.width, head.jaw
    outer = [
        (0, -1.24), (0.6 * width, -1.14), (width + 0.1, -0.7), (width + 0.16, 0.1),
        (width + 0.2, 0.9), (width + 0.4, 1.6), (width + 0.4, 2.6),
    ]  # fmt: skip
    inner = [
        (0, 0.98), (0.62 * jaw, 0.86), (jaw + 0.04, 0.5), (width - 0.06, 0.0),
        (0.84 * width, -0.46), (0.45 * width, -0.68), (0, -0.74),
    ]  # fmt: skip
    right = np.vstack([spline(outer, closed=False), [(0, 2.6)], spline(inner, closed=False)])
    right[:, 0] = np.where(right[:, 0] < 1e-3, -0.01, right[:, 0])  # the halves overlap
    for side in (-1, 1):
        shape = shifted(right * (side, 1), 0.12 * head.shot.yaw, 0)
        region, mask = head.canvas.mask(shape)
        x, y = head.canvas.grid(region)
        folds = 1 + 0.08 * np.sin(np.hypot(x, y * 0.8) * 16 + y * 3)
        ball = shade_ball(head, region, (0, 0), (width + 0.3, 1.5), head.shot.light_strength)
        head.canvas.lay(region, mask, shaded(colour, folds * ball))
