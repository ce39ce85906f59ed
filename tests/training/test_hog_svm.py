"""The kind hog_svm: a linear SVM on histograms of oriented gradients, in the model file of all."""

import dataclasses
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import torch
import train as script
from skimage.feature import hog
from threadpoolctl import threadpool_info, threadpool_limits

from helpers.cropped import samples_of_faces
from helpers.faces import write_hdf5
from helpers.training import train_job
from renet.common.errors import InputError
from renet.common.history import HISTORY, THROUGHPUT
from renet.config.model import HogSvmArchitecture
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.network import inference, kinds, model_file
from renet.network.model import infer
from renet.training import hog_svm
from renet.training.folder import RECORD, RESULTS
from renet.training.loop import TrainJob
from renet.training.settings import RunSettings


def write_striped_faces(path, count: int, seed: int):
    """Faces of two classes that differ by the direction of their stripes, and their table."""
    random = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    stripes = np.where(np.arange(32) // 4 % 2, 180, 60)
    pixels = np.broadcast_to(stripes, (count, 3, 32, 32)).copy()
    pixels[targets == 1] = pixels[targets == 1].transpose(0, 1, 3, 2)
    pixels = (pixels + random.normal(0, 60, pixels.shape)).clip(0, 255).astype(np.uint8)
    write_hdf5(path, pixels, targets)
    stored = hdf5.read(path)
    people = [f"{row // 3}" for row in range(count)]
    SPLIT.write(path.with_suffix(".csv"), samples_of_faces(stored).assign(subject=people))
    return stored


def job(data: Path, folder: Path, **options) -> TrainJob:
    """A fit to the faces in one folder, with the results in another."""
    settings = RunSettings(HogSvmArchitecture(cells=4))
    found = train_job(data, settings, table=data / "train.csv", **options)
    return dataclasses.replace(found, **{Path(name).stem: folder / name for name in RESULTS})


def fit(data: Path, folder: Path, **options) -> bytes:
    """Fit by the rule `train`; the bytes of the model."""
    script.train(job(data, folder, **options))
    return (folder / "model.pt").read_bytes()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("svm")
    write_striped_faces(folder / "train.h5", 120, 1)
    write_striped_faces(folder / "validation.h5", 40, 2)
    fit(folder, folder)
    return folder


def test_svm_predicts_from_the_model_file_what_the_fit_measured(fitted):
    network = model_file.load(fitted / "model.pt")
    stored = hdf5.read(fitted / "validation.h5")
    logits = inference.logits(network, stored.pixels, torch.device("cpu"))
    history = HISTORY.read(fitted / "history.csv")
    assert len(history) == len(THROUGHPUT.read(fitted / "throughput.csv")) == 1
    assert history.epoch[0] > 1
    accuracy = (logits.argmax(1) == stored.targets).mean()
    assert accuracy == history.validation_accuracy[0] > 0.95
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(stored.targets))
    assert loss.item() == pytest.approx(history.validation_loss[0], rel=1e-4)
    (folder,) = (path for path in (fitted / "training").iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == {*RESULTS, RECORD}


def test_features_are_scikit_images_own():
    face = np.random.default_rng(0).integers(0, 256, (3, 35, 33), dtype=np.uint8)
    network = kinds.build((3, 35, 33), HogSvmArchitecture(cells=4))
    expected = hog(
        face[:, :32, :32], pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=0
    )
    found = network.hog(torch.from_numpy(face)[None])
    assert np.array_equal(found[0].numpy(), expected.astype(np.float32))


@pytest.mark.fault("unchanged-meaning")
def test_same_seed_gives_the_same_bytes_in_any_number_of_threads(fitted, tmp_path, monkeypatch):
    """BLAS shares out long sums, so that they depend on the number of its threads."""
    counts, whole = set(), hog_svm.measure

    def count_threads(*given):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        counts.update(pool["num_threads"] for pool in pools)
        return whole(*given)

    monkeypatch.setattr(hog_svm, "measure", count_threads)
    with threadpool_limits(2):
        model = fit(fitted, tmp_path)
    assert counts == {1} and model == (fitted / "model.pt").read_bytes()
    assert (tmp_path / "history.csv").read_bytes() == (fitted / "history.csv").read_bytes()
    monkeypatch.setattr(hog_svm, "fit", lambda *_: pytest.fail("it is fitted again"))
    assert fit(fitted, tmp_path) == model


def test_svm_is_fitted_anew_where_the_people_of_the_faces_have_changed(fitted, tmp_path):
    """The cross-validation keeps the photos of a person together; the faces stay the same."""
    for name in ("train.h5", "validation.h5"):
        (tmp_path / name).symlink_to(fitted / name)
    table = SPLIT.read(fitted / "train.csv")
    SPLIT.write(tmp_path / "train.csv", table.assign(subject=range(len(table))))
    assert fit(tmp_path, tmp_path) != (fitted / "model.pt").read_bytes()


def test_fingerprint_has_the_version_of_scikit_learn(fitted, monkeypatch):
    before = job(fitted, fitted).folder().path
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"other {name}")
    assert job(fitted, fitted).folder().path != before


def test_large_set_is_replaced_by_a_random_part_of_it(fitted, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(hog_svm, "LARGEST", 50)
    assert fit(fitted, tmp_path) != (fitted / "model.pt").read_bytes()
    assert "a random 50 of 120 faces" in caplog.text and "of 40" not in caplog.text
    assert HISTORY.read(tmp_path / "history.csv").validation_accuracy[0] > 0.9


def test_probabilities_come_from_people_that_the_svm_has_not_seen():
    people = np.arange(60) % 7
    folds = hog_svm.make_folds(np.arange(60) % 2, people)
    assert len(folds) == 5
    assert not any(set(people[others]) & set(people[held_out]) for others, held_out in folds)
    assert len(hog_svm.make_folds(np.arange(60) % 2, np.arange(60) % 3)) == 3


@pytest.mark.parametrize(
    ("targets", "people"),
    [([1, 1, 1, 1], [0, 1, 2, 3]), ([0, 1, 0, 1], [7, 7, 7, 7]), ([0, 0, 1, 0], [1, 2, 3, 4])],
)
def test_one_class_or_one_person_is_an_error(targets, people):
    with pytest.raises(InputError, match="several people and both genders"):
        hog_svm.make_folds(np.array(targets), np.array(people))


def test_faces_too_small_for_the_cells_are_an_error_that_names_the_setting():
    with pytest.raises(InputError, match=r"lower `model\.cells`"):
        kinds.build((3, 16, 32), HogSvmArchitecture(cells=16))


def test_precision_does_not_change_an_svm(fitted):
    network = model_file.load(fitted / "model.pt")
    pixels = torch.from_numpy(np.array(hdf5.read(fitted / "validation.h5").pixels))
    expected = infer(network, pixels, "float32")
    assert torch.equal(infer(network, pixels, "bfloat16"), expected)
