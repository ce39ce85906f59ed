"""Which faces the galleries show, and that each picture shows the face it says."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from helpers.predictions import answers_of
from helpers.project import run_script
from helpers.training import write_faces
from renet.evaluation import galleries, saliency, sprites
from renet.pages import run_comparison

ANSWERS = answers_of([0, 0, 0, 1, 1, 1], [0.9, 0.6, 0.1, 0.2, 0.95, 0.55])


def test_mistakes_come_by_falling_and_hard_cases_by_rising_confidence():
    assert galleries.mistakes(ANSWERS).index.tolist() == [0, 3, 1]
    assert galleries.mistakes(ANSWERS, 2).index.tolist() == [0, 3]
    assert galleries.hard_cases(ANSWERS).index.tolist() == [5, 2, 4]


def test_explained_are_right_answers_of_both_classes_and_mistakes():
    assert galleries.to_explain(ANSWERS, 2).index.tolist() == [4, 2, 0, 3]


def test_equal_confidence_keeps_the_order_of_the_file():
    answers = answers_of([1] * 50, [0.3] * 50)
    assert galleries.mistakes(answers, 5).index.tolist() == [0, 1, 2, 3, 4]


def test_network_without_a_mistake_has_an_empty_gallery():
    assert galleries.mistakes(answers_of([0, 1], [0.1, 0.9])).empty
    assert sprites.sheet([], 8, 112).shape == (112, 896, 3)


def test_sheet_has_its_tiles_line_by_line():
    tiles = [np.full((4, 4, 3), value, np.uint8) for value in range(5)]
    picture = sprites.sheet(tiles, 3, 4)
    assert picture.shape == (8, 12, 3)
    assert [picture[y, x, 0] for y, x in [(0, 0), (0, 4), (0, 8), (4, 0), (4, 4)]] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert picture[4, 8, 0] == 128


def test_tile_keeps_the_colours(tmp_path):
    face = np.zeros((3, 32, 32), np.uint8)
    face[0] = 200  # red
    sprites.write(tmp_path / "a.jpg", sprites.tile(face, 16))
    blue, green, red = cv2.imread(str(tmp_path / "a.jpg")).mean(axis=(0, 1))
    assert (red, green, blue) == pytest.approx((200, 0, 0), abs=3)


@pytest.fixture
def run(tmp_path):
    """Twenty faces with their answers, of which two are wrong."""
    faces = write_faces(tmp_path / "test.h5", 20)
    p_male = np.where(faces.targets == 1, 0.8, 0.2)
    p_male[[3, 7]] = 1 - p_male[[3, 7]]
    answers_of(faces.targets, p_male).to_csv(tmp_path / "inference.csv", index=False)
    return tmp_path, faces


def test_gallery_table_says_where_each_face_is(run):
    folder, faces = run
    outcome = run_script(
        "gallery.py", folder / "inference.csv", folder / "test.h5", "-o", folder / "out"
    )
    assert outcome.returncode == 0, outcome.stderr
    table = pd.read_csv(folder / "out" / "gallery.csv")
    assert table[table.gallery == "mistakes"].id.tolist() == ["wiki:3", "wiki:7"]
    assert (table.gallery == "hard_cases").sum() == 18
    for name, rows in table.groupby("gallery"):
        picture = cv2.imread(str(folder / "out" / f"{name}.jpg"))[:, :, ::-1]
        for row in rows.itertuples():
            shown = picture[row.y : row.y + 112, row.x : row.x + 112]
            face = sprites.tile(faces.pixels[int(row.id.split(":")[1])], 112)
            assert cv2.PSNR(np.ascontiguousarray(shown), face) > 25


def test_gallery_of_other_faces_is_refused(run):
    folder = run[0]
    answers = pd.read_csv(folder / "inference.csv")
    answers.iloc[:-1].to_csv(folder / "inference.csv", index=False)
    outcome = run_script(
        "gallery.py", folder / "inference.csv", folder / "test.h5", "-o", folder / "out"
    )
    assert outcome.returncode == 1 and "does not describe the faces" in outcome.stderr


class CornerNetwork(torch.nn.Module):
    """Says male the surer, the brighter the upper left quarter is; female where it is dark."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        bright = pixels[:, :, :16, :16].float().mean(dim=(1, 2, 3)) / 128 - 1
        return torch.stack([-bright, bright], dim=1)


@pytest.mark.parametrize(("corner", "rest"), [(255, 0), (0, 255)], ids=["male", "female"])
def test_saliency_is_where_the_network_looks(corner, rest):
    face = np.full((3, 32, 32), rest, np.uint8)
    face[:, :16, :16] = corner
    drops = saliency.occlusion(CornerNetwork(), face, torch.device("cpu"))
    assert drops.shape == (7, 7)
    assert drops[:3, :3].min() > 0
    assert np.abs(drops[4:, :]).max() == 0 and np.abs(drops[:, 4:]).max() == 0
    picture = saliency.overlay(np.full((64, 64, 3), 128, np.uint8), drops)
    red, _, blue = picture[16, 16].astype(int)
    assert red > blue + 50 and (picture[60, 60] == 128).all()


def test_network_that_looks_nowhere_has_a_plain_map():
    picture = np.full((8, 8, 3), 100, np.uint8)
    assert (saliency.overlay(picture, np.zeros((7, 7))) == 100).all()


def settings_of(seed: int, rate: float) -> dict:
    return {"settings": {"train": {"seed": seed, "learning_rate": rate}, "model": {"cell": "gru"}}}


def test_runs_with_other_seeds_alone_make_a_group():
    runs = {"a": settings_of(1, 0.1), "b": settings_of(2, 0.1), "c": settings_of(1, 0.2),
            "again": settings_of(1, 0.1)}  # fmt: skip
    assert run_comparison.seed_groups(runs) == [["a", "b"]]


def test_only_settings_that_differ_are_compared():
    runs = {"a": settings_of(1, 0.1), "b": settings_of(1, 0.2)}
    assert run_comparison.differences(runs) == {"train.learning_rate": [0.1, 0.2]}
    assert run_comparison.differences({"a": settings_of(1, 0.1)}) == {}
