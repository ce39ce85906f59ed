"""All that a training leaves is in one folder, and a run has one process at a time."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import h5py
import pytest
import torch
from train import train

from helpers.training import QUICK, SMALL, PowerCut, terminated_before, train_job, write_faces
from renet.common import files, locks
from renet.common.errors import InputError
from renet.training.folder import TrainingFolder
from renet.training.loop import TrainJob
from renet.training.settings import RunSettings

SETTINGS = {"epochs": 3}


@pytest.fixture
def outputs(tmp_path, caplog) -> dict[str, Path]:
    """The outputs of a job, which do not exist, by the names of its results."""
    caplog.set_level("INFO")
    return {name: tmp_path / name for name in ("model.pt", "history.csv")}


@pytest.fixture
def link(tmp_path, outputs) -> Callable[..., bool]:
    """A function that links the outputs to the results of a training; whether it was computed."""

    def run_or_reuse(settings: dict = SETTINGS, compute: Callable | None = None) -> bool:
        computed = []

        def write(*paths: Path) -> dict:
            computed.extend(paths)
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{settings} {path.name}")
            paths[0].with_name("checkpoint.pt").touch()
            return {"settings": settings}

        folder = TrainingFolder(tmp_path / "training", settings)
        folder.run_or_reuse(outputs, compute or write)
        return bool(computed)

    return run_or_reuse


def test_folder_depends_on_code_faces_and_pytorch_and_not_on_how_often_is_saved(job, monkeypatch):
    paths = [job.folder().path, dataclasses.replace(job, code="other").folder().path]
    assert dataclasses.replace(job, checkpoint_seconds=540).folder().path == paths[0]
    write_faces(job.validation, 20, 9)
    paths.append(job.folder().path)
    monkeypatch.setattr(torch, "__version__", "3.0.0")
    assert len({*paths, job.folder().path}) == 4


def folders(outputs: dict[str, Path]) -> list[Path]:
    return [path for path in outputs["model.pt"].with_name("training").iterdir() if path.is_dir()]


@pytest.mark.fault("finished-training")
def test_outputs_are_those_of_a_training_that_is_computed_once(link, outputs, caplog):
    assert link()
    (folder,) = folders(outputs)
    assert outputs["model.pt"].samefile(folder / "model.pt")
    assert {path.name for path in folder.iterdir()} == {"training.json", *outputs}
    assert files.read_json(folder / "training.json")["settings"] == SETTINGS
    outputs["model.pt"].unlink()  # as Snakemake does before a job
    with outputs["history.csv"].open("a") as history:
        history.write("a note")  # costs no training
    assert not link()
    assert all(output.read_text() == f"{SETTINGS} {name}" for name, output in outputs.items())
    (warning,) = (record.message for record in caplog.records if record.levelname == "WARNING")
    assert warning.startswith(f"The results of this training are taken from {folder}. To train")


@pytest.mark.fault("finished-training")
def test_outputs_are_copies_where_the_file_system_has_no_links(link, outputs, monkeypatch):
    monkeypatch.setattr(os, "link", Mock(side_effect=OSError("Operation not permitted")))
    assert link()
    (folder,) = folders(outputs)
    for name, output in outputs.items():
        assert output.read_bytes() == (folder / name).read_bytes()
        assert not output.samefile(folder / name)


@pytest.mark.fault("damaged-result")
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("of another one")])
def test_damaged_result_is_named_and_computed_anew(link, outputs, caplog, damage):
    link()
    (folder,) = folders(outputs)
    damage(folder / "history.csv")
    assert link()
    assert f"{folder / 'history.csv'} is missing or damaged" in caplog.text
    assert outputs["history.csv"].read_text() == f"{SETTINGS} history.csv"
    assert not link()


@pytest.mark.fault("finished-training")
@pytest.mark.parametrize("call", ["unlink", "link"])
def test_what_a_killed_job_has_left_after_training_json_is_done_by_the_next(
    link, outputs, monkeypatch, call
):
    """It is killed before it deletes the checkpoint, or before it links the first output."""
    link({"epochs": 2})
    with monkeypatch.context() as killed, pytest.raises(PowerCut):
        killed.setattr(os, call, Mock(side_effect=PowerCut))
        link()
    assert len(folders(outputs)) == 2
    assert not link()
    (folder,) = folders(outputs)
    assert outputs["model.pt"].read_text() == f"{SETTINGS} model.pt"
    assert not (folder / "checkpoint.pt").exists()


@pytest.mark.fault("failed-retraining")
def test_folder_of_another_training_goes_when_this_one_has_finished_and_not_before(
    link, outputs, tmp_path, caplog
):
    link({"epochs": 2})
    (other,) = folders(outputs)
    with pytest.raises(InputError):
        link(compute=Mock(side_effect=InputError))
    assert f"from the beginning: {other} is of a training with other" in caplog.text
    assert other.exists()
    of_the_user = tmp_path / "training" / "photos"
    of_the_user.mkdir()
    assert link()
    assert not other.exists() and of_the_user.exists()


def test_return_to_a_finished_training_keeps_the_checkpoints_of_a_stopped_one(link, tmp_path):
    def stop(path: Path, *_: Path) -> dict:
        path.parent.mkdir(parents=True)
        path.with_name("checkpoint.pt").touch()
        raise PowerCut

    assert link()
    with pytest.raises(PowerCut):
        link({"epochs": 2}, compute=stop)
    assert not link()
    assert len([*tmp_path.glob("training/*/checkpoint.pt")]) == 1
    assert link({"epochs": 2})
    assert not link({"epochs": 2})


def test_output_that_cannot_be_written_is_an_error_before_the_training(link, outputs):
    outputs["history.csv"].mkdir()
    with pytest.raises(InputError, match=r"history\.csv cannot be written"):
        link(compute=lambda *_: pytest.fail("it has begun"))


@pytest.fixture
def job(faces, tmp_path, caplog) -> TrainJob:
    """A training on the device `auto`."""
    caplog.set_level("INFO")
    recipe = QUICK.replace(device="auto")
    return train_job(tmp_path, RunSettings(SMALL, recipe))


def test_faces_without_a_digest_are_recognised_by_their_bytes(job):
    paths = []
    for seed in (0, 0, 5):
        write_faces(job.faces, seed=seed)
        with h5py.File(job.faces, "a") as store:
            del store.attrs["digest"]
        paths.append(job.folder().path)
    assert paths[0] == paths[1] != paths[2]


@pytest.mark.fault("killed-training")
@pytest.mark.fault("finished-training")
def test_training_is_continued_and_its_results_are_linked_on_another_device(job, caplog):
    """Of a GPU that is granted and missing, `auto` makes the CPU."""
    with terminated_before(8):
        train(dataclasses.replace(job, gpu=1))
    train(dataclasses.replace(job, gpu=0))
    assert "Continuing after epoch 1, batch 2" in caplog.text
    trained = job.model.read_bytes()
    job.model.unlink()
    with terminated_before(0) as updates:
        train(dataclasses.replace(job, gpu=1))
    assert not updates and job.model.read_bytes() == trained
    assert "The results of this training are taken" in caplog.text


def test_damaged_faces_are_noticed_before_the_processes_start(job, monkeypatch):
    """Under NCCL the others would wait for no longer than ten minutes."""
    with h5py.File(job.validation, "a") as store:
        store["input"][3, 7] ^= 1
    monkeypatch.setattr("train.launch", lambda *_, **__: pytest.fail("they have started"))
    with pytest.raises(InputError, match=r"validation\.h5 is damaged"):
        train(job)


@pytest.mark.fault("training-in-use")
def test_folder_that_another_process_holds_is_refused_until_it_ends(link, tmp_path):
    held = locks.alone_in(tmp_path / "training")
    with held, pytest.raises(InputError, match="training is being written by another process"):
        link()
    assert link()
