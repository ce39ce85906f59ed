"""The accuracy of a run by the number of training faces."""

import itertools
import re

import fold
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.cropped import samples_of, samples_of_faces
from helpers.dry_run import plan
from helpers.project import call_script
from helpers.training import QUICK, SMALL, write_faces
from helpers.workflow import copy_project, run, write_config
from renet.dataset import splits
from renet.dataset.tables import SPLIT
from renet.evaluation import learning_curve
from renet.evaluation.inference_table import FOLD
from renet.evaluation.tables import LEARNING_CURVE
from renet.training.settings import RunSettings

SIZES = (0.125, 0.25, 0.5, 1.0)


def test_larger_fraction_has_all_faces_of_a_smaller_one_and_whole_people():
    samples = samples_of(np.arange(400) % 3 % 2, people=90)
    samples.loc[:150, "subject"] = "person 0"  # more faces than the smallest fraction
    taken = {size: splits.nested(samples, size, 1, "subject") for size in SIZES}
    for small, large in itertools.pairwise(SIZES):
        assert not (taken[small] & ~taken[large]).any()
        assert samples.assign(taken=taken[small]).groupby("subject").taken.nunique().eq(1).all()
        assert set(samples.target[taken[small]]) == {0, 1}
    assert taken[1.0].all() and taken[0.5].mean() == pytest.approx(0.5, abs=0.2)
    assert not np.array_equal(taken[0.5], splits.nested(samples, 0.5, 2, "subject"))


def test_training_on_a_fraction_sees_no_other_face_and_makes_as_many_updates(tmp_path, monkeypatch):
    table = samples_of_faces(write_faces(tmp_path / "all.h5", 96, 1), people=96)
    table["subset"] = np.where(np.arange(96) < 64, "train", "validation")
    table.to_csv(tmp_path / "all.csv", index=False)
    seen, fit = [], fold.fit
    monkeypatch.setattr(fold, "fit", lambda *given: seen.append(given) or fit(*given))
    call_script(
        "fold", faces=[tmp_path / "all.h5"], tables=[tmp_path / "all.csv"], fraction=0.25,
        predictions=tmp_path / "0.25.csv", settings=RunSettings(SMALL, QUICK).dump(), code="code",
    )  # fmt: skip
    assert FOLD.read(tmp_path / "0.25.csv").id.tolist() == table.id[64:].tolist()
    (settings, training, selecting, *_), *_ = seen
    first = table[:64][splits.nested(table[:64], 0.25, 42, "subject")]
    stored = fold.hdf5.read(tmp_path / "all.h5")
    assert not selecting and len(training) == len(first) < 20
    assert np.array_equal(training.pixels.take(np.arange(len(first))), stored.pixels[first.index])
    assert settings.train.epochs == 4 * QUICK.epochs


def test_change_is_paired_and_its_interval_wider_where_few_people_have_the_faces():
    smaller, larger = np.repeat([0, 1], [40, 160]), np.repeat([0, 1, 0, 1], [20, 170, 5, 5])
    correct = pd.DataFrame({0.5: smaller, 1.0: larger})
    faces = pd.DataFrame({"faces": [100, 200], "subjects": [9, 9]}, [0.5, 1.0])
    widths = []
    for photos in (1, 10):
        rows = learning_curve.measured(correct, pd.Series(np.arange(200) // photos), faces)
        assert np.isnan(rows.change[0]) and rows.change[1] == pytest.approx(0.075)
        widths.append(rows.change_high[1] - rows.change_low[1])
    of_faces = 2 * stats.t.isf(0.025, 199) * 5 / 200  # 25 faces change
    assert widths[0] == pytest.approx(of_faces) and widths[1] > 2 * widths[0]


def test_axis_has_the_numbers_of_faces_but_none_that_would_overlap(tmp_path):
    rows = [("a", 1, faces, 9, 0.8, 0.7, 0.9, *3 * [None]) for faces in (152, 602, 310, 621)]
    learning_curve.draw(LEARNING_CURVE.frame(rows), tmp_path / "curve.svg")
    ticks = re.findall(r">([\d,]+)</text>", (tmp_path / "curve.svg").read_text())
    assert ticks[:3] == ["621", "310", "152"] and "602" not in ticks


def test_script_writes_a_row_for_each_size(tmp_path):
    train, validation = (samples_of(np.arange(n) % 2, people=n) for n in (64, 40))
    SPLIT.write(tmp_path / "train.csv", train)
    SPLIT.write(tmp_path / "validation.csv", validation)
    paths = []
    for name, right in (("a", (30, 36)), ("b", (20, 20))):
        for size, count in zip((0.5, 1.0), right, strict=True):
            p_male = np.where((np.arange(40) < count) == validation.target, 0.9, 0.1)
            paths.append(tmp_path / name / f"learning_curve/{size:g}.csv")
            table = pd.DataFrame({"id": validation.id, "p_female": 1 - p_male, "p_male": p_male})
            FOLD.write(paths[-1], table)
    tables = {name: tmp_path / f"{name}.csv" for name in ("train", "validation")}
    outputs = {"table": tmp_path / "curve.csv", "figure": tmp_path / "curve.svg"}
    points = [("a", "0.5"), ("a", "1"), ("b", "0.5"), ("b", "1")]
    call_script("learning_curve", predictions=paths, points=points, **tables, **outputs)
    found = LEARNING_CURVE.read(tmp_path / "curve.csv").set_index(["run", "fraction"])
    assert found.accuracy.tolist() == [0.75, 0.9, 0.5, 0.5]
    assert found.faces["b"][1.0] == 64
    assert found.change["b"][1.0] == 0 and np.isnan(found.change_low["b"][1.0])
    assert "training faces" in (tmp_path / "curve.svg").read_text()


def test_outputs_and_logs_of_the_trainings_are_in_the_folder_of_their_run(tmp_path):
    """Which a user deletes as a whole."""
    project = write_config(copy_project(tmp_path), runs={"curved": {"learning_curve": [0.5, 1]}})
    said = plan(project, "--configfile", "small.yaml")
    paths = set(re.findall(r"results/[^\s,]*\bcurved\b[^\s,]*", said))
    assert [path for path in paths if not path.startswith("results/runs/curved/")] == []
    assert {"results/runs/curved/learning_curve/0.5.csv"} < paths


@pytest.mark.slow
def test_further_size_trains_that_size_alone_and_the_page_shows_it(project):
    write_config(project, runs={"renet": {"learning_curve": [0.5, 1]}})
    run(project, "--until", "fraction")
    write_config(project, runs={"renet": {"learning_curve": [0.25, 0.5, 1]}})
    said = plan(project, "--configfile", "small.yaml")
    assert said.count("rule fraction:") == 1 and "rule train:" not in said
    run(project)
    found = LEARNING_CURVE.read(project / "results/learning_curve/learning_curve.csv")
    assert found.fraction.tolist() == [0.25, 0.5, 1]
    page = (project / "results/index.html").read_text()
    assert 'src="learning_curve/learning_curve.svg"' in page
    assert f"from {found.faces[1]} to {found.faces[2]} training faces" in page
