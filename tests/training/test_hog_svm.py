"""The kind hog_svm: a linear SVM on histograms of oriented gradients, in the model file of all."""

import csv
import json
from pathlib import Path

import hog_svm
import numpy as np
import pytest
import torch
from skimage.feature import hog
from threadpoolctl import threadpool_info, threadpool_limits

from helpers.faces import write_hdf5
from helpers.holders import held
from helpers.project import run_script
from helpers.workflow import planned, run, write_config
from renet.common.errors import InputError
from renet.config.architecture import HogSvmArchitecture
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.network import inference, kinds, model_file, svm
from renet.network.model import infer
from renet.network.settings import RunSettings
from renet.training.folder import RESULTS
from renet.training.history import HISTORY, THROUGHPUT

CELLS = '{"kind": "hog_svm", "cells": 4}'
SETTINGS = RunSettings(HogSvmArchitecture(alpha=1e-3), Recipe(epochs=5))


def write_striped_faces(path, count: int, seed: int):
    """Faces of two classes that differ by the direction of their stripes, and their table."""
    random = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    stripes = np.where(np.arange(32) // 4 % 2, 180, 60)
    pixels = np.broadcast_to(stripes, (count, 3, 32, 32)).copy()
    pixels[targets == 1] = pixels[targets == 1].transpose(0, 1, 3, 2)
    pixels = (pixels + random.normal(0, 60, pixels.shape)).clip(0, 255).astype(np.uint8)
    write_hdf5(path, pixels, targets)
    with path.with_suffix(".csv").open("w", newline="") as lines:
        table = csv.DictWriter(lines, list(SPLIT.columns))
        table.writeheader()
        for row in range(count):
            named = {"id": f"a:{row}", "path": "p", "source": "a", "subject": row // 3}
            rest = dict.fromkeys(SPLIT.columns, 0)
            table.writerow(rest | named | {"subset": "train", "target": targets[row]})
    return hdf5.read(path)


def fit(folder, threads: int = 1):
    """Fit by the script as a user runs it; the outcome."""
    outputs = [value for name in RESULTS[1:]
               for value in (f"--{Path(name).stem}", folder / name)]  # fmt: skip
    return run_script(
        "hog_svm.py", folder / "train.h5", folder / "train.csv", folder / "validation.h5",
        "-o", folder / "model.pt", *outputs, "--settings.model", CELLS,
        "--settings.train", json.dumps({"threads": threads}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("svm")
    write_striped_faces(folder / "train.h5", 120, 1)
    write_striped_faces(folder / "validation.h5", 40, 2)
    outcome = fit(folder)
    assert outcome.returncode == 0, outcome.stderr
    return folder


def test_svm_predicts_from_the_model_file_what_the_fit_measured(fitted):
    network = model_file.load(fitted / "model.pt")
    stored = hdf5.read(fitted / "validation.h5")
    logits = inference.logits(network, stored.pixels, torch.device("cpu"))
    history = HISTORY.read(fitted / "history.csv")
    assert len(history) == 1 and len(THROUGHPUT.read(fitted / "throughput.csv")) == 1
    accuracy = (logits.argmax(1) == stored.targets).mean()
    assert accuracy == history.validation_accuracy[0] > 0.95
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(stored.targets))
    assert loss.item() == pytest.approx(history.validation_loss[0], rel=1e-4)
    (folder,) = (path for path in (fitted / "training").iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == {*RESULTS, "finished.json"}


def test_features_are_scikit_images_own():
    face = np.random.default_rng(0).integers(0, 256, (3, 35, 33), dtype=np.uint8)
    network = kinds.build((3, 35, 33), HogSvmArchitecture(cells=4))
    expected = hog(
        face[:, :32, :32], pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=0
    )
    found = network.hog(torch.from_numpy(face)[None])
    assert np.array_equal(found[0].numpy(), expected.astype(np.float32))


def test_same_seed_gives_the_same_bytes_in_any_number_of_processes(fitted, tmp_path):
    for name in ("train.h5", "train.csv", "validation.h5"):
        (tmp_path / name).symlink_to(fitted / name)
    assert fit(tmp_path, threads=2).returncode == 0
    assert (tmp_path / "model.pt").read_bytes() == (fitted / "model.pt").read_bytes()
    assert (tmp_path / "history.csv").read_bytes() == (fitted / "history.csv").read_bytes()


def fit_here(fitted, folder, **options) -> bytes:
    """Fit to the faces of the module's SVM in this process; the bytes of the model."""
    outputs = {Path(name).stem: folder / name for name in RESULTS}
    hog_svm.hog_svm(
        *(fitted / name for name in ("train.h5", "train.csv", "validation.h5")),
        settings=RunSettings(HogSvmArchitecture(cells=4)), **outputs, **options,
    )  # fmt: skip
    return outputs["model"].read_bytes()


def test_second_start_links_the_results_without_fitting(fitted, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    model = fit_here(fitted, tmp_path)
    (tmp_path / "model.pt").unlink()
    monkeypatch.setattr(svm, "fit_with_probabilities", lambda *_: pytest.fail("it is fitted"))
    assert fit_here(fitted, tmp_path, workers=2) == model
    assert "The results of this training, computed on cpu of" in caplog.text


def test_svm_is_fitted_anew_where_the_people_of_the_faces_have_changed(fitted, tmp_path):
    """The cross-validation keeps the photos of a person together; the faces stay the same."""
    for name in ("train.h5", "validation.h5"):
        (tmp_path / name).symlink_to(fitted / name)
    table = SPLIT.read(fitted / "train.csv")
    SPLIT.write(tmp_path / "train.csv", table)
    first = fit_here(tmp_path, tmp_path)
    SPLIT.write(tmp_path / "train.csv", table.assign(subject=range(len(table))))
    assert fit_here(tmp_path, tmp_path) != first


@pytest.mark.fault("training-in-use")
def test_second_svm_in_the_folder_of_a_run_names_the_first_one_and_touches_nothing(
    fitted, tmp_path
):
    folder = tmp_path / "training"
    with held(folder) as first:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        with pytest.raises(InputError, match=f"{folder} is in use by the process {first.pid} on"):
            fit_here(fitted, tmp_path)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.fault("unchanged-meaning")
def test_fit_sums_in_one_thread(fitted, tmp_path, monkeypatch):
    """BLAS shares out long sums, so that they depend on the number of its threads."""
    counts, whole = set(), svm.fit_with_probabilities

    def count_threads(*given):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        counts.update(pool["num_threads"] for pool in pools)
        return whole(*given)

    monkeypatch.setattr(svm, "fit_with_probabilities", count_threads)
    with threadpool_limits(2):
        model = fit_here(fitted, tmp_path, workers=2)
    assert counts == {1} and model == (fitted / "model.pt").read_bytes()


@pytest.mark.fault("unchanged-meaning")
@pytest.mark.slow
def test_other_threads_rerun_nothing_and_other_epochs_plan_the_fit_again(project):
    svm_run = {"runs": {"renet": None, "svm": {"model": {"kind": "hog_svm", "cells": 4}}}}
    train = {"epochs": 2, "threads": 1}
    write_config(project, train=train, **svm_run)
    of_run = "results/runs/svm/manifest.json"  # which needs all other files of the run
    run(project, "--", of_run)
    write_config(project, train=train | {"threads": 2}, **svm_run)
    assert planned(project, "--", of_run) == set()
    write_config(project, train=train | {"epochs": 3}, **svm_run)
    assert "hog_svm" in planned(project, "--", of_run)


def samples_of(targets, groups) -> svm.Samples:
    random = np.random.default_rng(1)
    features = random.normal(size=(len(targets), 5)) + targets[:, None]
    return svm.Samples(features.astype(np.float32), targets, groups)


def test_probabilities_come_from_people_that_the_svm_has_not_seen():
    """Features that name the person make the SVM sure of the people it has seen, not of others."""
    random = np.random.default_rng(0)

    def draw(people: int, named: bool) -> svm.Samples:
        groups = np.repeat(np.arange(people), 5)
        targets = random.integers(0, 2, people)[groups]
        names = np.eye(300, dtype=np.float32)[groups] * 2 * named
        hint = targets + random.normal(0, 1.5, len(targets))
        return svm.Samples(np.c_[names, hint].astype(np.float32), targets, groups)

    samples, others = draw(300, named=True), draw(300, named=False)

    def loss(groups: np.ndarray) -> float:
        samples_so = svm.Samples(samples.features, samples.targets, groups)
        odds = svm.fit_with_probabilities(samples_so, SETTINGS).log_odds(others.features)
        return np.logaddexp(0, np.where(others.targets == 1, -odds, odds)).mean()

    assert loss(samples.groups) < np.log(2) < loss(np.arange(len(samples.targets)))


def test_probabilities_have_the_frequency_of_their_class():
    targets = np.random.default_rng(3).integers(0, 2, 3000)
    samples = samples_of(targets, np.arange(3000))
    odds = svm.fit_with_probabilities(samples, SETTINGS).log_odds(samples.features)
    probabilities = 1 / (1 + np.exp(-odds))
    for low in (0.2, 0.4, 0.6):
        here = (probabilities > low) & (probabilities < low + 0.2)
        assert targets[here].mean() == pytest.approx(low + 0.1, abs=0.1)


@pytest.mark.parametrize(
    ("targets", "groups"), [([1, 1, 1, 1], [0, 1, 2, 3]), ([0, 1, 0, 1], [7, 7, 7, 7])]
)
def test_one_class_or_one_person_is_an_error(targets, groups):
    with pytest.raises(InputError, match="one class or one person"):
        svm.fit_with_probabilities(samples_of(np.array(targets), np.array(groups)), SETTINGS)


def test_faces_too_small_for_the_cells_are_an_error_that_names_the_setting():
    with pytest.raises(InputError, match=r"lower `model\.cells`"):
        kinds.build((3, 16, 32), HogSvmArchitecture(cells=16))


def test_precision_does_not_change_an_svm(fitted):
    network = model_file.load(fitted / "model.pt")
    pixels = torch.from_numpy(np.array(hdf5.read(fitted / "validation.h5").pixels))
    expected = infer(network, pixels, "float32")
    assert torch.equal(infer(network, pixels, "bfloat16"), expected)
