"""Processes that train together compute what one process does, and end together."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from helpers.project import SCRIPTS
from helpers.training import QUICK, SMALL, write_faces
from renet.common.errors import InputError, TrainingInterrupted
from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.network import model_file
from renet.network.batch_norm import BatchNorm
from renet.training import process_group, run
from renet.training.process_group import ProcessGroup
from renet.training.run import RunSettings
from renet.training.trainer import BatchSlice


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_slices_are_disjoint_and_complete(count, size):
    rows = np.arange(count)
    parts = [rows[ProcessGroup(rank, size).slice_of(count)] for rank in range(size)]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_weights_make_the_mean_over_processes_the_mean_over_the_batch():
    for count in (1, 5, 8):
        losses = np.random.default_rng(count).random(count)
        slices = [BatchSlice.of(np.arange(count), ProcessGroup(rank, 3)) for rank in range(3)]
        means = [losses[part.rows].mean() * part.loss_weight for part in slices]
        assert np.mean(means) == pytest.approx(losses.mean())
        assert all(part.batch_size == count for part in slices)


def train_and_save(group: ProcessGroup, folder: str, recipe: Recipe) -> None:
    """Train in one process of a test, and save weights and history."""
    faces = hdf5.read(f"{folder}/train.h5"), hdf5.read(f"{folder}/validation.h5")
    trainer = run.build(RunSettings(SMALL, recipe), *faces, group)
    trainer.run()
    outcome = {"history": trainer.history, "state": trainer.model.state_dict()}
    torch.save(outcome, f"{folder}/outcome-{recipe.processes}-{group.rank}.pt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[tuple[int, int], dict]:
    """The outcome of the same training in one process, and in each of two and of three."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder / "train.h5", 41)  # a last batch of one face: less than there are processes
    write_faces(folder / "validation.h5", 20, 1)
    outcomes = {}
    for count in (1, 2, 3):
        options = {"processes": count, "sync_batchnorm": True, "precision": "float64"}
        recipe = Recipe(**vars(QUICK) | options)
        process_group.launch(count, "cpu", train_and_save, str(folder), recipe)
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


def normalise(group: ProcessGroup, folder: str) -> None:
    """Normalise this process's slice of some maps, forward and backward."""
    maps, weights = torch.load(f"{folder}/maps.pt")
    ours = maps[group.slice_of(len(maps))].requires_grad_()
    layer = BatchNorm(maps.shape[1]).double()
    layer.synchronised = group.world_size > 1
    outputs = layer(ours)
    (outputs * weights[group.slice_of(len(maps))]).sum().backward()
    gradients = [ours.grad, layer.weight.grad, layer.bias.grad]
    statistics = [layer.running_mean, layer.running_var]
    torch.save(
        [outputs.detach(), gradients, statistics], f"{folder}/{group.world_size}-{group.rank}.pt"
    )


def test_common_statistics_and_their_gradients_are_those_of_the_whole_batch(tmp_path):
    maps = torch.randn(5, 3, 4, 2, dtype=torch.double) * 3 + 100
    torch.save([maps, torch.randn_like(maps)], tmp_path / "maps.pt")
    for count in (1, 2):
        process_group.launch(count, "cpu", normalise, str(tmp_path))
    outputs, (of_maps, of_weight, of_bias), statistics = torch.load(tmp_path / "1-0.pt")
    first, second = (torch.load(tmp_path / f"2-{rank}.pt") for rank in (0, 1))
    assert torch.allclose(torch.cat([first[0], second[0]]), outputs, atol=1e-9)
    assert torch.allclose(torch.cat([first[1][0], second[1][0]]), of_maps, atol=1e-9)
    assert torch.allclose(first[1][1] + second[1][1], of_weight, atol=1e-9)
    assert torch.allclose(first[1][2] + second[1][2], of_bias, atol=1e-9)
    for ours, theirs in zip(first[2], statistics, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


def fail(group: ProcessGroup, how: str) -> None:
    """Fail in rank 1, while rank 0 waits for it."""
    if group.rank == 1:
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        error = TrainingInterrupted if how == "interrupt" else InputError
        raise error(f"This is why: {how}.")
    group.barrier()


def test_killed_process_ends_the_others_with_an_error():
    with pytest.raises(InputError, match=r"Training process \d of 2 exited without a message"):
        process_group.launch(2, "cpu", fail, "kill")


@pytest.mark.parametrize(
    ("how", "kind"), [("mistake", InputError), ("interrupt", TrainingInterrupted)]
)
def test_error_of_one_process_is_that_of_all(how, kind):
    with pytest.raises(kind, match=f"This is why: {how}"):
        process_group.launch(2, "cpu", fail, how)


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
    assert model_file.read(tmp_path / "model.pt")["training"]["epoch"] == 1
