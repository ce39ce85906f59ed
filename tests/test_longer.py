"""A finished training goes on with more epochs, to the bytes of a training from scratch."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from train import train

from helpers.training import QUICK, SMALL, terminated_before, train_job, write_faces
from renet.training.run import RunJob, RunSettings

# The third epoch is validated only as the last one; its loss is lower than that of the fourth.
RECIPE = {"epochs": 3, "validate_every": 2, "select_epoch": "best", "learning_rate": 0.5, "seed": 3}
SETTINGS = RunSettings(SMALL, dataclasses.replace(QUICK, **RECIPE))


def job_in(folder: Path, **recipe: object) -> RunJob:
    settings = dataclasses.replace(SETTINGS, train=dataclasses.replace(SETTINGS.train, **recipe))
    return train_job(folder, settings, forced=0, keep_last=1)


def results(job: RunJob) -> tuple[bytes, bytes]:
    return job.model.read_bytes(), job.history.read_bytes()


@pytest.fixture
def short(tmp_path, caplog) -> RunJob:
    """A finished training of three epochs."""
    caplog.set_level("INFO")
    write_faces(tmp_path / "train.h5")
    write_faces(tmp_path / "validation.h5", 20, 1)
    job = job_in(tmp_path)
    train(job)
    caplog.clear()
    return job


def from_scratch(short: RunJob, folder: Path, **recipe: object) -> tuple[bytes, bytes]:
    folder.mkdir()
    for path in (short.train, short.validation):
        (folder / path.name).symlink_to(path)
    job = job_in(folder, **recipe)
    train(job)
    return results(job)


def test_forced_training_that_was_interrupted_is_not_continued_after_its_results_are_put_back(
    short, caplog
):
    of_another = short.model.with_name("checkpoint-0123456789abcdef.pt")
    shutil.copy(short.model, of_another)
    forced = dataclasses.replace(short, forced=1)
    with terminated_before(8):
        train(forced)
    assert "If it is interrupted, force it again to continue." in caplog.text
    train(short)
    assert "was trained with the same settings" in caplog.text
    assert list(short.model.parent.glob("checkpoint-*")) == [of_another]
    assert short.model.with_name("last_checkpoint.pt").exists()
    with terminated_before(8) as updates:
        train(forced)
    assert len(updates) == 8  # from its start


@pytest.mark.parametrize("epochs", [4, 5])
def test_more_epochs_continue_to_the_bytes_of_a_training_from_scratch(
    short, tmp_path, caplog, epochs
):
    longer = job_in(tmp_path, epochs=epochs)
    train(longer)
    assert "Continuing after epoch 3" in caplog.text
    assert results(longer) == from_scratch(short, tmp_path / "scratch", epochs=epochs)
    third = longer.history.read_text().splitlines()[3]
    assert third.startswith("3,") and third.endswith(",,")


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ({"epochs": 4, "learning_rate": 0.02}, "train.learning_rate"),
        ({"epochs": 2}, "train.epochs"),
    ],
)
def test_other_settings_start_afresh_and_say_why(short, tmp_path, caplog, recipe, reason):
    other = job_in(tmp_path, **recipe)
    train(other)
    assert f"The finished training is not continued, because of {reason}" in caplog.text
    assert "Continuing" not in caplog.text
    assert results(other) == from_scratch(short, tmp_path / "scratch", **recipe)


def test_other_faces_start_afresh(short, tmp_path, caplog):
    write_faces(short.train, seed=5)
    train(job_in(tmp_path, epochs=4))
    assert "because of train.h5" in caplog.text and "Continuing" not in caplog.text


def test_forced_training_starts_afresh(short, tmp_path, caplog):
    train(dataclasses.replace(job_in(tmp_path, epochs=4), forced=1))
    assert "Continuing" not in caplog.text


def test_last_checkpoint_is_kept_only_where_it_is_asked_for(short, tmp_path, caplog):
    assert (short.model.parent / "last_checkpoint.pt").exists()
    train(dataclasses.replace(job_in(tmp_path, epochs=4), keep_last=0))
    assert "Continuing after epoch 3" in caplog.text
    assert not list(short.model.parent.glob("*checkpoint*"))
