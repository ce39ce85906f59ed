"""Processes that train together compute what one process does, and end together."""

import contextlib
import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from helpers.project import SCRIPTS, run_python
from helpers.training import QUICK, forked_processes, new_network, same, train_and_save, write_faces
from renet.common.errors import InputError, TrainingInterrupted
from renet.network import model_file
from renet.training import processes
from renet.training.launch import launch


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_parts_are_disjoint_and_complete(count, size, monkeypatch):
    rows, parts = np.arange(count), []
    monkeypatch.setattr(processes, "size", lambda: size)
    for rank in range(size):
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        parts.append(rows[processes.part(count)])
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))  # the statistics of rank 0 are saved


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[tuple[int, int], dict]:
    """The outcome of the same training in one process, and in each of two and of three.

    The normalisation is frozen: otherwise, each process normalises its own part of a batch.
    """
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder / "train.h5", 41)  # a last batch of one face: less than there are processes
    write_faces(folder / "validation.h5", 20, 1)
    network, norms = new_network(), [f"bn{number}" for number in range(7)]
    for name in norms:
        network.get_submodule(name).running_var.fill_(1)
    model_file.save(folder / "start.pt", network)
    recipe = QUICK.replace(start_from=str(folder / "start.pt"), freeze=norms)
    outcomes = {}
    for count in (1, 2, 3):
        # Those of three are forked, which is faster.
        with forked_processes() if count == 3 else contextlib.nullcontext():
            options = recipe.replace(processes=count)
            launch(train_and_save, str(folder), options, count=count, device="cpu")
        for rank in range(count):
            outcomes[count, rank] = torch.load(folder / f"outcome-{count}-{rank}.pt")
    return outcomes


@pytest.mark.parametrize("count", [2, 3])
def test_processes_compute_what_one_does_without_statistics_of_their_own(trained, count):
    alone, together = trained[1, 0], trained[count, 0]
    for ours, theirs in zip(together["history"], alone["history"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, value in together["state"].items():
        assert torch.allclose(value, alone["state"][name], rtol=0, atol=1e-9), name
    for rank in range(1, count):
        assert trained[count, rank]["history"] == together["history"]
        assert same(trained[count, rank]["state"], together["state"])


WHY, NO_SPACE = "This is why.", "This is why: No space left on device"  # see disk.py
SECOND = "Training process 2 of 2"
FAILURES = {  # of a process, and of the training: its sentence begins so
    "mistake": (InputError(WHY), InputError, WHY),
    "interrupt": (TrainingInterrupted(WHY), TrainingInterrupted, WHY),
    "exception": (KeyError(WHY), InputError, f"{SECOND} failed with KeyError: '{WHY}"),
    "disk": (OSError(errno.ENOSPC, NO_SPACE), OSError, f"[Errno 28] {NO_SPACE}"),
    "kill": (None, InputError, f"{SECOND} ended with SIGKILL, possibly because"),
}


def fail(how: str, collective: Callable[..., object]) -> None:
    """Fail in rank 1, while rank 0 waits for it."""
    if processes.rank() == 1:
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FAILURES[how][0]
    collective(how)


def wait_for_ever(_: str) -> None:
    """Wait as under NCCL: a lost peer goes unnoticed, and SIGTERM too."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    while True:
        time.sleep(1)


@pytest.mark.parametrize("how", FAILURES)
def test_process_that_fails_alone_ends_the_others_with_one_sentence(how, caplog):
    _, kind, sentence = FAILURES[how]
    before = set(multiprocessing.active_children())
    with forked_processes(), pytest.raises(kind) as caught:
        launch(fail, how, processes.gather, count=2, device="cpu")
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)
    assert set(multiprocessing.active_children()) <= before
    assert how != "exception" or "raise FAILURES[how]" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exception", "kill"])
def test_processes_that_do_not_notice_the_failure_are_ended(how):
    before = set(multiprocessing.active_children())
    with pytest.raises(InputError, match="process 2 of 2"):
        launch(fail, how, wait_for_ever, count=2, device="cpu")
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.slow
def test_torchrun_starts_the_courses_command_in_several_processes(tmp_path):
    write_faces(tmp_path / "train.h5")
    write_faces(tmp_path / "test.h5", 20, 1)
    outcome = run_python(
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, SCRIPTS / "train.py",
        "--data_root", tmp_path, "-e", 1, "-z", 16, "--threads", 1, "--no_progress_bar",
        "--save_path", tmp_path / "model.pt",
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("Accuracy = ") == 1
    assert outcome.stderr.count("Device:") == outcome.stderr.count("epoch 1, learning_rate") == 1
    assert model_file.read(tmp_path / "model.pt")["training"]["epoch"] == 1
