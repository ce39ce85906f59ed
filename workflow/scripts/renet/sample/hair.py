"""Hair and beards of drawn people, behind the face and around it."""

import cv2
import numpy as np

from renet.sample.canvas import clouds, ellipse, mirrored, mixed, shaded, shifted, spline
from renet.sample.heads import Head, shade_ball


def _strands(head: Head, x: np.ndarray, y: np.ndarray, curl: float) -> np.ndarray:
    """Streaks that leave the parting and run down, or curls: brightness around 1, float32."""
    rng = head.rng
    table = cv2.GaussianBlur(rng.normal(size=(1, 2048)).astype(np.float32), (0, 1), 1.6)
    table = table / table.std() + np.repeat(rng.normal(size=128), 16).astype(np.float32)[None] * 0.4
    parting = head.person.parting * head.width
    fall = 0.32 + np.clip(y + 1.0, 0, 1.4)
    across = (x - parting) / fall + curl * 0.1 * np.sin(y * (7 + 5 * curl) + x * 2)
    streaks = table[0, (across * 210 + 1024).astype(np.int32) & 2047]
    if curl > 0.75:
        lumps = np.sin(x * 21 + 2.5 * np.sin(y * 9)) * np.sin(y * 23 + 2.5 * np.sin(x * 11))
        streaks = 0.5 * streaks + 1.6 * lumps
    return 1 + 0.085 * streaks


def _paint_hair(head: Head, outline: np.ndarray, dim: float = 1.0, alpha: float = 1.0, soft=0.0):
    """A lock of hair: strands, the light's sheen, grey ones among the rest."""
    region, mask = head.canvas.mask(outline, soft)
    x, y = head.canvas.grid(region)
    strands = _strands(head, x, y, head.person.curl)
    ball = shade_ball(head, region, (0, -0.1), (head.width + 0.3, 1.3), head.shot.light_strength)
    away = np.hypot(x - 0.3 * head.light[0], (y + 0.1) * 0.9)
    sheen = 0.3 * head.shot.light_strength * np.exp(-(((away - 0.78) / 0.14) ** 2))
    sheen = sheen * np.clip(-y, 0, 1) * strands
    colour = shaded(head.hair, strands * ball * dim)
    colour += cv2.merge([sheen * value for value in head.hair * 0.6 + 60])
    head.canvas.lay(region, mask * alpha, colour)


def _top_of_hair(head: Head, lift: float, side: float, low: float) -> np.ndarray:
    """The outer edge of the hair from the right side over the top to the left, (n, 2)."""
    angle = np.linspace(0, np.pi, 41)
    wide, high = head.width + side, 0.92 + lift
    x = wide * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.86
    y = -0.12 - high * np.sin(angle) ** 0.9
    if head.person.curl > 0.75 and lift > 0.04:
        bumps = 1 + 0.05 * np.abs(np.sin(angle * 9))
        x, y = x * bumps, -0.12 + (y + 0.12) * bumps
    y[[0, -1]] = low
    return np.stack([x, y], axis=1)


def _hairline(head: Head, kind: str, low: float) -> np.ndarray:
    """The inner edge of the hair from the left temple over the forehead to the right, (n, 2)."""
    inner = head.width - 0.06
    x = np.linspace(-1, 1, 33)
    parting = head.person.parting
    recession = head.person.balding * float(np.clip((head.shot.age - 22) / 40, 0, 1))
    base = -0.7 - 0.22 * recession - 0.12 * recession * np.cos(np.pi * 2.6 * x)
    if kind == "centre":
        base = -0.92 + 0.75 * np.abs(x - parting * 0.25) ** 1.15
    elif kind == "side":
        along = np.abs(x - parting)
        rise = np.where((x - parting) * parting > 0, 0.75, 0.36)
        base = base - 0.1 + rise * along**1.1
    elif kind == "fringe":
        base = -0.45 + 0.05 * np.sin(x * 9 + parting * 8) - 0.06 * x**2
    corner = np.clip((np.abs(x) - 0.8) / 0.2, 0, 1) ** 2
    y = base * (1 - corner) + low * corner
    points = np.stack([x * inner, y], axis=1)
    points[:, 0] += 0.45 * head.shot.yaw * (1 - np.abs(x))
    return points


def _is_long(head: Head) -> bool:
    return head.person.hair_style in ("long", "bob")


def _length(head: Head) -> float:
    """How far down loose hair falls, in head units."""
    if head.person.hair_style == "bob":
        return 0.72 + 0.4 * abs(head.person.parting)
    return 1.55 + 1.2 * abs(head.person.parting)


def _curtain(head: Head, low: float, side: float) -> np.ndarray:
    """The outline of loose hair from the crown down to `low`, waving with its curl."""
    y = np.linspace(-0.2, low, 14)
    wave = head.person.curl * 0.06 * np.sin(y * 8 + head.person.parting * 9)
    flare = side + 0.1 * np.clip((y + 0.2) / (low + 0.2), 0, 1) ** 0.8
    flare[-1] -= 0.1
    right = np.stack([head.width + flare + wave, y], axis=1)
    left = np.stack([-head.width - flare + wave, y], axis=1)
    hem = [(0.45 * head.width, low + 0.07), (-0.45 * head.width, low + 0.07)]
    top = _top_of_hair(head, head.person.hair_volume, side, -0.2)
    return np.vstack([top[::-1], right, hem, left[::-1]])


def paint_back_hair(head: Head) -> None:
    """What of the hair lies behind neck and face."""
    style, volume = head.person.hair_style, head.person.hair_volume
    if _is_long(head):
        _paint_hair(head, _curtain(head, _length(head), 0.06 + 0.6 * volume), 0.68)
    elif style == "curls":
        size = 0.72 + 1.3 * volume
        angle = np.linspace(0, 2 * np.pi, 121)
        bumps = 1 + 0.045 * np.abs(np.sin(angle * 11))
        ball = np.stack(
            [np.cos(angle) * bumps * (size + 0.1), np.sin(angle) * bumps * size], axis=1
        )
        _paint_hair(head, shifted(ball, 0, -0.38), 0.8)
    elif style == "bun":
        across = 0.25 * np.sign(head.person.parting) * (abs(head.person.parting) > 0.35)
        _paint_hair(head, ellipse(across, -1.08, 0.3, 0.24), 0.85)
    elif style == "ponytail":
        side = np.sign(head.person.parting)
        tail = [(side * 0.5, -0.75), (side * 0.98, -0.6), (side * 1.12, 0.2), (side * 0.98, 1.0)]
        tail += [(side * 0.84, 1.15), (side * 0.8, 0.2)]
        _paint_hair(head, spline(tail), 0.75)


def paint_front_hair(head: Head) -> None:
    """What of the hair frames the face."""
    person = head.person
    style, volume = person.hair_style, person.hair_volume
    receding = person.balding * float(np.clip((head.shot.age - 25) / 45, 0, 1))
    if style == "bald" or receding > 0.62:
        if head.shot.age > 42 or receding > 0.62:
            _paint_horseshoe(head)
        return
    kind = "back" if style in ("buzz", "bun", "ponytail", "curls") else person.hairline
    lift = {"buzz": 0.03, "bun": 0.06, "ponytail": 0.06}.get(style, volume)
    side = {"buzz": 0.012, "bun": 0.03, "ponytail": 0.03}.get(style, 0.03 + 0.3 * volume)
    low = 0.02 if style != "buzz" else -0.08
    edge = _hairline(head, kind, low)
    _cast_hair_shadow(head, edge)
    if _is_long(head):
        _paint_locks(head, edge, 0.06 + 0.6 * volume)
        return
    outline = np.vstack([_top_of_hair(head, lift, side, low + 0.06), edge])
    if style == "buzz":
        _paint_hair(head, outline, 0.9, 0.82, 0.012)
    else:
        _paint_hair(head, outline)


def _cast_hair_shadow(head: Head, edge: np.ndarray) -> None:
    shadow = np.vstack([shifted(edge, 0, 0.06), shifted(edge[::-1], 0, -0.2)])
    head.canvas.tint(shadow, 0.72, 0.6, 0.035, clip=head.face)


def _paint_locks(head: Head, edge: np.ndarray, side: float) -> None:
    """Loose hair over temples and cheeks; who has large ears wears it behind them."""
    low = _length(head)
    if head.person.ears > 1.12:
        outline = np.vstack([_top_of_hair(head, head.person.hair_volume, side, 0.1), edge])
        _paint_hair(head, outline)
        return
    down = np.linspace(0.0, 1.0, 9)
    y = 0.02 + down * (low - 0.02)
    wave = head.person.curl * 0.05 * np.sin(y * 8 + head.person.parting * 9)
    inner = head.width - 0.08 + 0.14 * np.clip(y - 0.5, 0, 1) + 0.06 * (down == 1)
    outer = head.width + side + 0.1 * down - 0.1 * (down == 1)
    yaw = 0.1 * head.shot.yaw
    right = np.stack([inner + wave + yaw, y], axis=1)
    left = np.stack([-inner + wave + yaw, y], axis=1)
    top = _top_of_hair(head, head.person.hair_volume, side, 0.02)
    outline = np.vstack(
        [
            top,
            np.stack([-outer + wave, y], axis=1)[1:],
            left[::-1],
            edge[1:-1],
            right,
            np.stack([outer + wave, y], axis=1)[::-1][:-1],
        ]
    )
    _paint_hair(head, outline)


def _paint_horseshoe(head: Head) -> None:
    """The hair that is left above the ears of a bald head."""
    for side in (-1, 1):
        patch = [
            (0.98, 0.1),
            (1.09, -0.1),
            (1.06, -0.42),
            (0.94, -0.56),
            (0.9, -0.3),
            (0.93, -0.02),
        ]
        shape = spline(np.array(patch) * (side * head.width, 1))
        _paint_hair(head, shape, 0.95, 0.9, 0.015)


def paint_beard(head: Head) -> None:
    """The beard, where the person has one and is of age."""
    kind = head.person.beard
    if kind == "none" or head.shot.age < 18:
        return
    dark = head.hair * 0.85
    mouth = [(0.0, 0.42), (0.33, 0.45)]
    cheeks = [(head.width - 0.01, 0.02), (head.width + 0.01, 0.2), (head.jaw + 0.08, 0.52)]
    jaw = [(head.chin + 0.2, 0.86), (head.chin, 1.02), (0.0, 1.06)]
    inner = [(0.53, 0.36), (head.width - 0.12, 0.08)]
    moustache = [(0.0, 0.42), (0.17, 0.42), (0.34, 0.53), (0.36, 0.61), (0.2, 0.55), (0.0, 0.53)]
    shapes = {
        "full": [*mouth, *inner, *cheeks, *jaw],
        "stubble": [*mouth, *inner, *cheeks, *jaw],
        "goatee": [*mouth, (0.31, 0.62), (0.27, 0.88), (0.16, 1.04), (0.0, 1.06)],
        "moustache": moustache,
    }
    outline = head.on_face(spline(mirrored(shapes[kind])), 0.05)
    if kind == "stubble":
        head.canvas.paint(outline, mixed(dark, head.skin, 0.35), 0.42, 0.05, clip=head.face)
        return
    region, mask = head.canvas.mask(outline, 0.02)
    bristles = clouds(head.rng, *mask.shape, 24) * 0.5 + 0.75
    ball = shade_ball(head, region, (0, 0.1), (head.width + 0.1, 1.2), head.shot.light_strength)
    head.canvas.lay(region, mask * 0.93, shaded(dark, bristles * ball))
