"""A training that is killed or terminated gives the bits of an undisturbed one."""

import dataclasses
import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import time

import pytest
import torch
from train import train

from helpers.training import QUICK, SMALL, forked_processes, train_job, write_faces
from renet.common import logs
from renet.common.errors import TrainingInterrupted
from renet.training import loop, processes
from renet.training.folder import Checkpoint
from renet.training.launch import launch
from renet.training.loop import Trainer, TrainJob
from renet.training.processes import stop_requests
from renet.training.settings import RunSettings


def trained(job: TrainJob) -> list[bytes]:
    """The reproducible files of a training, which leaves neither checkpoints nor parts of files."""
    train(job)
    folder = job.model.parent
    assert not [*folder.rglob("*tmp"), *folder.rglob("checkpoint*"), *folder.rglob("previous*")]
    return [path.read_bytes() for path in (job.model, job.history)]


def assert_like_undisturbed(job: TrainJob) -> None:
    """Expect that a training that was stopped ends with the bytes of one from the beginning."""
    continued = trained(job)
    shutil.rmtree(job.model.parent)
    assert trained(job) == continued


@pytest.mark.fault("killed-training")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS's libraries do not survive a fork")
@pytest.mark.parametrize(
    ("owner", "name", "number", "left"),
    [
        (Trainer, "_update", 9, {"checkpoint.pt", "previous.pt"}),
        (torch, "save", 1, {"checkpoint.pt.renet-tmp"}),
        (torch, "save", 9, {"checkpoint.pt.renet-tmp", "previous.pt"}),
    ],
    ids=["in an update", "in its first checkpoint", "in a later checkpoint"],
)
def test_killed_training_continues_to_the_same_bits(
    faces, tmp_path, caplog, monkeypatch, owner, name, number, left
):
    """An epoch has six updates, each with a checkpoint."""
    caplog.set_level("INFO")
    job = train_job(tmp_path, RunSettings(SMALL, QUICK), checkpoint_seconds=0)
    call, calls = getattr(owner, name), itertools.count(1)

    def call_or_die(*given: object) -> None:
        if next(calls) == number:
            if name == "save":
                given[1].write(b"PK" * 10_000)
            os.kill(os.getpid(), signal.SIGKILL)
        call(*given)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, call_or_die)
        process = multiprocessing.get_context("fork").Process(target=train, args=[job])
        process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL and not job.model.exists()
    assert {path.name for path in job.folder().path.glob("*.*")} == left
    assert_like_undisturbed(job)
    assert ("Continuing after epoch 1, batch 2" in caplog.text) == ("previous.pt" in left)


def train_until_stopped(job: TrainJob, receiver: str) -> None:
    """Train; SIGTERM reaches rank 1 in a step in which it has no face, or the launcher then."""
    update, updates = Trainer._update, itertools.count(1)

    def terminate(*given: object) -> None:
        if next(updates) == 6 and processes.rank() == 1:
            os.kill(os.getppid() if receiver == "launcher" else os.getpid(), signal.SIGTERM)
            time.sleep(5 if receiver == "launcher" else 0)  # until it has terminated both
        update(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_update", terminate)
        loop.run_training(job)


@pytest.mark.fault("killed-training")
@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ("rank", "stopped in epoch 1"),
        pytest.param("launcher", "received SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_processes_stop_in_the_same_step_and_continue_to_the_same_bits(
    tmp_path, monkeypatch, receiver, said
):
    log = tmp_path / "train.log"
    monkeypatch.setattr(logs, "log_file", lambda: str(log))
    write_faces(tmp_path / "train.h5", 41)  # six steps of an epoch
    write_faces(tmp_path / "validation.h5", 20, 1)
    job = train_job(tmp_path, RunSettings(SMALL, QUICK.replace(processes=2)))
    here = dataclasses.replace(job, model=job.folder().path / "model.pt")
    with forked_processes():
        with pytest.raises(TrainingInterrupted, match=said):
            launch(train_until_stopped, here, receiver, count=2, device="cpu")
        saved = Checkpoint(here.model.parent, 3600).load()["training"]
        assert (saved["epoch"], saved["steps"]) == (0, 6)
        assert_like_undisturbed(job)
    assert "Continuing after epoch 0, batch 6" in log.read_text()


@pytest.mark.fault("killed-training")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_is_a_request_as_long_as_a_training_runs_unless_it_is_ignored(number):
    others: list[int] = []
    before = signal.signal(number, lambda number, _: others.append(number))
    try:
        with stop_requests() as received:
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        signal.signal(number, signal.SIG_IGN)  # as Ctrl-C by a background process
        with stop_requests() as ignored:
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    assert received == others == [number] and not ignored
