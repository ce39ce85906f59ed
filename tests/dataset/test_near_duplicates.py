"""Copies of a photo that are not the same pixels are found by what they look like."""

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.fft
from scipy.sparse.csgraph import connected_components

from helpers.cropped import cropped_source, random_hash, shuffle
from renet.config.split import SplitSettings
from renet.dataset import near_duplicates
from renet.dataset.tables import FUNNEL, SPLIT
from renet.faces.crop import CropSpec, cv2, extract_face
from renet.faces.hash_distance import LARGEST_DISTANCE, as_words, distances
from renet.faces.perceptual_hash import perceptual_hash


def photo(seed: int = 0) -> np.ndarray:
    """A photo (240, 200, 3) of coarse and fine structure."""
    random = np.random.default_rng(seed)
    blots = [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (5, 9, 17, 33)]
    layers = [cv2.resize(blot, (200, 240), interpolation=cv2.INTER_CUBIC) for blot in blots]
    return np.mean(layers, axis=0).astype(np.uint8)


def hash_of(image: np.ndarray, size: int = 64, quality: int | None = None) -> str:
    """The hash of a photo (H, W, 3) that is stored as a JPEG, or without loss, and cropped."""
    flags = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    data = cv2.imencode(".png" if quality is None else ".jpg", image, flags)[1].tobytes()
    return perceptual_hash(extract_face(data, CropSpec(size=(size, size))).pixels)


def distance(one: str, other: str) -> int:
    return int(distances(as_words([one]), as_words([other]))[0])


CHANGES = {
    "compressed again": lambda image: hash_of(image, quality=30),
    "half the size": lambda image: hash_of(cv2.resize(image, None, fx=0.5, fy=0.5)),
    "twice the size": lambda image: hash_of(cv2.resize(image, None, fx=2, fy=2)),
    "darker, with less contrast": lambda image: hash_of(cv2.convertScaleAbs(image, alpha=0.6)),
    "grey": lambda image: hash_of(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)),
    "marked": lambda image: hash_of(cv2.putText(image.copy(), "(c)", (5, 230), 0, 1, 0, 2)),
}


@pytest.mark.parametrize("seed", range(3))
def test_hash_says_which_low_frequencies_are_above_their_median(seed):
    face = extract_face(cv2.imencode(".png", photo(seed))[1].tobytes(), CropSpec(size=(64, 64)))
    grey = cv2.cvtColor(face.pixels.transpose(1, 2, 0).copy(), cv2.COLOR_RGB2GRAY)
    reduced = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    frequencies = scipy.fft.dctn(reduced, norm="ortho")[:16, :16].ravel()
    above = frequencies > np.median(frequencies[1:])
    assert above[1:].sum() == 127
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(perceptual_hash(face.pixels)), np.uint8))
    assert bits[0] == 0  # the brightness
    assert np.array_equal(bits[1:], above[1:])


@pytest.mark.parametrize("change", CHANGES)
def test_copy_has_nearly_the_same_hash(change):
    assert distance(hash_of(photo()), CHANGES[change](photo())) <= LARGEST_DISTANCE


def test_other_photos_have_other_hashes_as_the_mirror_image_which_is_found_all_the_same():
    first = hash_of(photo())
    others = [hash_of(photo(seed)) for seed in range(1, 20)] + [hash_of(photo()[:, ::-1])]
    assert min(distance(first, other) for other in others) > 2 * LARGEST_DISTANCE
    group = near_duplicates.groups([first, *others])
    assert group[0] == group[-1] and len(set(group)) == 20


def flipped(hash_: str, *bits: int) -> str:
    """A hash with some bits, counted from the last, turned round."""
    return f"{int(hash_, 16) ^ sum(1 << bit for bit in bits):064x}"


MIRRORED = range(0, 256, 2)  # bits of the odd frequencies from left to right


def test_groups_are_those_of_a_comparison_of_all_pairs():
    random = np.random.default_rng(3)
    first = [random_hash(str(number)) for number in range(300)]
    hashes = first + [
        flipped(one, *random.choice(255, number // 3, replace=False).tolist())
        for number in range(90)
        for one in (first[number], flipped(first[number], *MIRRORED))
    ]
    hashes += hashes[:5]  # copies
    words = as_words(hashes)
    mirrored = as_words([flipped(one, *MIRRORED) for one in hashes])
    differ = [np.minimum(distances(one, words), distances(one, mirrored)) for one in words]
    near = np.array(differ) <= LARGEST_DISTANCE
    expected = connected_components(near, directed=False)[1]
    found = near_duplicates.groups(hashes)
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))
    assert len(set(found)) == 300


def test_many_copies_of_one_photo_are_one_group():
    one = random_hash("everywhere")
    copies = [flipped(one, number, 200) for number in range(150)]
    assert set(near_duplicates.groups(copies)) == {0}
    assert near_duplicates.groups([]).tolist() == []


COUNT = 240
SETTINGS = SplitSettings(validation=0.2, test=0.2)
APART = SETTINGS.replace(near_duplicates=False)


def split_of(folder: Path, hashes: dict[int, str], settings: object = SETTINGS) -> pd.DataFrame:
    """split.csv of a source whose rows 1, 2, … have some perceptual hashes; by its rows."""
    cropped_source(folder, "own", COUNT, hashes=hashes)
    shuffle(folder, settings=settings)
    return SPLIT.read(folder / "split.csv").set_index("row")


def test_nearly_the_same_photos_of_many_names_share_a_subset_and_are_counted(tmp_path):
    one = random_hash("one")
    rows = range(1, 20, 2)  # of ten people, each of whom has another photo
    hashes = {row: flipped(one, *range(row)) for row in rows}
    split = split_of(tmp_path, hashes)
    assert split.subset[list(rows)].nunique() == 1
    assert (split.groupby("subject").subset.nunique() == 1).all()
    funnel = FUNNEL.read(tmp_path / "funnel.csv").set_index("step")
    step = funnel.loc["near_duplicates"]
    assert (step.dropped, step.remaining, step.changed) == (0, COUNT - 1, len(rows))
    apart = split_of(tmp_path, hashes, APART)
    assert apart.subset[list(rows)].nunique() > 1
    assert FUNNEL.read(tmp_path / "funnel.csv").changed.sum() == 0


def test_split_without_near_duplicates_is_that_of_the_pixels_alone(tmp_path):
    split_of(tmp_path, {})
    first = (tmp_path / "split.csv").read_bytes()
    split_of(tmp_path, {}, APART)
    assert (tmp_path / "split.csv").read_bytes() == first


CUTS = {2: 0.49, 3: 0.02}  # % of width and height at each side: fraction of copies that are found


@pytest.mark.slow
def test_mirrored_and_cropped_copies_are_found_as_the_data_sheet_says(reference_data):
    found = {name: [] for name in ("copy", "mirrored", *CUTS)}
    with tarfile.open(reference_data / "data/faces-large/wiki_crop.tar") as tar:
        photos = [member for member in tar if member.name.endswith(".jpg")][::16]
        for member in photos:
            photo = cv2.imdecode(np.frombuffer(tar.extractfile(member).read(), np.uint8), 1)
            height, width = photo.shape[:2]
            copies = {"copy": photo, "mirrored": photo[:, ::-1]}
            for percent in CUTS:
                y, x = round(height * percent / 100), round(width * percent / 100)
                copies[percent] = photo[y : height - y, x : width - x]
            known = as_words([hash_of(photo)])
            for name, copy in copies.items():
                bits = [distances(known, as_words([hash_of(one)])) for one in (copy, copy[:, ::-1])]
                found[name].append(np.min(bits))
    fractions = {name: np.mean(np.array(bits) <= LARGEST_DISTANCE) for name, bits in found.items()}
    assert len(photos) == 500
    assert fractions["copy"] == 1 and fractions["mirrored"] == 1
    assert all(abs(fractions[percent] - said) < 0.05 for percent, said in CUTS.items()), fractions
