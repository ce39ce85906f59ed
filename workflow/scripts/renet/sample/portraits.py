"""Drawn portraits for the built-in sample, painted with OpenCV on numpy arrays.

`draw` paints one photo of one invented person, from the background to the grain of the film. Shapes
are given in head units: the origin lies between the eyes and the nose, x runs to the right and y
down, and the chin is at y = 1.
"""

import dataclasses

import cv2
import numpy as np

from renet.sample.accessories import paint_earrings, paint_glasses, paint_hat
from renet.sample.backgrounds import background
from renet.sample.canvas import Canvas, ellipse, from_hsv, mixed, ramps, rgb
from renet.sample.clothes import paint_body
from renet.sample.features import paint_brow, paint_eye, paint_mouth, paint_nose
from renet.sample.framing import frame, painted_size
from renet.sample.hair import paint_back_hair, paint_beard, paint_front_hair
from renet.sample.heads import Head, model_face, paint_skin, paint_wrinkles
from renet.sample.people import Person, Shot


def _paint_figure(pixels: np.ndarray, person: Person, shot: Shot, rng: np.random.Generator) -> None:
    height, width = pixels.shape[:2]
    canvas = Canvas(pixels, frame(shot, height, width, shot.tilt))
    head = Head(canvas, person, shot, rng)
    if shot.hat != "scarf":
        paint_back_hair(head)
    paint_body(head, Canvas(pixels, frame(shot, height, width, shot.tilt * 0.15)))
    paint_skin(head)
    model_face(head)
    paint_wrinkles(head)
    paint_beard(head)
    paint_nose(head)
    paint_mouth(head)
    for side in (-1, 1):
        paint_eye(head, side)
        paint_brow(head, side)
    if shot.hat != "scarf":
        paint_front_hair(head)
        if shot.earrings:
            paint_earrings(head)
    if shot.glasses:
        paint_glasses(head)
    if shot.hat:
        paint_hat(head)


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
    height, width = painted_size(shot)
    canvas = Canvas(background(shot, height, width, rng), frame(shot, height, width, 0.0))
    sun = ellipse(rng.uniform(-1.6, 1.6), -0.7, 0.2, 0.2)
    canvas.paint(sun, rgb(255, 246, 214), 0.9, 0.03)
    x = np.linspace(-3.5, 3.5, 24)
    for k in range(4):
        waves = np.sin(x * rng.uniform(0.8, 2.2) + rng.uniform(0, 6)) * 0.3 / (1 + k)
        ridge = np.stack([x, 0.15 + 0.42 * k + waves], axis=1)
        hill = mixed(rgb(150, 176, 190), from_hsv(rng.uniform(0.2, 0.36), 0.5, 0.5), k / 3)
        canvas.paint(np.vstack([ridge, [(3.5, 4), (-3.5, 4)]]), hill)
    return _develop(canvas.pixels, shot, rng)


def draw(person: Person, shot: Shot, beside: tuple[Person, Shot] | None = None) -> np.ndarray:
    """Paint a photo of a person, with somebody else beside and behind where one is given.

    Returns:
        RGB pixels, `shot.size` + (3,), uint8; three equal channels where the photo is grey. The
        same arguments give the same pixels.
    """
    rng = np.random.default_rng(shot.texture)
    height, width = painted_size(shot)
    pixels = background(shot, height, width, rng)
    if beside:
        _paint_figure(pixels, *beside, rng)
    _paint_figure(pixels, person, shot, rng)
    return _develop(pixels, shot, rng)
