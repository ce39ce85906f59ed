"""Training follows the recipe, can be interrupted anywhere, and is the course's command line."""

import errno
import io
import math
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from helpers.project import SCRIPTS, run_script
from helpers.training import QUICK, SMALL, make_trainer, same, weights_of, write_faces
from renet.common.errors import InputError
from renet.config.recipe import Recipe
from renet.network import models
from renet.training import checkpoints
from renet.training.trainer import HISTORY_COLUMNS, Trainer, epoch_order, to_csv


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "train.h5"), write_faces(tmp_path / "validation.h5", 20, 1)


def test_training_learns_what_can_be_learned(faces):
    trainer = make_trainer(faces, Recipe(epochs=12, batch_size=8, threads=1, learning_rate=0.05))
    trainer.run()
    last = trainer.history[-1]
    assert last["accuracy"] > 0.9 and last["validation_accuracy"] > 0.9
    assert last["loss"] < trainer.history[0]["loss"]


def test_update_is_plain_sgd_on_the_mean_loss_with_decay_of_every_parameter(faces):
    trainer = make_trainer(faces, Recipe(epochs=1, batch_size=44, threads=1, weight_decay=0.1))
    model = models.ReNet((3, 32, 32), SMALL)
    models.initialise(model, 1)
    pixels = torch.from_numpy(np.array(faces[0].pixels))
    F.cross_entropy(model(pixels), torch.from_numpy(faces[0].targets)).backward()
    expected = {
        name: value - 0.01 * (value.grad + 0.1 * value) for name, value in model.named_parameters()
    }
    trainer.run()
    for name, value in trainer.model.named_parameters():
        assert torch.allclose(value, expected[name], atol=1e-6), name


def test_last_short_batch_is_trained_as_it_is(faces):
    sizes = []
    trainer = make_trainer(faces, Recipe(epochs=1, batch_size=8, threads=1))
    update = trainer.step._update
    trainer.step._update = lambda *batch: (sizes.append(len(batch[1])), update(*batch))
    trainer.run()
    assert sizes == [8, 8, 8, 8, 8, 4]


def test_epoch_loss_is_the_mean_over_samples_not_batches(faces):
    recipe = Recipe(epochs=1, batch_size=40, threads=1, learning_rate=1e-12)
    trainer = make_trainer(faces, recipe)
    trainer.run()
    model = trainer.model.train()
    pixels = torch.from_numpy(np.array(faces[0].pixels))
    targets = torch.from_numpy(faces[0].targets)
    losses = torch.cat(
        [
            F.cross_entropy(model(pixels[part]), targets[part], reduction="none")
            for part in (slice(0, 40), slice(40, 44))
        ]
    )
    assert trainer.history[0]["loss"] == pytest.approx(losses.mean().item(), abs=1e-5)


def test_order_is_the_files_unless_reshuffled():
    assert epoch_order(10, Recipe(), 3).tolist() == list(range(10))
    orders = [epoch_order(10, Recipe(reshuffle=True), epoch).tolist() for epoch in (0, 1)]
    assert sorted(orders[0]) == list(range(10)) and orders[0] != orders[1]
    assert orders[0] == epoch_order(10, Recipe(reshuffle=True), 0).tolist()


def test_same_settings_give_the_same_bits(faces):
    first, second = make_trainer(faces), make_trainer(faces)
    first.run()
    second.run()
    assert same(weights_of(first), weights_of(second)) and first.history == second.history


@pytest.mark.parametrize("option", [{"nesterov": True}, {"seed": 2}, {"reshuffle": True}])
def test_option_changes_the_outcome(faces, option):
    first, second = make_trainer(faces), make_trainer(faces, Recipe(**vars(QUICK) | option))
    first.run()
    second.run()
    assert not same(weights_of(first), weights_of(second))


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
def test_other_precisions_learn_too(faces, precision):
    recipe = Recipe(**vars(QUICK) | {"epochs": 8, "precision": precision})
    trainer = make_trainer(faces, recipe)
    trainer.run()
    assert trainer.history[-1]["accuracy"] > 0.85
    dtype = torch.float64 if precision == "float64" else torch.float32
    assert trainer.model.cls.weight.dtype == dtype


def test_best_epoch_is_chosen_by_the_validation_loss(faces):
    recipe = Recipe(**vars(QUICK) | {"keep": "best", "epochs": 6, "learning_rate": 0.3})
    seen = []
    trainer = make_trainer(faces, recipe, after_epoch=lambda now: seen.append(weights_of(now)))
    trainer.run()
    best = int(np.argmin([row["validation_loss"] for row in trainer.history]))
    assert same(weights_of(trainer), seen[best])


class PowerCut(Exception):
    """Stands for whatever ends a process between two steps."""


@pytest.mark.parametrize("epoch", [0, 1, 2])
@pytest.mark.parametrize("seconds", [0.0, math.inf], ids=["before validation", "after an epoch"])
def test_training_goes_on_from_an_epochs_checkpoint_to_the_same_bits(
    faces, tmp_path, monkeypatch, seconds, epoch
):
    monkeypatch.setattr("renet.training.trainer.MUCH_TO_LOSE", seconds)
    whole = make_trainer(faces)
    whole.run()
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")

    def cut_the_power(trainer):
        if trainer.epoch == epoch + 1:
            raise PowerCut

    with pytest.raises(PowerCut):
        make_trainer(faces, checkpoint=checkpoint, after_epoch=cut_the_power).run()
    resumed = make_trainer(faces, checkpoint=checkpoint)
    content = checkpoint.load()
    assert (content is None) == (seconds > 0 and epoch == 0)
    if content:
        assert content["training"]["epoch"] == epoch
        assert (content["training"]["sums"]["images"] == len(faces[0])) == (seconds == 0)
        resumed.restore(content)
    resumed.run()
    assert [row["epoch"] for row in resumed.throughput] == [1, 2, 3]
    assert same(weights_of(whole), weights_of(resumed)) and whole.history == resumed.history


def test_training_goes_on_from_the_middle_of_an_epoch_to_the_same_bits(faces, tmp_path):
    recipe = Recipe(**vars(QUICK) | {"checkpoint_minutes": 1e-9, "reshuffle": True})
    whole = make_trainer(faces, recipe)
    whole.run()
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")
    cut = make_trainer(faces, recipe, checkpoint=checkpoint)
    update, steps = cut.step._update, []

    def step_until_the_power_is_cut(*batch):
        if len(steps) == 9:  # three into the second epoch
            raise PowerCut
        steps.append(batch)
        update(*batch)

    cut.step._update = step_until_the_power_is_cut
    with pytest.raises(PowerCut):
        cut.run()
    resumed = make_trainer(faces, recipe)
    resumed.restore(checkpoint.load())
    assert (resumed.epoch, resumed.sums.steps) == (1, 3)
    resumed.run()
    assert same(weights_of(whole), weights_of(resumed)) and whole.history == resumed.history


def test_damaged_checkpoint_is_named_and_the_previous_one_used(faces, tmp_path, caplog):
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")
    make_trainer(faces, checkpoint=checkpoint).run()
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:1000])
    assert checkpoint.load()["training"]["epoch"] == 2
    assert "checkpoint-a.pt" in caplog.text
    assert (tmp_path / "checkpoint-a.pt.damaged").exists()


def test_checkpoint_that_cannot_be_read_now_stays_where_it_is(faces, tmp_path, monkeypatch):
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")
    make_trainer(faces, checkpoint=checkpoint).run()
    before = sorted(tmp_path.iterdir())

    def fail(*arguments, **options):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(torch, "load", fail)
        with pytest.raises(InputError, match="Input/output error"):
            checkpoint.load()
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoint.load()["training"]["epoch"] == 3


def test_checkpoint_is_found_under_the_same_settings_code_and_data_only(tmp_path):
    parts = [{"train": {"epochs": 3}}, "code", "data"]
    path = checkpoints.path_for(tmp_path, *parts)
    assert path == checkpoints.path_for(tmp_path, *parts)
    others = [[{"train": {"epochs": 4}}, "code", "data"], [parts[0], "other", "data"]]
    assert path not in [checkpoints.path_for(tmp_path, *other) for other in others]


def test_loss_that_is_no_number_stops_with_epoch_and_learning_rate(faces, tmp_path):
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")
    trainer = make_trainer(faces, checkpoint=checkpoint)

    def spoil(trainer):
        if trainer.epoch == 2:
            with torch.no_grad():
                trainer.model.conv1.weight.fill_(torch.nan)

    trainer.after_epoch = spoil
    stopped = r"no finite number in epoch 3, batch 1, at a learning rate of 0\.05"
    with pytest.raises(InputError, match=stopped):
        trainer.run()
    assert checkpoint.load() is not None


def test_network_that_has_died_is_reported(faces, caplog):
    trainer = make_trainer(faces, Recipe(epochs=1, batch_size=44, threads=1))
    with torch.no_grad():
        trainer.model.cls.weight.zero_()
        trainer.model.cls.bias.fill_(-1)
    trainer.run()
    assert "The network has died" in caplog.text


def test_faces_of_other_classes_are_refused(tmp_path):
    write_faces(tmp_path / "train.h5")
    with h5py.File(tmp_path / "train.h5", "a") as store:
        store["output"].attrs["nclass"] = 7
    write_faces(tmp_path / "test.h5")
    outcome = run_script("train.py", "--data_root", tmp_path, "-e", 1)
    assert outcome.returncode == 1 and "has 7 classes of faces" in outcome.stderr


# The course's command line.


@pytest.fixture
def data_root(tmp_path):
    folder = tmp_path / "data_wiki"
    folder.mkdir()
    write_faces(folder / "train.h5")
    write_faces(folder / "test.h5", 20, 1)
    return folder


def test_courses_example_command_trains_saves_and_prints_the_accuracy(data_root, tmp_path):
    outcome = run_script(
        "train.py", *["-b", "cpu", "-e", "2", "-z", "16", "--serialize", "1", "--no_progress_bar"],
        "--data_root", data_root, "--save_path", tmp_path / "model.prm", "-H", 2,
        "-o", tmp_path / "metrics.h5",
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("Accuracy = ") and outcome.stdout.endswith("%\n")
    names = sorted(path.name for path in tmp_path.glob("*.prm"))
    assert names == ["model.prm", "model_1.prm", "model_2.prm"]
    with h5py.File(tmp_path / "metrics.h5") as store:
        accuracy = store["validation_accuracy"][-1]
        assert store["epoch"][...].tolist() == [1, 2]
    assert outcome.stdout == f"Accuracy = {accuracy * 100:.1f}%\n"
    assert "img/s" not in outcome.stderr


def test_going_on_from_a_model_file_equals_training_at_once(data_root, tmp_path):
    common = ["--data_root", data_root, "-z", 16, "--threads", 1]
    at_once = [*common, "-e", 2, "-s", tmp_path / "at_once.pt"]
    first = [*common, "-e", 1, "-s", tmp_path / "first.pt"]
    second = [*common, "-e", 2, "-s", tmp_path / "second.pt", "--model_file", tmp_path / "first.pt"]
    for arguments in (at_once, first, second):
        outcome = run_script("train.py", *arguments)
        assert outcome.returncode == 0, outcome.stderr
    assert same(
        models.read(tmp_path / "at_once.pt")["state"], models.read(tmp_path / "second.pt")["state"]
    )


def test_recipe_counts_after_going_on_not_that_of_the_stored_training(faces, tmp_path):
    first = make_trainer(faces, Recipe(**vars(QUICK) | {"epochs": 1}))
    first.run()
    models.save(tmp_path / "first.pt", first.model, training=first.state())
    second = make_trainer(faces, Recipe(**vars(QUICK) | {"nesterov": True, "learning_rate": 0.5}))
    second.restore(models.read(tmp_path / "first.pt"))
    group = second.optimizer.param_groups[0]
    assert (group["nesterov"], group["lr"]) == (True, 0.5)
    assert second.optimizer.state_dict()["state"]


def test_model_for_faces_of_another_size_is_refused(faces):
    model = models.ReNet((3, 64, 64), SMALL)
    with pytest.raises(
        InputError, match=r"train\.h5 has 2 classes of faces of shape \(3, 32, 32\)"
    ):
        Trainer(model, QUICK, *faces)


def test_missing_data_is_named(tmp_path):
    outcome = run_script("train.py", "--data_root", tmp_path / "data_wiki")
    assert outcome.returncode == 1
    assert "data_wiki/train.h5 does not exist" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("option", ["-e", "-z", "-H", "--eval_freq"])
def test_number_below_one_is_refused(option):
    outcome = run_script("train.py", option, 0)
    assert outcome.returncode == 2 and "must be at least 1" in outcome.stderr


def test_terminated_training_leaves_a_checkpoint(faces, tmp_path):
    """SIGTERM, as a cluster preempts: the job itself is tried through Snakemake elsewhere."""
    program = f"""
import sys
sys.path[:0] = [{str(SCRIPTS)!r}, {str(SCRIPTS.parent.parent / "tests")!r}]
from pathlib import Path
from helpers.training import Recipe, make_trainer
from renet.dataset import hdf5
from renet.training import checkpoints
folder = Path({str(tmp_path)!r})
faces = hdf5.read(folder / "train.h5"), hdf5.read(folder / "validation.h5")
recipe = Recipe(epochs=10**6, batch_size=8, threads=1)
checkpoint = checkpoints.Checkpoint(folder / "checkpoint-a.pt")
make_trainer(faces, recipe, checkpoint=checkpoint).run()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    checkpoint = checkpoints.Checkpoint(tmp_path / "checkpoint-a.pt")
    deadline = time.monotonic() + 60
    while not checkpoint.path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "TrainingInterrupted" in errors
    assert checkpoint.load()["training"]["epoch"] > 0
    assert not list(tmp_path.glob("*.tmp"))


def test_history_holds_no_clock_values(faces):
    trainer = make_trainer(faces)
    trainer.run()
    table = to_csv(trainer.history, HISTORY_COLUMNS)
    assert table.splitlines()[0] == (
        "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy"
    )
    assert len(pd.read_csv(io.StringIO(table))) == 3
