"""Drawn portraits of filled shapes, in the style of avatars.

Shapes are given in head units: the origin is between the eyes, x runs to the right, y down, the
chin is at y = 1. They are drawn larger than the photo, which then gets a camera's light and noise.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.random import Generator

from renet.sample.people import EYE_COLOURS, LIPSTICKS, Person, Shot

Points = np.ndarray | Sequence[tuple[float, float]]
Colour = np.ndarray | tuple[float, float, float]  # RGB in 0..255

SCALE = 2  # the side of the drawing, of that of the photo
VIEW, MIDDLE = 3.4, 0.24  # head units along the shorter side of a photo; y of its middle
SKIN_TONES = [(246, 215, 194), (234, 191, 161), (203, 151, 113), (145, 99, 71), (88, 58, 43)]
HAIR_COLOURS = {
    "black": (38, 33, 36), "dark brown": (66, 45, 36), "brown": (108, 74, 50),
    "dark blond": (168, 128, 82), "blond": (222, 188, 126), "red": (172, 82, 44),
    "pink": (214, 112, 150),
}  # fmt: skip
GREY, WHITE, DARK, GOLD = (206, 204, 206), (246, 243, 238), (34, 28, 31), (232, 196, 96)
ALMOND = [(-1, 0.3), (-0.6, -0.7), (0.1, -1.1), (0.7, -0.75), (1, -0.1), (0.5, 0.7), (-0.5, 0.8)]
NECKLINES = {  # x beyond the neck and y of the edge at the sides, and y of its middle
    "crew": (0.12, 1.2, 1.5), "v-neck": (0.12, 1.2, 1.95), "scoop": (0.3, 1.35, 1.85),
    "turtleneck": (0.05, 0.98, 1.02), "shirt": (0.1, 1.15, 1.6), "suit": (0.1, 1.15, 1.5),
}  # fmt: skip


def from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """A colour from hue, saturation and value in 0..1."""
    pixel = np.array([[[360 * (hue % 1), saturation, value]]], np.float32)
    return 255 * cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]


def mixed(one: Colour, other: Colour, fraction: float | np.ndarray) -> np.ndarray:
    """Two colours mixed."""
    return np.asarray(one) + fraction * np.subtract(other, one)


def smooth(points: Points) -> np.ndarray:
    """A closed curve along points (n, 2), by cutting corners twice (Chaikin's algorithm)."""
    points = np.asarray(points, float)
    for _ in range(2):
        after = np.vstack([points[1:], points[:1]])
        points = np.hstack([3 * points + after, points + 3 * after]).reshape(-1, 2) / 4
    return points


def mirrored(right: Points) -> np.ndarray:
    """A symmetric outline from its right half, given from the top to the bottom."""
    return np.vstack([right, np.multiply(right, (-1, 1))[::-1]])


def ellipse(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Outline of an ellipse about (x, y) with these half axes."""
    angle = np.linspace(0, 2 * np.pi, 36)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1)


class Canvas:
    """Pixels (H, W, 3) uint8, and shapes on them, which the pose of the head moves."""

    def __init__(self, pixels: np.ndarray, shot: Shot, tilt: float, yaw: float = 0.0):
        """Draw shapes with a tilt in radians, and turned, where those of a face turn."""
        base = min(pixels.shape[:2]) / VIEW
        self.pixels, self.unit, self.yaw = pixels, base * shot.zoom, yaw
        self.axes = self.unit * np.array([(1, tilt), (-tilt, 1)])
        middle = np.array(pixels.shape[1::-1]) / 2
        self.origin = middle + base * np.array(shot.shift) - self.unit * np.array((0, MIDDLE))

    def _positions(self, points: Points) -> list[np.ndarray]:
        """Positions of points in sixteenths of a pixel, as OpenCV takes them."""
        points = np.array(points, float)
        points[:, 0] += self.yaw * np.sqrt(np.clip(1 - points[:, 0] ** 2, 0, 1))
        return [np.round(16 * (points @ self.axes + self.origin)).astype(np.int32)]

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill a shape."""
        rgb = np.clip(colour, 0, 255).tolist()
        cv2.fillPoly(self.pixels, self._positions(points), rgb, cv2.LINE_AA, 4)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """Draw a line through points."""
        rgb, thick = np.clip(colour, 0, 255).tolist(), max(1, round(width * self.unit))
        line = self._positions(points)
        cv2.polylines(self.pixels, line, isClosed=False, color=rgb, thickness=thick, shift=4,
                      lineType=cv2.LINE_AA)  # fmt: skip

    @contextmanager
    def within(self, points: Points, colour: Colour) -> Iterator[None]:
        """Fill a shape, to which all is limited that is drawn in this context."""
        self.fill(points, colour)
        before, outside = self.pixels.copy(), np.full(self.pixels.shape[:2], 255, np.uint8)
        cv2.fillPoly(outside, self._positions(points), 0, cv2.LINE_8, 4)
        yield
        cv2.copyTo(before, outside, self.pixels)


def draw(person: Person | None, shot: Shot) -> np.ndarray:
    """Draw a photo of a person, or of the background alone.

    Returns:
        RGB pixels, `shot.size` + (3,), uint8; three equal channels where the photo is grey. The
        same arguments give the same pixels.
    """
    rng = np.random.default_rng(shot.texture)
    pixels = draw_background(shot, rng)
    if person:
        Portrait(pixels, person, shot, rng).draw()
    return photograph(pixels, shot, rng)


def draw_background(shot: Shot, rng: Generator) -> np.ndarray:
    """Smooth noise of two colours, larger than the photo."""
    height, width = (SCALE * side for side in shot.size)
    hue, saturation, value = shot.backdrop
    first = from_hsv(hue, 0.7 * saturation, value)
    second = from_hsv(hue + 0.1, 0.7 * saturation, 0.6 * value)
    noise = rng.random(rng.integers(2, 9, 2), np.float32).clip(0.1, 0.9)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return mixed(first, second, noise[..., None]).clip(0, 255).astype(np.uint8)


class Portrait:
    """A person on a photo; shapes of the `face` turn with it, unlike those of head and body."""

    def __init__(self, pixels: np.ndarray, person: Person, shot: Shot, rng: Generator):
        """Take the measures and colours of a person at the age of the photo."""
        self.person, self.shot, self.rng = person, shot, rng
        self.body = Canvas(pixels, shot, 0.15 * shot.tilt)
        self.head = Canvas(pixels, shot, shot.tilt)
        self.face = Canvas(pixels, shot, shot.tilt, 0.8 * shot.yaw)
        tones = np.linspace(0, 1, len(SKIN_TONES))
        self.skin = np.array([np.interp(person.tone, tones, of) for of in np.transpose(SKIN_TONES)])
        grey = np.clip((shot.age - 34) / 34 + person.greying, 0, 1)
        self.hair = mixed(HAIR_COLOURS[person.hair_colour], GREY, grey)
        self.recession = person.balding * np.clip((shot.age - 23) / 43, 0, 1)
        self.style = "bald" if self.recession > 0.62 else person.hair_style
        self.width, self.jaw = width, jaw = person.face_width, person.jaw
        temple = [(0.4 * width, -1.04), (0.95 * width, -0.75), (1.05 * width, 0)]
        chin = [(0.3 * width + 0.7 * jaw, 0.6), (jaw - 0.15, 0.98), (0.1, 1.06)]
        self.outline = smooth(mirrored([*temple, *chin]))

    def draw(self) -> None:
        """Draw from the back to the front."""
        self.draw_back_hair()
        self.draw_clothes()
        for side in (-1, 1):
            self.draw_ear(side)
        with self.head.within(self.outline, self.skin):
            self.draw_skin()
            self.draw_beard()
            for side in (-1, 1):
                self.draw_eye(side)
            self.draw_nose_and_mouth()
        self.draw_front_hair()
        if self.shot.glasses:
            for side in (-1, 1):
                self.draw_glasses(side, self.shot.glasses)

    def fill_hair(self, points: Points, shade: float = 1.0) -> None:
        """Fill a shape with strands of hair, which run down from the parting."""
        y, wave = np.linspace(-0.6, 2.2, 14), np.array([0, 1] * 7) * 0.08 * self.person.curl
        with self.head.within(points, shade * self.hair):
            for x in self.rng.uniform(-1.3, 1.3, 24):
                root = (0.35 * x + 0.5 * self.person.parting, -1.5)
                tone = shade * self.rng.uniform(0.8, 1.2) * self.hair
                self.head.line([root, *np.stack([x + wave, y], 1)], 0.03, tone)

    def draw_back_hair(self) -> None:
        """Hair behind the head."""
        volume, side = self.person.hair_volume, np.sign(self.person.parting)
        wide = self.width + 0.12 + volume
        if self.style in ("long", "bob"):
            low = 0.95 if self.style == "bob" else 2.1
            right = [(0.1, -1.15 - volume), (0.75 * wide, -1.12 - volume), (1.05 * wide, -0.6)]
            right += [(wide + 0.05, 0.6 * low), (wide, low)]
            self.fill_hair(smooth(mirrored(right)), 0.8)
        elif self.style == "curls":
            self.fill_hair(ellipse(0, -0.35, 0.85 + 1.3 * volume, 0.75 + 1.3 * volume), 0.85)
        elif self.style == "bun":
            self.fill_hair(ellipse(0.1 * side, -1.15, 0.32, 0.28), 0.9)
        elif self.style == "ponytail":
            tail = [(0.3, -1), (1.1, -0.9), (1.25, 0.3), (0.9, 1.3), (0.8, 0.2)]
            self.fill_hair(smooth(tail) * (side, 1), 0.85)

    def draw_clothes(self) -> None:
        """Neck and shoulders, the edge of the clothes, and the shirt and tie of a suit."""
        body, kind, neck = self.body, self.shot.clothes, self.jaw - 0.16
        colour, wide = from_hsv(*self.shot.cloth), self.person.shoulders
        throat = [(neck, 0.4), (neck, 1.1), (neck + 0.5, 1.6), (neck, 2.2)]
        body.fill(mirrored(throat), 0.92 * self.skin)
        body.fill(smooth(mirrored([(neck, 0.6), (neck, 1), (0.3, 1.25)])), 0.78 * self.skin)
        beyond, high, low = NECKLINES[kind]
        edge = [(0, low), (0.6 * (neck + beyond), 0.5 * (low + high)), (neck + beyond, high)]
        shoulder = [(0.7 * wide, 1.48), (0.9 * wide, 1.6), (wide, 1.8), (wide + 0.1, 4)]
        with body.within(mirrored([*edge, *shoulder]), colour):
            if kind == "suit":
                tie = from_hsv(self.shot.cloth[0] + 0.4, 0.6, 0.5)
                body.fill(mirrored([(0, 1), (0.6, 1), (0, 2.6)]), WHITE)
                body.fill(mirrored([(0.08, 1.4), (0.05, 1.6), (0.14, 2.6)]), tie)
                edge = [(0.02, 2.4), (0.3, 1.8), (0.5, 1.2)]
            for side in (-1, 1):
                width = 0.3 if kind == "shirt" else 0.09
                body.line(np.multiply(edge, (side, 1)), width, 0.8 * colour)

    def draw_ear(self, side: int) -> None:
        """Left (-1) or right (1) ear in the picture, and its earring."""
        x = side * (self.width + 0.03) - 0.35 * self.shot.yaw
        self.head.fill(ellipse(x, 0.02, 0.1, 0.19), 0.9 * self.skin)
        self.head.fill(ellipse(x, 0.02, 0.05, 0.1), 0.75 * self.skin)
        if self.shot.earrings:
            self.head.line(ellipse(x, 0.35, 0.1, 0.14), 0.04, GOLD)

    def draw_skin(self) -> None:
        """Cheeks, and the wrinkles of age."""
        skin, old = self.skin, np.clip((self.shot.age - 40) / 40, 0, 1)
        blush = mixed(skin, (226, 110, 104), 0.2 - 0.1 * self.person.tone)
        for side in (-1, 1):
            self.face.fill(ellipse(0.34 * side, -0.1, 0.26, 0.22), 0.9 * skin)
            self.face.fill(ellipse(0.46 * side, 0.3, 0.17, 0.13), blush)
            fold = np.multiply([(0.2, 0.28), (0.32, 0.42), (0.36, 0.6)], (side, 1))
            self.face.line(fold, 0.02, (1 - 0.3 * old) * skin)
        for y in (-0.6, -0.5, -0.7)[: round(3 * old)]:
            self.face.line([(-0.32, y), (0, y - 0.04), (0.32, y)], 0.02, 0.8 * skin)

    def draw_beard(self) -> None:
        """A beard, stubble or moustache; nobody under 18 has one."""
        kind, width, jaw = self.person.beard, self.width, self.jaw
        if kind == "none" or self.shot.age < 18:
            return
        cheek = [(0.3, 0.46), (0.5, 0.46), (width, 0.1), (1.2 * width, 0), (jaw + 0.2, 0.8)]
        shapes = {
            "goatee": [(0.2, 0.4), (0.36, 0.46), (0.34, 0.8), (0.24, 1.12)],
            "moustache": [(0.2, 0.38), (0.44, 0.66), (0.2, 0.55)],
        }
        shape = [(0, 0.42), *shapes.get(kind, [*cheek, (0.3, 1.2)])]
        colour = mixed(0.85 * self.hair, self.skin, 0.6 if kind == "stubble" else 0)
        self.face.fill(smooth(mirrored(shape)), colour)

    def draw_eye(self, side: int) -> None:
        """Left (-1) or right (1) eye in the picture, with its lashes and brow."""
        face, person, size = self.face, self.person, 0.115 * self.person.eye_size
        almond = np.multiply(ALMOND, (1.9 * size * side, size)) + np.array((0.325 * side, -0.07))
        lid = almond[:5]  # the upper one
        x, iris = 0.305 * side + 0.08 * self.shot.gaze, np.array(EYE_COLOURS[person.eye_colour])
        with face.within(smooth(almond), WHITE):
            for radius, colour in ((1.0, 0.6 * iris), (0.85, 1.1 * iris), (0.45, DARK)):
                face.fill(ellipse(x, -0.08, radius * size, radius * size), colour)
            face.fill(ellipse(x + 0.03, -0.12, 0.025, 0.025), WHITE)
        lashes = person.look + (self.shot.lipstick is not None)
        lid[-1] += (0.03 * lashes * side, -0.04 * lashes)  # their tip
        face.line(lid, 0.02 + 0.018 * lashes, DARK)
        arch = 0.05 + 0.06 * person.look
        brow = [(0.13, -0.29), (0.3, -0.31 - arch), (0.46, -0.3 - arch), (0.58, -0.25)]
        face.line(np.multiply(brow, (side, 1)), person.brow, mixed(0.7 * self.hair, DARK, 0.3))

    def draw_nose_and_mouth(self) -> None:
        """Nostrils, lips, and teeth where the mouth is open."""
        face, shot, lips, wide = self.face, self.shot, self.person.lips, 0.15 * self.person.nose
        nose = [(-wide, 0.26), (-0.6 * wide, 0.35), (0, 0.32), (0.6 * wide, 0.35), (wide, 0.26)]
        far = -np.sign(shot.light[0])  # the side in shadow
        face.fill(
            [(0.1 * far, -0.25), (0.04 * far, 0), (wide * far, 0.3), (0, 0.3)], 0.85 * self.skin
        )
        face.line(nose, 0.035, 0.65 * self.skin)
        colour = mixed(0.8 * self.skin, (150, 70, 70), 0.4)
        if shot.lipstick is not None:
            colour = np.array(LIPSTICKS[shot.lipstick])
        x, y = corner = (0.3 + 0.05 * shot.smile, 0.57 - 0.09 * shot.smile)
        gap = 0.12 * shot.mouth_open
        upper, lower = (0.12, 0.57 - 0.1 * lips), (0.16, 0.58 + 0.1 * lips + gap)
        face.fill(smooth(mirrored([(0, 0.56), upper, corner, lower])), colour)
        if gap:
            face.fill(smooth(mirrored([(0.1, 0.57), corner, (0.1, 0.59 + gap)])), WHITE)
        between = [(-0.8 * x, y), (-0.12, 0.58), (0.12, 0.58), (0.8 * x, y)]
        face.line(between, 0.02, 0.5 * colour)

    def draw_front_hair(self) -> None:
        """Hair above the forehead: between the crown and the hairline."""
        person, line = self.person, self.person.hairline
        if self.style == "bald":
            return
        is_flat = self.style in ("buzz", "bun", "ponytail")
        wide, lift = self.width + 0.05, 0.05 if is_flat else person.hair_volume
        angle = np.linspace(0, np.pi, 20)
        crown = np.stack([wide * np.cos(angle), -0.1 - (0.96 + lift) * np.sin(angle) ** 0.8], 1)
        x = np.linspace(0.1 - wide, wide - 0.1, 24)
        middle = {"side": person.parting, "centre": 0.2 * person.parting}.get(line, 0)
        slope = 0.5 if line in ("side", "centre") else 0.1
        y = {"fringe": -0.46, "back": -0.78}.get(line, -0.88) + slope * np.abs(x - middle)
        y = np.where(np.abs(x) > 0.85 * wide - 0.1, -0.1, y - 0.3 * self.recession)
        self.fill_hair([*crown, *np.stack([x, y.clip(-1, -0.1)], 1)])

    def draw_glasses(self, side: int, kind: str) -> None:
        """Left (-1) or right (1) lens in the picture, and its temple."""
        square = smooth([(-0.3, -0.28), (0.3, -0.28), (0.28, 0.25), (-0.26, 0.25)])
        lens = square if kind == "square" else ellipse(0, 0, 0.26, 0.24)
        lens = lens * (side, 1) + (0.34 * side, -0.05)
        if kind == "sun":
            self.face.fill(lens, (70, 66, 76))
        self.face.line([*lens, lens[0]], 0.045, DARK)
        self.face.line([(0.58 * side, -0.1), (side * (self.width + 0.02), -0.06)], 0.04, DARK)


def photograph(pixels: np.ndarray, shot: Shot, rng: Generator) -> np.ndarray:
    """Photo of a drawing: light from one side, focus, noise, and a border that repeats."""
    height, width = shot.size
    photo = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    ball = np.sqrt(np.maximum(0.7 - across**2 - down**2, 0))  # about the head
    slope = across * shot.light[0] - down * shot.light[1]
    light = (1 + shot.light_strength * (0.12 + 0.4 * ball) * slope) * shot.exposure
    photo *= cv2.merge([light * (1 + shot.cast), light, light * (1 - shot.cast)])
    if shot.grey:
        photo = cv2.merge([photo @ np.array((0.299, 0.587, 0.114), np.float32)] * 3)
    if shot.blur > 0.3:
        photo = cv2.GaussianBlur(photo, (0, 0), shot.blur)
    noise = rng.standard_normal((height, width), dtype=np.float32) * shot.noise
    photo = np.clip(photo + noise[..., None], 0, 255).astype(np.uint8)
    top, bottom, left, right = shot.border
    photo = photo[top : height - bottom, left : width - right]
    return cv2.copyMakeBorder(photo, top, bottom, left, right, cv2.BORDER_REPLICATE)
