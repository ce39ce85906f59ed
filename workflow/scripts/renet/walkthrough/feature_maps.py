"""Feature maps as pictures: each value of a map is a square of pixels."""

import numpy as np
from matplotlib import colormaps

SHOWN = 8  # feature maps of a layer
TILE, GAP, COLUMNS = 112, 6, 4  # pixels; tiles a line
GROUND = 128  # grey level between the tiles
SEQUENTIAL, DIVERGING = colormaps["magma"], colormaps["RdBu_r"]


def most_varied(maps: np.ndarray, count: int = SHOWN) -> list[int]:
    """The channels whose values vary most over the positions, by standard deviation; in order."""
    deviations = maps.std(axis=(1, 2))
    return np.sort(np.argsort(-deviations, kind="stable")[:count]).tolist()


def colour(values: np.ndarray, *, signed: bool) -> np.ndarray:
    """A map (H, W) as a picture (H, W, 3) uint8, RGB.

    If it is `signed`, blue below zero, white at zero and red above it, up to the largest magnitude.
    Otherwise from black, for 0, to bright, for the largest value; none is negative.
    """
    relative = values / max(np.abs(values).max(), np.finfo(float).tiny)
    coloured = DIVERGING((relative + 1) / 2) if signed else SEQUENTIAL(relative)
    return (255 * coloured[..., :3]).round().astype(np.uint8)


def sheet(tiles: list[np.ndarray]) -> np.ndarray:
    """Pictures (H, W, 3) of one size as one, `COLUMNS` a line, enlarged to about `TILE` pixels."""
    height, width = tiles[0].shape[:2]
    scale = max(1, round(TILE / max(height, width)))
    columns = min(COLUMNS, len(tiles))
    lines = -(-len(tiles) // columns)
    down, right = height * scale + GAP, width * scale + GAP  # from one tile to the next
    picture = np.full((lines * down - GAP, columns * right - GAP, 3), GROUND, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * down, number % columns * right
        large = tile.repeat(scale, axis=0).repeat(scale, axis=1)
        picture[top : top + down - GAP, left : left + right - GAP] = large
    return picture
