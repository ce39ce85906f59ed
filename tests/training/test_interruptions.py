"""A training that is killed, terminated or damaged gives the bits of an undisturbed one."""

import contextlib
import itertools
import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from train import train

from helpers import forked_jobs
from helpers.training import QUICK, SMALL, after_each_update, train_job, write_faces
from renet.config.train import Recipe
from renet.training.folder import RESULTS
from renet.training.processes import stop_requests
from renet.training.settings import RunSettings

# Few computations and many weights: a checkpoint takes long enough to be interrupted.
LIGHT_MODEL = SMALL.model_dump()
HEAVY_MODEL = LIGHT_MODEL | {"spatial_rnns": 2 * [{"units": 384, "block": [2, 2]}]}
SETTINGS = Recipe().model_dump() | {
    "epochs": 3, "batch_size": 8, "threads": 1, "device": "cpu", "shuffle_each_epoch": True,
}  # fmt: skip
MANY = 15  # epochs, so that a light training does not end before it is stopped


class Training:
    """The rule `train` in its own folder, to be started and stopped."""

    def __init__(self, folder: Path, model: dict, **settings: object):
        write_faces(folder / "train.h5", 200)
        write_faces(folder / "validation.h5", 40, 1)
        self.run, self.log = folder / "run", folder / "train.log"
        settings = {"model": model, "train": SETTINGS | settings}
        self.job = {
            "rule": "train", "script": "train.py", "wildcards": {"run": "run"}, "threads": 1,
            "input": {
                "faces": str(folder / "train.h5"), "validation": str(folder / "validation.h5"),
            },
            "output": {Path(name).stem: str(self.run / name) for name in RESULTS},
            "params": {"settings": settings, "code": "code", "checkpoint_seconds": 0.3},
            "resources": {"gpu": 0}, "log": [str(self.log)],
        }  # fmt: skip

    def finish(self) -> dict[str, bytes]:
        """Run to the end; returns the files that are reproducible byte for byte."""
        status = forked_jobs.end_of(forked_jobs.start(self.job))
        assert status == 0, forked_jobs.said(self.job)
        assert not list(self.run.rglob("*.tmp")) and not self.checkpoints()
        return {name: (self.run / name).read_bytes() for name in ("model.pt", "history.csv")}

    def stop_when(self, condition: Callable[[], object], how: signal.Signals) -> None:
        """Start, and send the signal as soon as the condition holds."""
        process, deadline = forked_jobs.start(self.job), time.monotonic() + 120
        while not condition():
            assert os.waitpid(process, os.WNOHANG) == (0, 0), "it ended before it could be stopped"
            assert time.monotonic() < deadline, forked_jobs.said(self.job)
        os.kill(process, how)
        assert forked_jobs.end_of(process) == (-how if how == signal.SIGKILL else 1)
        assert not (self.run / "model.pt").exists()

    def is_writing(self) -> list[Path]:
        return list(self.run.glob("training/*/checkpoint.pt.tmp"))

    def checkpoints(self) -> list[Path]:
        """The newest one of each training."""
        return list(self.run.glob("training/*/checkpoint.pt"))

    def newest(self) -> Path:
        return next(iter(self.checkpoints()), self.run / "none yet")

    def is_past_a_checkpoint(self) -> Callable[[], bool]:
        """A condition: another checkpoint is complete, and some batches were trained after it."""
        seen: list[int] = []

        def condition() -> bool:
            with contextlib.suppress(FileNotFoundError):  # it is the previous one now
                changed = self.newest().stat().st_mtime_ns
                if changed not in seen:
                    seen.append(changed)
            return len(seen) > 1 and time.time_ns() > seen[1] + 1e8

        return condition


@pytest.fixture
def training(tmp_path, monkeypatch) -> Callable[..., Training]:
    monkeypatch.setattr(forked_jobs, "SECONDS", 600)  # beside others on a small machine

    def make(name: str, model: dict = HEAVY_MODEL, **settings: object) -> Training:
        (tmp_path / name).mkdir()
        return Training(tmp_path / name, model, **settings)

    return make


@pytest.mark.fault("killed-training")
def test_killed_training_continues_to_the_same_bits(faces, tmp_path, caplog):
    caplog.set_level("INFO")
    job = train_job(tmp_path, RunSettings(SMALL, QUICK), checkpoint_seconds=0)
    updates = itertools.count(1)

    def kill() -> None:
        if next(updates) == 9:  # in the second epoch of six updates
            os.kill(os.getpid(), signal.SIGKILL)

    def train_until_killed() -> None:
        with after_each_update(kill):
            train(job)

    process = multiprocessing.get_context("fork").Process(target=train_until_killed)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL and not job.model.exists()
    train(job)
    assert "Continuing after epoch 1" in caplog.text
    continued = [path.read_bytes() for path in (job.model, job.history)]
    shutil.rmtree(job.model.parent)
    train(job)
    assert [path.read_bytes() for path in (job.model, job.history)] == continued


@pytest.mark.fault("killed-training")
@pytest.mark.fault("damaged-checkpoint")
@pytest.mark.slow
def test_training_killed_at_several_points_gives_the_same_bits(training):
    epochs = 6  # so that checkpoints are written inside of epochs on a fast machine, too
    undisturbed = training("undisturbed", epochs=epochs).finish()
    disturbed = training("disturbed", epochs=epochs)
    disturbed.stop_when(disturbed.is_writing, signal.SIGKILL)  # the first checkpoint
    assert disturbed.is_writing(), "it was not killed while it wrote"
    disturbed.stop_when(disturbed.is_past_a_checkpoint(), signal.SIGKILL)  # between two
    previous = disturbed.newest()
    disturbed.stop_when(
        lambda: disturbed.is_writing() and not previous.exists(), signal.SIGKILL
    )  # after the last one became the previous one
    assert "Continuing after epoch" in disturbed.log.read_text()
    disturbed.stop_when(disturbed.is_past_a_checkpoint(), signal.SIGTERM)
    assert "was stopped in epoch" in disturbed.log.read_text()
    newest = disturbed.newest()
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert disturbed.finish() == undisturbed
    assert f"{newest.name} is not a model that PyTorch can load" in disturbed.log.read_text()


@pytest.mark.fault("killed-training")
@pytest.mark.slow
def test_two_processes_that_are_terminated_and_then_cannot_write_give_the_same_bits(training):
    undisturbed = training("undisturbed", LIGHT_MODEL, processes=2, epochs=MANY).finish()
    disturbed = training("disturbed", LIGHT_MODEL, processes=2, epochs=MANY)
    disturbed.stop_when(disturbed.is_past_a_checkpoint(), signal.SIGTERM)
    assert "was stopped in epoch" in disturbed.log.read_text()
    saved = disturbed.newest()
    bytes_of_it = saved.read_bytes()
    process, limit = forked_jobs.start(disturbed.job), len(bytes_of_it) // 2
    resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, limit))
    assert forked_jobs.end_of(process) == 1
    log = disturbed.log.read_text()
    assert "Continuing after epoch" in log and "File too large in" in log
    assert "free some space and start again." in log and "Traceback" not in log
    kept = next(path for path in (saved, saved.with_name("previous.pt")) if path.exists())
    assert kept.read_bytes() == bytes_of_it and not disturbed.is_writing()
    assert disturbed.finish() == undisturbed


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
