"""The faces of the galleries and saliency maps, and that each tile shows its face."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from helpers.cropped import exchanged, samples_of_faces
from helpers.predictions import predictions_of
from helpers.project import call_script
from helpers.training import write_faces
from renet.common.errors import InputError
from renet.config.model import Architecture
from renet.pages import galleries
from renet.pages.galleries import Grid
from renet.prediction import saliency

INPUTS = {"inference": "inference.csv", "faces": "test.h5", "face_table": "test.csv"}
PREDICTIONS = predictions_of([0, 0, 0, 1, 1, 1], [0.9, 0.6, 0.1, 0.2, 0.95, 0.55])


def test_mistakes_come_by_falling_and_hard_cases_by_rising_confidence_equal_ones_in_order():
    equal = predictions_of([1] * 50, [0.3] * 50)
    assert galleries.mistakes(equal, 5).index.tolist() == [0, 1, 2, 3, 4]
    assert galleries.mistakes(PREDICTIONS).index.tolist() == [0, 3, 1]
    assert galleries.mistakes(PREDICTIONS, 2).index.tolist() == [0, 3]
    assert galleries.hard_cases(PREDICTIONS).index.tolist() == [5, 2, 4]
    assert galleries.to_explain(PREDICTIONS, 2).index.tolist() == [4, 2, 0, 3]  # of both classes


def test_network_without_a_mistake_has_an_empty_gallery():
    assert galleries.mistakes(predictions_of([0, 1], [0.1, 0.9])).empty
    empty = Grid(columns=8, side=112).sheet([])
    assert empty.shape == (112, 896, 3) and (empty == 128).all()


@pytest.fixture
def run(tmp_path):
    """Twenty faces with their predictions, of which two are wrong."""
    faces = write_faces(tmp_path / "test.h5", 20)
    samples_of_faces(faces).to_csv(tmp_path / "test.csv", index=False)
    p_male = np.where(faces.targets == 1, 0.8, 0.2)
    p_male[[3, 7]] = 1 - p_male[[3, 7]]
    predictions_of(faces.targets, p_male).to_csv(tmp_path / "inference.csv", index=False)
    return tmp_path, faces


def write_gallery(folder, out):
    pictures = [out / f"{name}.jpg" for name in ("examples", "mistakes", "hard_cases")]
    given = {name: folder / file for name, file in INPUTS.items()}
    call_script("gallery", table=out / "gallery.csv", pictures=pictures, **given)


def write_saliency(folder, out):
    given = {name: folder / file for name, file in INPUTS.items()}
    outputs = {name: out / name for name in ("saliency", "table", "description", "layers")}
    call_script("explain", model=folder / "model.pt", **given, **outputs)


def test_gallery_table_says_where_each_face_is(run):
    folder, faces = run
    write_gallery(folder, folder / "out")
    table = pd.read_csv(folder / "out" / "gallery.csv")
    assert table[table.gallery == "mistakes"].id.tolist() == ["wiki:3", "wiki:7"]
    assert (table.gallery == "hard_cases").sum() == 18
    first = [f"wiki:{number}" for number in range(8)]
    assert table[table.gallery == "examples"].id.tolist() == first
    for name, rows in table.groupby("gallery"):
        side = 96 if name == "examples" else 112
        picture = cv2.imread(str(folder / "out" / f"{name}.jpg"))[:, :, ::-1]
        for row in rows.itertuples():
            shown = picture[row.y : row.y + side, row.x : row.x + side]
            face = Grid(columns=8, side=side).tile(faces.pixels[int(row.id.split(":")[1])])
            assert cv2.PSNR(np.ascontiguousarray(shown), face) > 25


@pytest.mark.fault("cut-table")
@pytest.mark.fault("damaged-table")
@pytest.mark.parametrize("write", [write_gallery, write_saliency])
@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [("inference.csv", lambda rows: rows[:-1], "has other faces"),
     ("inference.csv", exchanged, "has other faces"),
     ("test.csv", exchanged, "do not belong together")],
)  # fmt: skip
def test_predictions_of_other_faces_are_not_shown(run, write, name, change, fault):
    path = run[0] / name
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(InputError, match=fault):
        write(run[0], run[0])


class CornerNetwork(torch.nn.Module):
    """Its log-odds of male are the brightness of the upper left quarter."""

    architecture = Architecture()

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
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert (saliency.overlay(grey, np.zeros((7, 7))) == 100).all()


@pytest.mark.parametrize("side", [32, 100, 128])
def test_patches_of_the_saliency_map_reach_from_border_to_border(side):
    corners = saliency.corners(side, saliency.PATCH, saliency.POSITIONS)
    assert corners[0] == 0 and corners[-1] + round(side / 4) == side
    assert max(np.diff(corners)) <= side / 8 + 1
