"""The head of a person on a photo: its place, measures and colours, and the light on it."""

import numpy as np
from numpy.random import Generator

from renet.sample.canvas import Canvas, mirrored, mixed, rgb, spline
from renet.sample.people import Person, Shot

SKIN_TONES = [(246, 215, 194), (234, 191, 161), (203, 151, 113), (145, 99, 71), (88, 58, 43)]
HAIR_COLOURS = {
    "black": rgb(30, 26, 28), "dark brown": rgb(62, 43, 34), "brown": rgb(104, 70, 47),
    "dark blond": rgb(168, 128, 82), "blond": rgb(222, 188, 126), "red": rgb(168, 78, 42),
    "pink": rgb(214, 112, 150),
}  # fmt: skip
GREY_HAIR = rgb(206, 204, 206)
VIEW = 3.24  # head units along the shorter side of a photo: a face box of 1.8 and its margins
VIEW_CENTRE = 0.24  # y of the middle of the photo
HIDDEN_EAR = 0.18  # radians of yaw from which on the far ear cannot be seen
PIVOT = 0.95  # y of the point about which the head tilts


def frame(shot: Shot, pixels: np.ndarray, tilt: float = 0.0) -> np.ndarray:
    """The affine map (2, 3) from head units to pixels, with a tilt in radians."""
    height, width = pixels.shape[1:]
    base = min(height, width) / VIEW
    unit = base * shot.zoom
    cos, sin = unit * np.cos(tilt), unit * np.sin(tilt)
    x = width / 2 + base * shot.shift[0]
    y = height / 2 + base * shot.shift[1] + unit * (PIVOT - VIEW_CENTRE)
    return np.array([(cos, -sin, x + sin * PIVOT), (sin, cos, y - cos * PIVOT)])


class Head:
    """A head, as its parts share it.

    Attributes:
        canvas: for what surrounds the face.
        body: for what is below the head; it tilts less.
        front: for shapes given as seen from the front, which turn with the head.
        face: as `front`, but shows nothing outside the face.
        light: direction towards the light, a unit vector (right, down, towards the viewer).
        ears: x of those that can be seen, by their side: -1 (left in the photo) or 1.
        old: from 0 at the age of 38 to 1 at 83.
    """

    def __init__(self, pixels: np.ndarray, person: Person, shot: Shot, rng: Generator):
        self.person, self.shot, self.rng = person, shot, rng
        tones = np.linspace(0, 1, len(SKIN_TONES))
        self.skin = rgb(*(np.interp(person.tone, tones, c) for c in np.transpose(SKIN_TONES)))
        grey = np.clip((shot.age - 34) / 34 + person.greying, 0, 1)
        self.hair = mixed(HAIR_COLOURS[person.hair_colour], GREY_HAIR, float(grey))
        self.recession = person.balding * float(np.clip((shot.age - 23) / 43, 0, 1))
        self.hair_style = "bald" if self.recession > 0.62 else person.hair_style
        self.old = float(np.clip((shot.age - 38) / 45, 0, 1))
        self.eye = person.eye_size * (1 + 0.16 * float(np.clip((16 - shot.age) / 12, 0, 1)))
        self.width, self.jaw = person.face_width, person.jaw
        self.chin, self.neck = person.jaw - 0.29, person.jaw - 0.18  # half their widths
        light = np.array((0.75 * shot.light[0], -0.55 * shot.light[1], 0.8))
        self.light = light / np.linalg.norm(light)
        seen = [side for side in (-1, 1) if side * shot.yaw < HIDDEN_EAR]
        self.ears = {side: side * (self.width + 0.035) - 0.35 * shot.yaw for side in seen}
        self.outline = self._outline()
        self.body = Canvas(pixels, frame(shot, pixels, 0.15 * shot.tilt))
        self.canvas = Canvas(pixels, frame(shot, pixels, shot.tilt))
        self.front = Canvas(pixels, self.canvas.frame, self.turned)
        self.face = self.canvas.within(self.outline, self.turned)

    def _outline(self) -> np.ndarray:
        width, jaw, chin = self.width, self.jaw, self.chin
        right = [
            (0, -1.02), (0.55 * width, -0.93), (0.9 * width, -0.6), (width, -0.2),
            (0.97 * width, 0.18), (0.25 * width + 0.75 * jaw, 0.48),
            (0.62 * jaw + 0.38 * chin, 0.78), (chin, 0.965), (0, 1.0),
        ]  # fmt: skip
        outline = spline(mirrored(right))
        outline[:, 0] += 0.22 * self.shot.yaw * np.clip(outline[:, 1] + 0.2, 0, 1.2)
        return outline

    def turned(self, points: np.ndarray) -> np.ndarray:
        """The positions on the turned head of points (n, 2) of the face seen from the front."""
        x, y = points.T
        across = np.clip(x, -1, 1)  # on a ball of radius 1
        nose = 0.15 * np.exp(-((x / 0.3) ** 2) - ((y - 0.2) / 0.4) ** 2)  # it sticks out
        cos, sin = np.cos(self.shot.yaw), np.sin(self.shot.yaw)
        turned = across * cos + (np.sqrt(1 - across**2) + nose) * sin
        return np.stack([turned, y], axis=1)

    def lit(self, x: np.ndarray, y: np.ndarray, width: float) -> np.ndarray:
        """Brightness around 1 at the positions x, y (h, w) of a ball as large as the head."""
        across = np.clip(x / width, -1, 1) * 0.85
        down = np.clip(y / 1.2, -1, 1) * 0.75
        out = np.sqrt(np.maximum(1 - across**2 - down**2, 0.02))
        lit = across * self.light[0] + down * self.light[1] + out * self.light[2]
        return np.clip(1 + self.shot.light_strength * (lit - 0.82), 0.42, 1.12)
