"""Processes that train together compute what one process does, and end together."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from helpers.project import SCRIPTS
from helpers.training import QUICK, forked_processes, train_and_save, write_faces
from renet.common.errors import InputError, TrainingInterrupted
from renet.config.recipe import Recipe
from renet.network import model_file
from renet.network.batch_norm import BatchNorm
from renet.training import processes
from renet.training.launch import launch
from renet.training.schedule import part_of_batch


def in_each_of(size: int, function: Callable[[], object]) -> list:
    """What a function returns in each process of a group."""
    results = []
    for rank in range(size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(processes, "size", lambda: size)
            patch.setattr(processes, "rank", lambda rank=rank: rank)
            results.append(function())
    return results


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_parts_are_disjoint_and_complete(count, size):
    rows = np.arange(count)
    parts = [rows[part] for part in in_each_of(size, lambda: processes.part(count))]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))  # the statistics of rank 0 are saved


def test_shares_make_the_sum_over_processes_the_mean_over_the_batch():
    for count in (1, 5, 8):
        losses = np.random.default_rng(count).random(count)
        parts = in_each_of(3, lambda count=count: part_of_batch(np.arange(count)))
        means = [losses[rows].mean() * share for rows, share in parts]
        assert np.sum(means) == pytest.approx(losses.mean())


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[tuple[int, int], dict]:
    """The outcome of the same training in one process, and in each of two and of three."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder / "train.h5", 41)  # a last batch of one face: less than there are processes
    write_faces(folder / "validation.h5", 20, 1)
    outcomes = {}
    for count in (1, 2, 3):
        recipe = Recipe(**vars(QUICK) | {"processes": count, "sync_batchnorm": True})
        with forked_processes():
            launch(train_and_save, str(folder), recipe, count=count, device="cpu")
        for rank in range(count):
            outcomes[count, rank] = torch.load(folder / f"outcome-{count}-{rank}.pt")
    return outcomes


@pytest.mark.parametrize("count", [2, 3])
def test_processes_with_common_statistics_compute_what_one_does(trained, count):
    alone, together = trained[1, 0], trained[count, 0]
    for ours, theirs in zip(together["history"], alone["history"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, value in together["state"].items():
        assert torch.allclose(value, alone["state"][name], rtol=0, atol=1e-9), name


@pytest.mark.parametrize("count", [2, 3])
def test_processes_have_the_same_weights_and_history(trained, count):
    for rank in range(1, count):
        assert trained[count, rank]["history"] == trained[count, 0]["history"]
        for name, value in trained[count, rank]["state"].items():
            assert torch.equal(value, trained[count, 0]["state"][name]), name


def normalise(folder: str) -> None:
    """Normalise this process's slice of some maps, forward and backward."""
    maps, weights = torch.load(f"{folder}/maps.pt")
    ours = maps[processes.part(len(maps))].requires_grad_()
    layer = BatchNorm(maps.shape[1]).double()
    layer.synchronised = processes.size() > 1
    outputs = layer(ours)
    (outputs * weights[processes.part(len(maps))]).sum().backward()
    gradients = [ours.grad, layer.weight.grad, layer.bias.grad]
    statistics = [layer.running_mean, layer.running_var]
    torch.save(
        [outputs.detach(), gradients, statistics],
        f"{folder}/{processes.size()}-{processes.rank()}.pt",
    )


def test_common_statistics_and_their_gradients_are_those_of_the_whole_batch(tmp_path):
    maps = torch.randn(5, 3, 4, 2, dtype=torch.double) * 3 + 100
    torch.save([maps, torch.randn_like(maps)], tmp_path / "maps.pt")
    for count in (1, 2):
        launch(normalise, str(tmp_path), count=count, device="cpu")
    outputs, (of_maps, of_weight, of_bias), statistics = torch.load(tmp_path / "1-0.pt")
    first, second = (torch.load(tmp_path / f"2-{rank}.pt") for rank in (0, 1))
    assert torch.allclose(torch.cat([first[0], second[0]]), outputs, atol=1e-9)
    assert torch.allclose(torch.cat([first[1][0], second[1][0]]), of_maps, atol=1e-9)
    assert torch.allclose(first[1][1] + second[1][1], of_weight, atol=1e-9)
    assert torch.allclose(first[1][2] + second[1][2], of_bias, atol=1e-9)
    for ours, theirs in zip(first[2], statistics, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


def test_maps_without_samples_do_not_move_the_running_statistics():
    layer = BatchNorm(3).train()
    layer.has_samples = False
    maps = torch.randn(1, 3, 4, 4, requires_grad=True)
    layer(maps).sum().backward()
    assert not layer.running_mean.any() and not layer.running_var.any()
    assert torch.equal(maps.grad, torch.zeros_like(maps))


FAILURES = {
    "mistake": InputError("This is why."),
    "interrupt": TrainingInterrupted("This is why."),
    "exception": KeyError("This is why."),
}


def fail(how: str, collective: Callable[[], None]) -> None:
    """Fail in rank 1, while rank 0 waits for it."""
    if processes.rank() == 1:
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FAILURES[how]
    collective()


def wait_for_ever() -> None:
    """Wait as under NCCL: a lost peer goes unnoticed, and SIGTERM too."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    while True:
        time.sleep(1)


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("mistake", InputError, r"This is why\."),
        ("interrupt", TrainingInterrupted, r"This is why\."),
        (
            "exception",
            InputError,
            r"process 2 of 2 failed with KeyError: 'This is why\.'; the log .*",
        ),
        ("kill", InputError, r"process 2 of 2 ended with SIGKILL, possibly .* start again .*"),
    ],
)
def test_process_that_fails_alone_ends_the_others_with_one_sentence(how, kind, message, caplog):
    before = set(multiprocessing.active_children())
    with forked_processes(), pytest.raises(kind, match=rf"\A(Training )?{message}\Z"):
        launch(fail, how, processes.barrier, count=2, device="cpu")
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
    outcome = subprocess.run(
        [
            *[sys.executable, "-m", "torch.distributed.run", "--standalone"],
            *["--nproc-per-node", "2"],
            *[SCRIPTS / "train.py", "--data_root", tmp_path, "-e", "1", "-z", "16"],
            *["--threads", "1", "--save_path", tmp_path / "model.pt", "--no_progress_bar"],
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("Accuracy = ") == 1
    assert outcome.stderr.count("Device:") == outcome.stderr.count("epoch 1, learning_rate") == 1
    assert model_file.read(tmp_path / "model.pt")["training"]["epoch"] == 1
