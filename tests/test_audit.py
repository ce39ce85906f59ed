"""Wrong labels are found by networks that were trained without any photo of the person."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from helpers.faces import write_hdf5
from helpers.project import run_script
from helpers.training import SMALL, write_faces
from renet.common.errors import InputError
from renet.dataset import hdf5, selections
from renet.dataset.splits import SUBSETS
from renet.evaluation import label_audit


def samples_of(targets: np.ndarray, people: int = 20) -> pd.DataFrame:
    count = len(targets)
    return pd.DataFrame(
        {
            "id": [f"wiki:{number}" for number in range(count)], "source": "wiki",
            "row": range(count), "age": 30, "year": 2000, "face_score": 3.5, "crop_width": 90,
            "crop_height": 91, "grey": 0, "shard": 1, "index": range(count),
            "path": [f"00/{number}.jpg" for number in range(count)],
            "subject": [f"person {number % people}" for number in range(count)],
            "digest": [f"{number:032x}" for number in range(count)], "subset": "train",
            "target": targets,
        }
    )  # fmt: skip


def test_person_is_in_one_fold_and_folds_are_the_same_each_time():
    samples = samples_of(np.arange(200) % 2)
    fold = label_audit.folds(samples, 4, seed=1)
    assert samples.assign(fold=fold).groupby("subject").fold.nunique().eq(1).all()
    assert set(fold) == {0, 1, 2, 3}
    assert np.array_equal(fold, label_audit.folds(samples, 4, seed=1))
    assert not np.array_equal(fold, label_audit.folds(samples, 4, seed=2))


def test_more_folds_than_people_are_refused():
    with pytest.raises(InputError, match="3 people cannot be divided into 4 folds"):
        label_audit.folds(samples_of(np.arange(9) % 2, people=3), 4, seed=1)


def test_labels_that_contradict_confident_predictions_come_first():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 300)
    confidence = random.uniform(0.8, 0.99, 300)
    p_male = np.where(truth, confidence, 1 - confidence)
    probabilities = np.stack([1 - p_male, p_male], 1)
    flipped = random.choice(300, 15, replace=False)
    labels = truth.copy()
    labels[flipped] = 1 - labels[flipped]
    ranked = label_audit.rank(samples_of(labels), probabilities)
    wrong = [f"wiki:{number}" for number in flipped]
    assert set(ranked.id[:15]) == set(wrong)
    assert set(ranked.id[ranked.suspect == 1]) == set(wrong)
    assert ranked["rank"].tolist() == list(range(1, 301))
    assert ranked.label_quality.is_monotonic_increasing


def test_disagreement_is_the_fraction_of_a_persons_other_photos_with_the_other_label():
    samples = samples_of(np.array([0, 1, 1, 1, 0]), people=5)
    samples.subject = ["a", "a", "a", "b", "c"]
    found = label_audit.rank(samples, np.full((5, 2), 0.5)).set_index("id").person_disagreement
    assert found[["wiki:0", "wiki:1", "wiki:2"]].tolist() == [1.0, 0.5, 0.5]
    assert found[["wiki:3", "wiki:4"]].isna().all()


@pytest.fixture
def data(tmp_path):
    """A data folder: three HDF5 files of faces that are easy to classify, and their tables."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number, (subset, count) in enumerate(zip(SUBSETS, (80, 16, 24), strict=True)):
        faces = write_faces(folder / f"{subset}.h5", count, number)
        table = samples_of(faces.targets, people=40)
        table.id = subset + table.id
        table.digest = subset + table.digest
        table.subset = subset
        table.to_csv(folder / f"{subset}.csv", index=False)
    return folder


def test_selection_is_the_rows_of_all_files(data):
    files = [hdf5.read(data / f"{subset}.h5") for subset in SUBSETS]
    rows = np.array([119, 0, 81, 95, 79, 96])
    chosen = selections.select(files, rows)
    everything = np.concatenate([file.pixels for file in files])
    assert chosen.pixels.shape == (6, 3, 32, 32) and chosen.pixels.nbytes == 6 * 3 * 32 * 32
    assert np.array_equal(chosen.pixels.take(np.arange(6)), everything[rows])
    assert np.array_equal(np.take(chosen.pixels[1:], [3, 0], axis=0), everything[rows[[4, 1]]])
    assert (
        chosen.targets.tolist() == np.concatenate([file.targets for file in files])[rows].tolist()
    )
    assert chosen.digest != selections.select(files, rows[::-1]).digest


def options_of(data) -> list:
    """The options that name the faces of a data folder and their tables."""
    faces, tables = ([data / f"{subset}.{kind}" for subset in SUBSETS] for kind in ("h5", "csv"))
    return ["--faces", *faces, "--tables", *tables]


def audit(data, *options):
    return run_script("audit.py", *options, *options_of(data))


def test_scripts_find_labels_that_were_flipped(data, tmp_path):
    path = data / "train.h5"
    faces = hdf5.read(path)
    pixels, targets = np.array(faces.pixels), faces.targets.copy()
    targets[:4] = 1 - targets[:4]
    write_hdf5(path, pixels, targets)
    table = pd.read_csv(data / "train.csv").assign(target=targets)
    table.to_csv(data / "train.csv", index=False)
    model = json.dumps(dataclasses.asdict(SMALL))
    recipe = {"epochs": 12, "batch_size": 8, "threads": 1, "device": "cpu", "learning_rate": 0.05}
    for fold in (1, 2):
        outcome = run_script(
            "audit_fold.py", *options_of(data), "--fold", fold, "--folds", 2,
            "--settings.model", model, "--settings.train", json.dumps(recipe),
            "-o", tmp_path / f"{fold}.csv",
        )  # fmt: skip
        assert outcome.returncode == 0, outcome.stderr
    folder = tmp_path / "audit"
    outcome = audit(
        data, tmp_path / "1.csv", tmp_path / "2.csv", "-o", folder / "labels.csv",
        "--picture", folder / "suspects.jpg", "--page", folder / "index.html",
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    ranked = pd.read_csv(tmp_path / "audit/labels.csv")
    assert len(ranked) == 120
    found = ranked.id[:8].tolist()
    assert sum(f"trainwiki:{number}" in found for number in range(4)) >= 3
    assert (tmp_path / "audit/suspects.jpg").stat().st_size > 1000
    page = (tmp_path / "audit/index.html").read_text()
    assert page.count("<li><img") == 48 and f"{ranked.suspect.sum()} of 120 labels" in page
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["audit", "data"]
    outcome = audit(data, tmp_path / "1.csv", "-o", tmp_path / "again" / "labels.csv")
    assert outcome.returncode == 1 and "are not of the faces of" in outcome.stderr
