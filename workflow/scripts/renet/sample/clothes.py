"""The body of a drawn person and the clothes on it."""

import numpy as np

from renet.sample.canvas import (
    Canvas,
    from_hsv,
    mirrored,
    mixed,
    rgb,
    ribbon,
    shaded,
    shifted,
    spline,
)
from renet.sample.heads import Head


def paint_body(head: Head, canvas: Canvas) -> None:
    """Neck, chest and clothes, in the frame of the body."""
    neck, shot = head.person.neck, head.shot
    throat = [(neck * 0.98, 0.4), (neck, 0.9), (neck + 0.04, 1.18), (neck + 0.2, 1.4)]
    throat += [(0.75, 1.6), (0.75, 3)]
    outline = mirrored([(0, 0.4), *spline(throat, closed=False)])
    outline[:, 0] += 0.9 * shot.tilt * np.clip(1.2 - outline[:, 1], 0, 1)
    region, mask = canvas.mask(outline)
    x, _ = canvas.grid(region)
    lit = 1 + 0.45 * shot.light_strength * (x * head.light[0] - 0.12 * (x / neck) ** 2)
    canvas.lay(region, mask, shaded(head.skin, np.clip(lit, 0.6, 1.15) * 0.94))
    colour = from_hsv(shot.cloth_hue, shot.cloth_saturation * 0.8, shot.cloth_value)
    _CLOTHES_PAINTERS[shot.clothes](head, canvas, colour)
    below_chin = spline(mirrored([(0, 0.5), (0.52, 0.6), (0.5, 0.98), (neck * 0.7, 1.2), (0, 1.3)]))
    aside = 0.1 * shot.yaw - 0.06 * head.light[0]
    canvas.tint(shifted(below_chin, aside, 0), 0.58, 0.75, 0.06)


def _pattern(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much of the second colour a printed cloth shows at each place, in 0..1."""
    if kind == "stripes":
        return np.clip(np.sin(y * 26) * 6, 0, 1)
    if kind == "dots":
        return np.clip((np.sin(x * 19) * np.sin(y * 19) - 0.35) * 8, 0, 1)
    if kind == "plaid":
        return 0.3 * (np.sin(x * 16) > 0.3) + 0.3 * (np.sin(y * 16) > 0.3)
    if kind == "flowers":
        petals = np.sin(x * 13 + np.sin(y * 8)) * np.cos(y * 12 + np.sin(x * 7))
        return np.clip((petals - 0.45) * 9, 0, 1)
    return np.zeros_like(x)


def _lay_cloth(
    head: Head, canvas: Canvas, outline: np.ndarray, colour: np.ndarray, pattern: str
) -> None:
    """Fill a shape with cloth: its pattern, soft folds, and the light from one side."""
    region, mask = canvas.mask(outline)
    x, y = canvas.grid(region)
    other = mixed(colour, rgb(250, 248, 240) if colour.mean() < 130 else colour * 0.35, 0.6)
    folds = 1 + 0.16 * np.sin(x * 5 + y * 2.2) * np.clip(y - 1.2, 0, 1)
    side = 1 + 0.22 * head.shot.light_strength * x * head.light[0]
    cloth = mixed(colour, other, _pattern(pattern, x, y))
    canvas.lay(region, mask, shaded(cloth, np.clip(folds * side, 0.4, 1.4)))


def _body(head: Head, edge: np.ndarray) -> np.ndarray:
    """Clothes from a neckline (right half, from the middle outwards) to below the picture."""
    neck, wide = head.person.neck, head.person.shoulders
    slope = [(neck + 0.3, 1.36), (wide * 0.72, 1.5), (wide, 1.74), (wide + 0.16, 2.3)]
    slope = [point for point in slope if point[0] > edge[-1][0] + 0.04]
    shoulder = spline([edge[-1], *slope, (wide + 0.2, 3.6)], closed=False)
    return mirrored(np.vstack([edge[:-1], shoulder]))


def _neckline(wide: float, top: float, depth: float, power: float) -> np.ndarray:
    """The right half of a neckline, (12, 2): `depth` in the middle, `top` where it is `wide`."""
    x = np.linspace(0, wide, 12)
    return np.stack([x, depth - (depth - top) * (x / wide) ** power], axis=1)


def _dress(
    head: Head, canvas: Canvas, edge: np.ndarray, colour: np.ndarray, pattern: str | None = None
) -> None:
    """Clothes with the neckline `edge`, and their shadow; with the shot's pattern or another."""
    outline = _body(head, edge)
    canvas.tint(shifted(outline, 0, -0.03), 0.6, 0.5, 0.03)
    _lay_cloth(head, canvas, outline, colour, pattern or head.shot.pattern)


def _paint_hem(canvas: Canvas, edge: np.ndarray, width: float, colour: np.ndarray) -> None:
    both = np.vstack([edge[::-1] * (-1, 1), edge[1:]])
    canvas.paint(ribbon(both, width, smooth=False), shaded(colour, 0.71))


def _paint_crew(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    edge = _neckline(head.person.neck + 0.12, 1.2, 1.42, 2.4)
    _dress(head, canvas, edge, colour)
    _paint_hem(canvas, edge, 0.07, colour)


def _paint_v_neck(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    edge = _neckline(head.person.neck + 0.1, 1.22, 1.82, 1.0)
    _dress(head, canvas, edge, colour)
    _paint_hem(canvas, edge, 0.06, colour)


def _paint_scoop(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    _dress(head, canvas, _neckline(head.person.neck + 0.34, 1.36, 1.68, 2.6), colour)


def _paint_straps(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    """Bare shoulders and a dress that hangs on straps."""
    _lay_cloth(
        head, canvas, _body(head, _neckline(0.5, 1.24, 1.24, 1.0)), head.skin * 0.96, "plain"
    )
    for side in (-1, 1):
        bone = [(side * 0.12, 1.47), (side * 0.4, 1.43), (side * 0.8, 1.46)]
        canvas.paint(ribbon(bone, (0.01, 0.04, 0.01)), shaded(head.skin, 0.7), 0.5, 0.015)
        strap = [(side * 0.62, 1.4), (side * 0.66, 1.66), (side * 0.68, 1.85)]
        canvas.paint(ribbon(strap, 0.13), shaded(colour, 0.9))
    dress = mirrored([(0, 1.84), (0.4, 1.74), (0.78, 1.72), (1.05, 1.95), (1.1, 3.4)])
    _lay_cloth(head, canvas, dress, colour, head.shot.pattern)


def _paint_collar(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    neck = head.person.neck
    flap = [(0.02, 1.5), (neck * 0.7, 1.22), (neck + 0.1, 1.08), (neck + 0.22, 1.34), (0.3, 1.68)]
    for side in (-1, 1):
        shape = np.array(flap) * (side, 1)
        canvas.paint(shifted(shape, 0, 0.03), shaded(colour, 0.55), 0.5, 0.02)
        canvas.paint(shape, np.minimum(colour * 1.07 + 6, 255))


def _paint_shirt(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    _dress(head, canvas, _neckline(head.person.neck + 0.08, 1.15, 1.56, 1.0), colour)
    placket = ribbon([(0, 1.56), (0, 2.2), (0, 3)], 0.025)
    canvas.paint(placket, shaded(colour, 0.6), 0.8)
    _paint_collar(head, canvas, colour)


def _paint_suit(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    """Jacket, white shirt and, with a masculine look, a tie."""
    neck = head.person.neck
    white = mixed(rgb(242, 242, 240), colour, 0.12)
    _dress(head, canvas, _neckline(neck + 0.08, 1.15, 1.5, 1.0), white, "plain")
    if head.person.look < 0.6:
        tie = from_hsv((head.shot.cloth_hue + 0.45) % 1, 0.6, 0.55)
        knot = [(-0.1, 1.38), (0.1, 1.38), (0.065, 1.54), (-0.065, 1.54)]
        canvas.paint(np.array([*knot[2:], (-0.15, 2.3), (0, 2.6), (0.15, 2.3)]), tie)
        canvas.paint(np.array(knot), shaded(tie, 1.25))
    _paint_collar(head, canvas, white)
    jacket = mixed(colour, rgb(44, 46, 58), 0.55) * 0.8
    _dress(head, canvas, _neckline(neck + 0.26, 1.3, 2.35, 1.0), jacket, "plain")
    lapel = [(0.06, 2.3), (neck + 0.2, 1.3), (neck + 0.42, 1.4), (0.86, 1.72), (0.62, 1.78)]
    for side in (-1, 1):
        canvas.paint(np.array([*lapel, (0.64, 1.88)]) * (side, 1), shaded(jacket, 1.22))


def _paint_turtleneck(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    neck = head.person.neck
    _dress(head, canvas, _neckline(neck + 0.1, 1.2, 1.3, 2), colour)
    tube = [(0, 1.0), (neck, 0.98), (neck + 0.09, 1.1), (neck + 0.15, 1.36), (0, 1.46)]
    region, mask = canvas.mask(spline(mirrored(tube)))
    x, _ = canvas.grid(region)
    canvas.lay(region, mask, shaded(colour, 0.93 + 0.07 * np.sin(x * 46)))  # ribbed


def _paint_hoodie(head: Head, canvas: Canvas, colour: np.ndarray) -> None:
    neck = head.person.neck
    _paint_crew(head, canvas, colour)
    hood = [(0.08, 1.6), (neck + 0.02, 1.16), (neck + 0.24, 0.98), (neck + 0.42, 1.24), (0.5, 1.55)]
    for side in (-1, 1):
        canvas.paint(spline(np.array(hood) * (side, 1)), shaded(colour, 0.86))
        cord = [(side * 0.2, 1.54), (side * 0.22, 1.8), (side * 0.2, 2.1)]
        canvas.paint(ribbon(cord, 0.035), rgb(236, 234, 228))


_CLOTHES_PAINTERS = {
    "crew": _paint_crew,
    "scoop": _paint_scoop,
    "v-neck": _paint_v_neck,
    "straps": _paint_straps,
    "shirt": _paint_shirt,
    "suit": _paint_suit,
    "turtleneck": _paint_turtleneck,
    "hoodie": _paint_hoodie,
}
