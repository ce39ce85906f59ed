"""The head of a drawn portrait: the geometry and colours its parts share, and its skin."""

import numpy as np

from renet.sample.canvas import (
    Canvas,
    Points,
    Region,
    clouds,
    ellipse,
    mirrored,
    mixed,
    rgb,
    ribbon,
    shaded,
    spline,
)
from renet.sample.people import Person, Shot

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
HIDDEN_EAR = 0.22  # radians of yaw from which on the far ear cannot be seen
GREY_HAIR = rgb(206, 204, 206)


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


def shade_ball(
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


def paint_skin(head: Head) -> None:
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
    shade = shade_ball(head, region, (0.2 * yaw, 0.05), (head.width * 1.06, 1.15), strength)
    mottled = 1 + 0.03 * (clouds(head.rng, *mask.shape, 6) - 0.5)
    canvas.lay(region, mask, shaded(head.skin, shade * mottled))


def model_face(head: Head) -> None:
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


def paint_wrinkles(head: Head) -> None:
    """Creases of the forehead and about the eyes, the deeper the older; the young have none."""
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
