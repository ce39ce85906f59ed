"""Hair behind the head, hair around the face, and beards."""

import cv2
import numpy as np

from renet.sample.canvas import SHADOW, ellipse, mirrored, mixed, shaded, spline
from renet.sample.head import Head


def _fill(head: Head, outline: np.ndarray, dim: float = 1.0, alpha: float = 1.0) -> None:
    """Fill a shape with hair: strands that run down from the parting, or curls, and a sheen."""
    curl, parting = head.person.curl, head.person.parting * head.width
    noise = head.rng.normal(0, 0.34, (1, 2048)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 1), 1.6)[0] + 0.1 * np.repeat(noise[0, ::16], 16)

    def hair(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        fan = (x - parting) / (0.32 + np.clip(y + 1, 0, 1.4))
        fan += 0.1 * curl * np.sin(y * (7 + 5 * curl) + x * 2)
        strands = noise[(fan * 210).astype(np.int32) & 2047]
        if curl > 0.75:
            lumps = np.sin(x * 21 + 2.5 * np.sin(y * 9)) * np.sin(y * 23 + 2.5 * np.sin(x * 11))
            strands = 0.5 * strands + 0.14 * lumps
        distance = np.hypot(x - 0.3 * head.light[0], 0.9 * (y + 0.1))
        sheen = np.exp(-(((distance - 0.78) / 0.14) ** 2)) * np.clip(-y, 0, 1)
        sheen *= 0.3 * head.shot.light_strength
        lit = dim * head.lit(x, y, head.width + 0.3)
        return shaded(head.hair, (1 + strands) * lit) + sheen * (head.hair * 0.6 + 60)

    head.canvas.fill(outline, hair, alpha)


def _top(head: Head, lift: float, side: float) -> np.ndarray:
    """The outer edge of the hair, (41, 2), from the right over the crown to the left."""
    angle = np.linspace(0, np.pi, 41)
    bumps = 1 + 0.05 * np.abs(np.sin(angle * 9)) * (head.person.hair_style == "curls")
    x = (head.width + side) * np.cos(angle) * bumps
    return np.stack([x, -0.12 - (0.92 + lift) * np.sin(angle) ** 0.75 * bumps], axis=1)


def _sides(head: Head, x: float, low: float, flare: float) -> tuple[np.ndarray, np.ndarray]:
    """The right and the left edge of hair, (9, 2) each, from the temples down to `low`."""
    y = np.linspace(-0.1, low, 9)
    wave = 0.055 * head.person.curl * np.sin(y * 8 + head.person.parting * 9) * np.clip(y, 0, 1)
    edge = x + flare * np.clip(y, 0, 1) - 0.06 * np.linspace(0, 1, 9) ** 4
    return np.stack([edge + wave, y], axis=1), np.stack([wave - edge, y], axis=1)


def _hairline(head: Head) -> np.ndarray:
    """The inner edge of the hair, (33, 2), from the left temple over the forehead to the right."""
    x, parting = np.linspace(-1, 1, 33), head.person.parting
    match head.person.hairline if head.hair_style in ("long", "bob", "short") else "back":
        case "centre":
            y = -0.92 + 0.75 * np.abs(x - 0.25 * parting) ** 1.15
        case "fringe":
            y = -0.45 + 0.05 * np.sin(x * 9 + parting * 8) - 0.06 * x**2
        case "side":
            slope = np.where((x - parting) * parting > 0, 0.75, 0.36)
            y = slope * np.abs(x - parting) ** 1.1 - 0.8
        case _:
            y = -0.7 - head.recession * (0.22 + 0.12 * np.cos(np.pi * 2.6 * x))
    corner = np.clip((np.abs(x) - 0.8) / 0.2, 0, 1) ** 2
    x_turned = x * (head.width - 0.07) + 0.45 * head.shot.yaw * (1 - np.abs(x))
    return np.stack([x_turned, y * (1 - corner) - 0.1 * corner], axis=1)


def _loose_hair(head: Head) -> tuple[float, float]:
    """The distance of loose hair from the sides of the head, and y of its ends."""
    low, varying = (0.72, 0.4) if head.person.hair_style == "bob" else (1.55, 1.2)
    return 0.06 + 0.6 * head.person.hair_volume, low + varying * abs(head.person.parting)


def paint_back_hair(head: Head) -> None:
    """Paint the hair that is behind neck and face."""
    volume, parting = head.person.hair_volume, head.person.parting
    match head.hair_style:
        case "long" | "bob":
            side, low = _loose_hair(head)
            right, left = _sides(head, head.width + side, low, 0.1)
            _fill(head, np.vstack([_top(head, volume, side), left, right[::-1]]), 0.68)
        case "curls":
            _fill(head, ellipse(0, -0.38, 0.8 + 1.3 * volume, 0.7 + 1.3 * volume), 0.8)
        case "bun":
            _fill(head, ellipse(0.4 * parting, -1.08, 0.3, 0.24), 0.85)
        case "ponytail":
            tail = [(0.5, -0.75), (0.98, -0.6), (1.12, 0.2), (0.98, 1.0), (0.84, 1.15), (0.8, 0.2)]
            _fill(head, spline(tail) * (np.sign(parting), 1), 0.75)


def paint_front_hair(head: Head) -> None:
    """Paint the hair that frames the face; who is bald at an advanced age has some at the sides."""
    volume, alpha, flare = head.person.hair_volume, 1.0, 0.0
    lift, side, low = volume, 0.03 + 0.3 * volume, 0.06
    match head.hair_style:
        case "bald":
            patch = [(0.98, 0.1), (1.09, -0.1), (1.06, -0.42), (0.94, -0.56), (0.91, -0.2)]
            for sign in (-1, 1) if head.shot.age > 42 else ():
                _fill(head, spline(np.array(patch) * (sign * head.width, 1)), 0.95, 0.9)
            return
        case "buzz":
            lift, side, low, alpha = 0.04, 0.015, -0.04, 0.82
        case "bun" | "ponytail":
            lift, side, low = 0.06, 0.03, 0.02
        case "long" | "bob" if abs(head.person.parting) < 0.4:  # otherwise it is behind the ears
            (side, low), flare = _loose_hair(head), 0.1
    edge = _hairline(head)
    below = np.vstack([np.add(edge, (0, 0.06)), np.subtract(edge[::-1], (0, 0.2))])
    head.face.fill(below, SHADOW, 0.2, 0.035)
    right, left = _sides(head, head.width + side, low, flare)
    inner_right, inner_left = _sides(head, head.width - 0.07, low, 1.4 * flare)
    outline = [_top(head, lift, side), left, inner_left[::-1], edge, inner_right, right[::-1]]
    _fill(head, np.vstack(outline), alpha=alpha)


def paint_beard(head: Head) -> None:
    """Paint the person's beard, if any; nobody under 18 has one."""
    kind, width = head.person.beard, head.width
    if kind == "none" or head.shot.age < 18:
        return
    cheek = [(0.33, 0.45), (0.53, 0.36), (width - 0.12, 0.08), (width - 0.01, 0.02)]
    jaw = [(width + 0.01, 0.2), (head.jaw + 0.08, 0.52), (head.chin + 0.2, 0.86), (head.chin, 1.02)]
    shape = {
        "goatee": [(0.33, 0.45), (0.31, 0.62), (0.27, 0.88), (0.16, 1.04), (0, 1.06)],
        "moustache": [(0.17, 0.42), (0.34, 0.53), (0.36, 0.61), (0.2, 0.55), (0, 0.53)],
    }.get(kind, [*cheek, *jaw, (0, 1.06)])
    outline, colour = spline(mirrored([(0, 0.42), *shape])), head.hair * 0.85
    if kind == "stubble":
        head.face.fill(outline, mixed(colour, head.skin, 0.35), 0.42, 0.05)
        return

    def bristles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return shaded(colour, head.rng.normal(1, 0.07, x.shape) * head.lit(x, y, width + 0.1))

    head.face.fill(outline, bristles, 0.93, 0.02)
