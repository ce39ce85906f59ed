"""Drawn portraits for the built-in sample, painted with OpenCV on numpy arrays.

`draw` paints one photo of one invented person, from the background to the grain of the film. Shapes
are given in head units: the origin lies between the eyes and the nose, x runs to the right and y
down, and the chin is at y = 1.
"""

import dataclasses

import cv2
import numpy as np

from renet.canvas import (
    Canvas,
    Points,
    Region,
    clouds,
    ellipse,
    from_hsv,
    mirrored,
    mixed,
    ramps,
    rgb,
    ribbon,
    shaded,
    shifted,
    spline,
)
from renet.people import Person, Shot

VIEW = 3.24  # head units along the shorter side of a picture: a face box of 1.8 and its margins
VIEW_CENTRE = 0.24  # head units from the origin down to the middle of the picture
NECK = 0.95  # head units from the origin down to where the head turns
PAINTED_SIDE = (190, 260)  # pixels along the shorter side while painting: at least, at most

SKIN_TONES = np.array(
    [(246, 215, 194), (238, 200, 173), (229, 182, 148), (203, 151, 113), (166, 115, 82),
     (124, 83, 59), (88, 58, 43)],
    np.float32,
)  # fmt: skip
HAIR_COLOURS = {
    "black": rgb(30, 26, 28),
    "dark brown": rgb(62, 43, 34),
    "brown": rgb(98, 66, 45),
    "light brown": rgb(140, 98, 64),
    "dark blond": rgb(176, 138, 88),
    "blond": rgb(222, 188, 126),
    "red": rgb(172, 80, 42),
    "auburn": rgb(112, 48, 38),
    "pink": rgb(214, 112, 150),
    "blue": rgb(70, 104, 168),
}
EYE_COLOURS = np.array(
    [(74, 48, 32), (52, 34, 26), (96, 70, 40), (84, 112, 70), (84, 124, 158), (110, 124, 130)],
    np.float32,
)
LIPSTICKS = np.array(
    [(186, 36, 52), (160, 30, 62), (208, 72, 92), (196, 84, 100), (138, 34, 58), (222, 98, 90)],
    np.float32,
)
WHITE = rgb(255, 255, 255)
HIDDEN_EAR = 0.22  # radians of yaw from which on the far ear cannot be seen
GREY_HAIR = rgb(206, 204, 206)


# --- the place ----------------------------------------------------------------------------------


def _background(shot: Shot, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """What lies behind the person, (height, width, 3) float32."""
    small = height // 2, width // 2  # it is out of focus: half the pixels will do
    canvas = Canvas(np.zeros((*small, 3), np.float32), _frame(shot, *small, 0.0))
    hue, saturation, value = shot.backdrop
    near = (hue + rng.normal(0, 0.08)) % 1
    colour = from_hsv(hue, saturation * 0.7, value)
    other = from_hsv(near, saturation * 0.7, value * rng.uniform(0.45, 0.8))
    _BACKGROUND_PAINTERS[shot.background](canvas, rng, colour, other)
    return cv2.resize(canvas.pixels, (width, height), interpolation=cv2.INTER_LINEAR)


def _paint_flat(canvas: Canvas, _: np.random.Generator, colour: np.ndarray, __: np.ndarray):
    canvas.pixels[:] = colour


def _paint_gradient(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    down, across = ramps(*canvas.pixels.shape[:2])
    share = (down * rng.uniform(0.3, 1) + across * rng.uniform(-0.8, 0.8)) / 2 + 0.5
    canvas.pixels[:] = mixed(colour, other, np.clip(share, 0, 1))


def _paint_texture(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    share = clouds(rng, *canvas.pixels.shape[:2], int(rng.integers(3, 9)))
    canvas.pixels[:] = mixed(colour, other, share)


def _paint_curtain(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    down, across = ramps(*canvas.pixels.shape[:2])
    folds = np.sin(across * rng.uniform(9, 18) + 0.6 * np.sin(across * 7) + down * 0.3)
    canvas.pixels[:] = mixed(colour, other, (folds + 1) / 2)


def _paint_blobs(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, other: np.ndarray
) -> None:
    """Lamps at night, out of focus."""
    _paint_gradient(canvas, rng, colour * 0.6, other * 0.6)
    hue = rng.random()
    lamps = [from_hsv((hue + turn) % 1, 0.45, 1) for turn in (0, 0.06, 0.12, 0.5)]
    _paint_spots(canvas, rng, lamps, 26, (0.08, 0.3), 0.03)


def _paint_foliage(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, _: np.ndarray
) -> None:
    green = from_hsv(rng.uniform(0.2, 0.38), 0.55, 0.3 + 0.35 * colour.max() / 255)
    canvas.pixels[:] = mixed(green * 0.6, green, clouds(rng, *canvas.pixels.shape[:2], 7))
    leaves = [green * 1.25, from_hsv(0.18, 0.5, 0.85), green * 0.5]
    _paint_spots(canvas, rng, leaves, 34, (0.06, 0.22), 0.04)


def _paint_spots(
    canvas: Canvas,
    rng: np.random.Generator,
    colours: list[np.ndarray],
    number: int,
    radii: tuple[float, float],
    soft: float,
) -> None:
    """Round spots all over the canvas."""
    height, width = canvas.pixels.shape[:2]
    for _ in range(number):
        x, y = canvas.inverse[:, :2] @ rng.uniform(0, (width, height)) + canvas.inverse[:, 2]
        radius = rng.uniform(*radii)
        colour = colours[rng.integers(len(colours))]
        canvas.paint(ellipse(x, y, radius, radius), colour, rng.uniform(0.2, 0.6), soft)


def _paint_sky(canvas: Canvas, rng: np.random.Generator, _: np.ndarray, __: np.ndarray) -> None:
    height, width = canvas.pixels.shape[:2]
    blue = from_hsv(rng.uniform(0.54, 0.62), rng.uniform(0.25, 0.6), 0.9)
    share = clouds(rng, height, width, 3) * 2.2 - 0.8 + 0.3 * ramps(height, width)[0]
    canvas.pixels[:] = mixed(blue, rgb(248, 248, 246), np.clip(share, 0, 1))


def _paint_shelves(
    canvas: Canvas, rng: np.random.Generator, colour: np.ndarray, _: np.ndarray
) -> None:
    """Rows of books, out of focus."""
    canvas.pixels[:] = colour * 0.45
    height, width = canvas.pixels.shape[:2]
    bindings = [
        mixed(from_hsv(*rng.uniform((0, 0.15, 0.25), (1, 0.6, 0.8))), colour, 0.35).tolist()
        for _ in range(24)
    ]
    shelf = max(width, height) // 6
    for low in range(int(rng.integers(shelf)), height + shelf, shelf):
        x = 0
        while x < width:
            thick, high = int(rng.integers(3, 9)), int(shelf * rng.uniform(0.62, 0.92))
            binding = bindings[rng.integers(len(bindings))]
            cv2.rectangle(canvas.pixels, (x, low - high), (x + thick, low - 3), binding, cv2.FILLED)
            x += thick + 1
    canvas.pixels[:] = cv2.GaussianBlur(canvas.pixels, (0, 0), 1.6)


_BACKGROUND_PAINTERS = {
    "flat": _paint_flat,
    "gradient": _paint_gradient,
    "texture": _paint_texture,
    "blobs": _paint_blobs,
    "curtain": _paint_curtain,
    "foliage": _paint_foliage,
    "sky": _paint_sky,
    "shelves": _paint_shelves,
}


# --- the head -----------------------------------------------------------------------------------


class Head:
    """One head on a canvas: the geometry and the colours that its parts share."""

    def __init__(self, canvas: Canvas, person: Person, shot: Shot, rng: np.random.Generator):
        self.canvas, self.person, self.shot, self.rng = canvas, person, shot, rng
        place = person.tone * (len(SKIN_TONES) - 1)
        lower = min(int(place), len(SKIN_TONES) - 2)
        self.skin = mixed(SKIN_TONES[lower], SKIN_TONES[lower + 1], place - lower)
        self.skin = self.skin * (1 + 0.02 * person.warmth * np.array((1, 0, -1.5), np.float32))
        self.old = float(np.clip((shot.age - 38) / 45, 0, 1))
        young = float(np.clip((16 - shot.age) / 12, 0, 1))
        self.width = person.face_width
        self.jaw = person.jaw - 0.05 * young + 0.02 * self.old
        self.chin = person.chin - 0.04 * young
        self.eye = person.eye_size * (1 + 0.16 * young)
        grey = float(np.clip((shot.age - 34) / 34 + person.greying, 0, 1)) ** 1.2
        self.hair = mixed(HAIR_COLOURS[person.hair_colour], GREY_HAIR, grey)
        light = np.array((0.75 * shot.light[0], -0.55 * shot.light[1], 0.8))
        self.light = (light / np.linalg.norm(light)).astype(np.float32)
        self.outline = self._outline()
        self.face = canvas.coverage(self.outline)

    def _outline(self) -> np.ndarray:
        width, jaw, chin = self.width, self.jaw, self.chin
        right = [
            (0, -1.02), (0.55 * width, -0.93), (0.9 * width, -0.6), (width, -0.2),
            (0.97 * width, 0.18), (0.25 * width + 0.75 * jaw, 0.48),
            (0.62 * jaw + 0.38 * chin, 0.78), (chin, 0.965), (0, 1.0),
        ]  # fmt: skip
        outline = spline(mirrored(right))
        forward = np.clip(outline[:, 1] + 0.2, 0, 1.2)
        outline[:, 0] += 0.22 * self.shot.yaw * forward
        return outline

    def on_face(self, points: Points, depth: float = 0.0) -> np.ndarray:
        """Where points of the frontal face land when the head is turned; `depth` sticks out."""
        landed = np.array(points, np.float32)
        ball = 1.2  # radius of the ball that the features sit on
        across = np.clip(landed[:, 0] / ball, -1, 1)
        cos, sin = np.cos(self.shot.yaw), np.sin(self.shot.yaw)
        landed[:, 0] = ball * (across * cos + np.sqrt(1 - across**2) * sin) + depth * sin
        landed[:, 1] += self.shot.pitch * (1 + depth)
        return landed

    def paint(
        self,
        points: Points,
        colour: np.ndarray,
        alpha: float = 1.0,
        soft: float = 0.0,
        depth: float = 0.0,
        smooth: bool = True,
        clip: np.ndarray | None = None,
    ) -> None:
        """Fill a shape of the frontal face; `smooth` rounds it. Otherwise as `Canvas.paint`."""
        shape = spline(points) if smooth else points
        self.canvas.paint(self.on_face(shape, depth), colour, alpha, soft, clip)

    def line(
        self,
        points: Points,
        width: float | tuple[float, ...],
        colour: np.ndarray,
        alpha: float = 1.0,
        soft: float = 0.0,
        depth: float = 0.0,
        clip: np.ndarray | None = None,
    ) -> None:
        """Draw a brush stroke on the frontal face, as wide along its way as `width` says."""
        shape = ribbon(self.on_face(points, depth), width)
        self.canvas.paint(shape, colour, alpha, soft, clip)


def _shade_ball(
    head: Head,
    region: Region,
    centre: tuple[float, float],
    radii: tuple[float, float],
    strength: float,
) -> np.ndarray:
    """How bright each pixel of a region is on a lit ball about as large as the head."""
    x, y = head.canvas.grid(region)
    across = np.clip((x - centre[0]) / radii[0], -1, 1) * 0.85
    down = np.clip((y - centre[1]) / radii[1], -1, 1) * 0.75
    out = np.sqrt(np.maximum(1 - across**2 - down**2, 0.02))
    lit = across * head.light[0] + down * head.light[1] + out * head.light[2]
    return np.clip(1 + strength * (lit - 0.82), 0.42, 1.12)


def _paint_skin(head: Head) -> None:
    """Face and ears, rounded by the light."""
    canvas, yaw = head.canvas, head.shot.yaw
    strength = 0.75 * head.shot.light_strength
    for side in (-1, 1):
        if side * yaw > HIDDEN_EAR:
            continue
        x, size = side * (head.width + 0.035) - 0.35 * yaw, 0.18 * head.person.ears
        ear = ellipse(x, 0.02, 0.1 * head.person.ears, size, -0.2 * side)
        light = 1 + 0.3 * strength * (side * head.light[0] - 0.3)
        canvas.paint(ear, shaded(head.skin, light * 0.94))
        canvas.tint(ellipse(x, 0.02, 0.05, size * 0.62, -0.2 * side), 0.72, 0.6, 0.02)
    region, mask = canvas.mask(head.outline)
    shade = _shade_ball(head, region, (0.2 * yaw, 0.05), (head.width * 1.06, 1.15), strength)
    mottled = 1 + 0.03 * (clouds(head.rng, *mask.shape, 6) - 0.5)
    canvas.lay(region, mask, shaded(head.skin, shade * mottled))


def _model_face(head: Head) -> None:
    """Eye sockets, cheeks, nose and chin, in soft light and shadow; blush and freckles."""
    dark, face, shot = head.skin, head.face, head.shot
    shadow = shaded(dark, 0.62)
    glow = np.minimum(dark * 1.14 + 8, 255)
    for side in (-1, 1):
        head.paint(ellipse(side * 0.32, -0.1, 0.23, 0.15), shadow, 0.34, 0.06, clip=face)
        cheek = ellipse(side * 0.43, 0.28, 0.19, 0.15)
        rosy = mixed(dark * (1, 0.74, 0.72), dark, head.person.tone * 0.6)
        head.paint(cheek, rosy, 0.2 + 0.6 * shot.blush, 0.09, clip=face)
        hollow = [(side * 0.66, 0.3), (side * 0.5, 0.62), (side * 0.36, 0.6), (side * 0.55, 0.4)]
        head.paint(hollow, shadow, 0.16 + 0.2 * head.old, 0.07, clip=face)
    head.paint(ellipse(0, -0.55, 0.34, 0.16), glow, 0.28, 0.1, clip=face)
    head.paint(ellipse(0, 0.86, 0.12, 0.06), glow, 0.3, 0.04, clip=face)
    head.paint(ellipse(0, 0.76, 0.17, 0.025), shadow, 0.35, 0.03, clip=face)
    if head.person.freckles:
        brown = shaded(dark, 0.68)
        for _ in range(44):
            x, y = head.rng.normal(0, 0.27), head.rng.normal(0.2, 0.09)
            head.paint(ellipse(x, y, 0.014, 0.013), brown, 0.6, smooth=False)


def _paint_wrinkles(head: Head) -> None:
    if head.old <= 0.08:
        return
    alpha = 0.16 + 0.5 * head.old
    crease = shaded(head.skin, 0.6)
    thin = (0.004, 0.02, 0.004)
    for y in (-0.68, -0.58, -0.49)[: 1 + int(2.5 * head.old)]:
        bend = head.rng.uniform(-0.02, 0.03)
        points = [(-0.36, y + 0.02), (-0.15, y - bend), (0.15, y - bend), (0.36, y + 0.02)]
        head.line(points, thin, crease, alpha, clip=head.face)
    for side in (-1, 1):
        for turn in (-0.06, 0.0, 0.06):
            points = [(side * 0.53, -0.06 + turn / 2), (side * 0.64, -0.05 + turn * 1.5)]
            head.line(points, (0.018, 0.004), crease, alpha, clip=head.face)
        bag = [(side * 0.18, 0.08), (side * 0.32, 0.14), (side * 0.45, 0.09)]
        head.line(bag, thin, crease, alpha * 0.8, clip=head.face)


def _paint_nose(head: Head) -> None:
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


def _paint_eye(head: Head, side: int) -> None:
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


def _paint_brow(head: Head, side: int) -> None:
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


def _paint_mouth(head: Head) -> None:
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


# --- hair ---------------------------------------------------------------------------------------


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
    ball = _shade_ball(head, region, (0, -0.1), (head.width + 0.3, 1.3), head.shot.light_strength)
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


def _paint_back_hair(head: Head) -> None:
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


def _paint_front_hair(head: Head) -> None:
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


def _paint_beard(head: Head) -> None:
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
    ball = _shade_ball(head, region, (0, 0.1), (head.width + 0.1, 1.2), head.shot.light_strength)
    head.canvas.lay(region, mask * 0.93, shaded(dark, bristles * ball))


# --- what people wear ---------------------------------------------------------------------------


def _paint_body(head: Head, canvas: Canvas) -> None:
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


def _paint_earrings(head: Head) -> None:
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


def _paint_glasses(head: Head) -> None:
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


def _paint_hat(head: Head) -> None:
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
    ball = _shade_ball(head, region, (0, -0.6), (side, 1.0), shot.light_strength)
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
        ball = _shade_ball(head, region, (0, 0), (width + 0.3, 1.5), head.shot.light_strength)
        head.canvas.lay(region, mask, shaded(colour, folds * ball))


# --- the picture --------------------------------------------------------------------------------


def _frame(shot: Shot, height: int, width: int, turn: float) -> np.ndarray:
    """The affine map (2, 3) from head units to pixels, with a turn (radians) about the neck."""
    base = min(height, width) / VIEW
    unit = base * shot.zoom
    cos, sin = unit * np.cos(turn), unit * np.sin(turn)
    x = width / 2 + base * shot.shift[0]
    y = height / 2 + base * shot.shift[1] + unit * (NECK - VIEW_CENTRE)
    return np.array([(cos, -sin, x + sin * NECK), (sin, cos, y - cos * NECK)])


def _paint_figure(pixels: np.ndarray, person: Person, shot: Shot, rng: np.random.Generator) -> None:
    height, width = pixels.shape[:2]
    canvas = Canvas(pixels, _frame(shot, height, width, shot.tilt))
    head = Head(canvas, person, shot, rng)
    if shot.hat != "scarf":
        _paint_back_hair(head)
    _paint_body(head, Canvas(pixels, _frame(shot, height, width, shot.tilt * 0.15)))
    _paint_skin(head)
    _model_face(head)
    _paint_wrinkles(head)
    _paint_beard(head)
    _paint_nose(head)
    _paint_mouth(head)
    for side in (-1, 1):
        _paint_eye(head, side)
        _paint_brow(head, side)
    if shot.hat != "scarf":
        _paint_front_hair(head)
        if shot.earrings:
            _paint_earrings(head)
    if shot.glasses:
        _paint_glasses(head)
    if shot.hat:
        _paint_hat(head)


def _light_up(pixels: np.ndarray, shot: Shot) -> np.ndarray:
    """The light of the whole scene: one side brighter, dim corners, cast, exposure, contrast."""
    height, width = pixels.shape[:2]
    down, across = ramps(height, width)
    light = 1 + 0.16 * shot.light_strength * (across * shot.light[0] - down * shot.light[1])
    light -= 0.06 * (across**2 + down**2)
    light *= shot.exposure * shot.contrast
    return pixels * cv2.merge([light * cast for cast in shot.cast]) + 118 * (1 - shot.contrast)


def _develop(pixels: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """From the painting to the photo: size, grey, focus, grain, repeated borders; uint8."""
    height, width = shot.size
    shrinks = height < pixels.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    photo = _light_up(cv2.resize(pixels, (width, height), interpolation=way), shot)
    if shot.grey:
        photo[:] = (photo @ np.array((0.299, 0.587, 0.114), np.float32))[..., None]
    if shot.blur > 0.3:
        photo = cv2.GaussianBlur(photo, (0, 0), shot.blur)
    grain = rng.standard_normal((height, width), dtype=np.float32) * shot.noise
    photo = np.clip(photo + cv2.merge((grain, grain, grain)), 0, 255).astype(np.uint8)
    top, bottom, left, right = shot.border
    photo = photo[top : height - bottom, left : width - right]
    return cv2.copyMakeBorder(photo, top, bottom, left, right, cv2.BORDER_REPLICATE)


def draw_scene(shot: Shot) -> np.ndarray:
    """Paint a photo without anybody on it, hills under a sky; otherwise as `draw`."""
    rng = np.random.default_rng(shot.texture)
    shot = dataclasses.replace(shot, background="sky", zoom=1.0, shift=(0.0, 0.0))
    height, width = _painted_size(shot)
    canvas = Canvas(_background(shot, height, width, rng), _frame(shot, height, width, 0.0))
    sun = ellipse(rng.uniform(-1.6, 1.6), -0.7, 0.2, 0.2)
    canvas.paint(sun, rgb(255, 246, 214), 0.9, 0.03)
    x = np.linspace(-3.5, 3.5, 24)
    for k in range(4):
        waves = np.sin(x * rng.uniform(0.8, 2.2) + rng.uniform(0, 6)) * 0.3 / (1 + k)
        ridge = np.stack([x, 0.15 + 0.42 * k + waves], axis=1)
        hill = mixed(rgb(150, 176, 190), from_hsv(rng.uniform(0.2, 0.36), 0.5, 0.5), k / 3)
        canvas.paint(np.vstack([ridge, [(3.5, 4), (-3.5, 4)]]), hill)
    return _develop(canvas.pixels, shot, rng)


def _painted_size(shot: Shot) -> tuple[int, int]:
    """Height and width to paint in: somewhat more than the photo's, where that is small."""
    scale = np.clip(1.5 * min(shot.size), *PAINTED_SIDE) / min(shot.size)
    return round(shot.size[0] * scale), round(shot.size[1] * scale)


def draw(person: Person, shot: Shot, beside: tuple[Person, Shot] | None = None) -> np.ndarray:
    """Paint a photo of a person, with somebody else beside and behind where one is given.

    Returns:
        RGB pixels, `shot.size` + (3,), uint8; three equal channels where the photo is grey. The
        same arguments give the same pixels.
    """
    rng = np.random.default_rng(shot.texture)
    height, width = _painted_size(shot)
    pixels = _background(shot, height, width, rng)
    if beside:
        _paint_figure(pixels, *beside, rng)
    _paint_figure(pixels, person, shot, rng)
    return _develop(pixels, shot, rng)
