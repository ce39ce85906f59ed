"""Training follows the recipe, can be interrupted anywhere, and has the course's command line."""

import errno
import logging
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.project import run_script
from helpers.training import (
    QUICK,
    PowerCut,
    after_each_update,
    make_trainer,
    new_network,
    same,
    terminated_before,
    train,
    weights_of,
    write_faces,
)
from renet.common import errors, logs
from renet.common.errors import InputError
from renet.common.history import HISTORY
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.network import devices, inference, model_file
from renet.training import course_command, loop
from renet.training.folder import Checkpoint
from renet.training.loop import Trainer, epoch_order

HOUR = 3600


def test_epoch_loss_is_the_mean_over_samples_of_all_batches_also_a_short_one(faces):
    recipe = Recipe(epochs=1, batch_size=40, threads=1, learning_rate=1e-12)
    trainer = train(faces, recipe)
    model = trainer.model.train()
    pixels = torch.from_numpy(np.array(faces[0].pixels))
    targets = torch.from_numpy(faces[0].targets)
    parts = slice(0, 40), slice(40, 44)
    losses = [F.cross_entropy(model(pixels[p]), targets[p], reduction="sum") for p in parts]
    assert trainer.history[0]["loss"] == pytest.approx(sum(losses).item() / 44, abs=1e-5)


def test_order_is_the_files_unless_each_epoch_is_shuffled():
    assert epoch_order(Recipe(), 10, 3).tolist() == list(range(10))
    shuffled = Recipe(shuffle_each_epoch=True)
    orders = [epoch_order(shuffled, 10, epoch).tolist() for epoch in (0, 1, 0)]
    assert sorted(orders[0]) == list(range(10)) and orders[0] != orders[1]
    assert orders[0] == orders[2] != epoch_order(shuffled.replace(seed=7), 10, 0).tolist()


@pytest.mark.parametrize("first", [0, 1, 3, 5, 6, 9])
def test_batches_from_an_update_on_are_the_last_ones_of_all(first):
    recipe = Recipe(shuffle_each_epoch=True, batch_size=4, epochs=3)  # 3 updates an epoch
    everything, rest = (list(loop.batches(recipe, 10, number)) for number in (0, first))
    assert len(everything) == 9 and repr(rest) == repr(everything[first:])
    assert [len(rows) for _, rows, _ in everything] == [4, 4, 2] * 3


@pytest.mark.parametrize("ema", [0, 0.9])
def test_best_epoch_is_chosen_by_the_validation_loss(faces, ema):
    recipe = QUICK.replace(select_epoch="best", epochs=6, learning_rate=0.3, ema=ema)
    seen = []
    trainer = train(faces, recipe, after_epoch=lambda now: seen.append(deepcopy(now.eval_model)))
    best = int(np.argmin([row["validation_loss"] for row in trainer.history]))
    assert same(weights_of(trainer), seen[best].state_dict())


@pytest.mark.parametrize(("is_validated", "saved_at"), [(False, (0, 6)), (True, (1, 0))])
def test_training_continues_from_an_epochs_checkpoint_to_the_same_bits(
    faces, checkpoint, is_validated, saved_at
):
    """There is one before the validation and one after it."""
    whole, interrupted = train(faces), make_trainer(faces)
    if not is_validated:
        interrupted.validate = Mock(side_effect=PowerCut)
    with pytest.raises(PowerCut), after_each_update(Mock(side_effect=[None] * 6 + [PowerCut])):
        interrupted.run(checkpoint)
    saved = checkpoint.load()
    assert (saved["training"]["epoch"], saved["training"]["steps"]) == saved_at
    resumed = make_trainer(faces, saved=saved)
    resumed.run(checkpoint)
    rows = resumed.throughput.rows
    assert [(row["epoch"], row["images"]) for row in rows] == [(n, 44) for n in (1, 2, 3)]
    assert same(weights_of(whole), weights_of(resumed)) and whole.history == resumed.history


def test_epochs_that_end_soon_after_one_another_write_no_checkpoint(faces, tmp_path):
    train(faces, checkpoint=Checkpoint(tmp_path / "run", HOUR))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("step", [9, 12], ids=["within an epoch", "after its last batch"])
def test_time_of_an_interrupted_epoch_is_that_of_all_its_parts(faces, tmp_path, step):
    checkpoint, interrupted = Checkpoint(tmp_path, HOUR), make_trainer(faces)
    with terminated_before(step), after_each_update(lambda: time.sleep(0.05)):
        interrupted.run(checkpoint)
    assert [row["epoch"] for row in interrupted.throughput.rows] == [1]
    resumed = make_trainer(faces, saved=checkpoint.load())
    resumed.run(checkpoint)
    second = resumed.throughput.rows[1]
    assert (second["epoch"], second["images"]) == (2, 44)
    assert second["seconds"] > 0.05 * (step - 6)
    assert second["images_per_second"] == pytest.approx(44 / second["seconds"], rel=0.01)


def test_checkpoint_that_the_machine_fails_to_read_is_kept(
    faces, tmp_path, checkpoint, monkeypatch
):
    train(faces, checkpoint=checkpoint)
    before = sorted(tmp_path.iterdir())
    error = OSError(errno.EIO, "Input/output error")
    with monkeypatch.context() as broken, pytest.raises(InputError, match="Input/output error"):
        broken.setattr(torch, "load", Mock(side_effect=error))
        checkpoint.load()
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoint.load()["training"]["epoch"] == 3


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    """One that is written after each epoch."""
    return Checkpoint(tmp_path, HOUR, gap=0)


def test_loss_that_is_nan_stops_with_epoch_and_learning_rate(faces, checkpoint):
    trainer = make_trainer(faces, QUICK)
    compute = trainer.step._backward

    def from_epoch_3_on(*batch):
        if trainer.epoch == 2:
            trainer.model.conv1.weight.data.fill_(torch.nan)
        compute(*batch)

    trainer.step._backward = from_epoch_3_on
    stopped = r"The loss is NaN or infinite in epoch 3, batch 1, at a learning rate of 0\.05"
    with pytest.raises(InputError, match=stopped):
        trainer.run(checkpoint)
    assert checkpoint.load()["training"]["epoch"] == 2


@pytest.mark.parametrize("select_epoch", ["last", "best"])
def test_last_update_that_explodes_is_no_success(faces, checkpoint, select_epoch):
    trainer = make_trainer(faces, QUICK.replace(select_epoch=select_epoch))
    exploded = pytest.raises(InputError, match=r"A weight is NaN or infinite in epoch 2, batch \d+")
    weight = trainer.model.conv1.weight.data
    with exploded, after_each_update(lambda: trainer.global_step == 12 and weight.fill_(torch.nan)):
        trainer.run(checkpoint)
    assert checkpoint.load()["training"]["epoch"] == 1


@pytest.mark.parametrize("select_epoch", ["last", "best"])
def test_nan_in_the_validation_is_no_success(faces, checkpoint, monkeypatch, select_epoch):
    monkeypatch.setattr(inference, "logits", lambda *_: np.full((20, 2), np.nan))
    recipe = QUICK.replace(select_epoch=select_epoch)
    with pytest.raises(InputError, match="The validation loss is NaN or infinite in epoch 1"):
        train(faces, recipe, checkpoint=checkpoint)
    assert checkpoint.load()["training"]["epoch"] == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError, "32 GiB wanted"),
        (torch.OutOfMemoryError, "32 GiB wanted"),
        (RuntimeError, "DefaultCPUAllocator: can't allocate memory"),
        (RuntimeError, "CUDA error: out of memory\nCUDA kernel errors might be reported later"),
        (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    ],
)
def test_lack_of_memory_is_a_sentence_that_names_the_batch_size(caplog, error, text):
    logs._log_uncaught(error, error(text), None)
    (record,) = caplog.records
    assert record.message.startswith("This machine or its GPU has too little memory (")
    assert "or lower the batch size of a training" in record.message
    assert record.exc_info is None and "\n" not in record.message
    assert errors.memory_shortage(ValueError("out of memory")) is None


@pytest.fixture
def course(monkeypatch) -> Callable[..., None]:
    """The course's command in this process."""
    monkeypatch.setattr(logs, "start", lambda **_: None)
    monkeypatch.setenv("LOCAL_RANK", "0")

    def train_by(*options: object) -> None:
        monkeypatch.setattr("sys.argv", ["train.py", *map(str, options)])
        course_command.main()

    return train_by


@pytest.fixture
def data_root(tmp_path):
    folder = tmp_path / "data_wiki"
    folder.mkdir()
    write_faces(folder / "train.h5")
    write_faces(folder / "test.h5", 20, 1)
    return folder


def test_courses_example_command_trains_saves_and_prints_the_accuracy(data_root, tmp_path):
    outcome = run_script(
        "train.py", *["-b", "mkl", "-e", "2", "-z", "16", "--serialize", "1", "--no_progress_bar"],
        "--data_root", data_root, "--save_path", tmp_path / "model.prm",
        "-o", tmp_path / "metrics.csv",
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("Accuracy = ") and outcome.stdout.endswith("%\n")
    assert (tmp_path / "model.prm").is_file()
    metrics = HISTORY.read(tmp_path / "metrics.csv")
    assert metrics.epoch.tolist() == [1, 2]
    assert outcome.stdout == f"Accuracy = {metrics.validation_accuracy[1] * 100:.1f}%\n"
    assert "img/s" not in outcome.stderr


@pytest.mark.parametrize(("given", "epochs"), [("--serialize 2", [2, 3]), ("", [1, 2, 3, 3])])
def test_model_is_saved_every_so_many_epochs(course, data_root, monkeypatch, given, epochs):
    saved, model = [], data_root / "model.prm"
    monkeypatch.setattr(
        model_file, "save", lambda path, _, training: saved.append((path, training["epoch"]))
    )
    course(*given.split(), "-e", 3, "-s", model, "--data_root", data_root, "--threads", 1)
    assert saved == [(model, epoch) for epoch in epochs]


def test_continuing_from_a_model_file_equals_training_at_once(course, data_root, tmp_path):
    common = ["--data_root", data_root, "-z", 16, "--threads", 1]
    whole, first, second = (tmp_path / f"{name}.pt" for name in ("whole", "first", "second"))
    course(*common, "-e", 2, "-s", whole)
    course(*common, "-e", 1, "-s", first)
    course(*common, "-e", 2, "-s", second, "--model_file", first)
    assert same(model_file.read(whole)["state"], model_file.read(second)["state"])


def test_command_writes_the_test_predictions_in_the_courses_format(course, data_root, tmp_path):
    write_faces(data_root / "validation.h5", 16, 2)
    model, text = tmp_path / "model.prm", tmp_path / "inference.txt"
    options = ["--data_root", data_root, "-e", 1, "--threads", 1, "-s", model]
    course(*options, "--inference_file", text)
    test = hdf5.read(data_root / "test.h5")
    network = devices.to_device(model_file.load(model), torch.device("cpu"))
    logits = inference.logits(network, test.pixels, torch.device("cpu"))
    header, *lines = text.read_text().splitlines()
    written = [line.strip("[").replace("]", "").split(", ") for line in lines]
    assert header == "inference, target" and len(written) == 20
    values = np.array(written, np.float32)[:, :2]
    np.testing.assert_array_equal(values, inference.softmax(logits).astype(np.float32))
    assert [int(target) for *_, target in written] == test.targets.tolist()


def test_continued_training_has_the_new_recipe_not_the_saved_one(faces, tmp_path):
    first = train(faces, Recipe(**vars(QUICK) | {"epochs": 1}))
    model_file.save(tmp_path / "first.pt", first.model, training=first.state())
    recipe = Recipe(**vars(QUICK) | {"nesterov": True, "learning_rate": 0.5})
    second = make_trainer(faces, recipe, model_file.read(tmp_path / "first.pt"))
    group = second.step.optimizer.param_groups[0]
    assert (group["nesterov"], group["lr"]) == (True, 0.5)
    assert second.step.optimizer.state_dict()["state"]


def test_checkpoint_of_a_run_with_age_groups_is_refused_by_the_command(course, faces, tmp_path):
    trained = train(faces, QUICK.replace(epochs=1, age_weight=0.3))
    model_file.save(tmp_path / "aged.pt", trained.model, training=trained.state())
    with pytest.raises(InputError, match=r"aged\.pt has no state from which this command"):
        course("--model_file", tmp_path / "aged.pt", "--data_root", tmp_path)


@pytest.mark.parametrize(
    ("side", "classes", "sentence"),
    [(64, 2, r"has 2 classes and faces of shape \(3, 32, 32\)"), (32, 7, "has 7 classes")],
)
def test_faces_of_another_size_or_of_other_classes_are_refused(faces, side, classes, sentence):
    with pytest.raises(InputError, match=rf"train\.h5 {sentence}"):
        Trainer(new_network(side=side), QUICK, replace(faces[0], class_count=classes), None)


@pytest.mark.parametrize("option", ["--save_path", "--output_file", "--inference_file"])
@pytest.mark.parametrize(
    ("path", "sentence"),
    [("data_wiki", "because it is a folder"), ("a_file/model.prm", "a_file is not a folder")],
)
def test_file_that_cannot_be_written_is_refused_before_the_training(
    course, data_root, tmp_path, monkeypatch, option, path, sentence
):
    (tmp_path / "a_file").touch()
    monkeypatch.setattr(Trainer, "run", lambda *_, **__: pytest.fail("it has begun"))
    with pytest.raises(InputError, match=f"{tmp_path / path} cannot be written.*{sentence}"):
        course(option, tmp_path / path, "--data_root", data_root, "-e", 1, "--threads", 1)


@pytest.mark.parametrize(("rank", "level"), [(None, "INFO"), ("0", "INFO"), ("1", "WARNING")])
def test_one_process_of_torchrun_says_what_all_do(course, monkeypatch, rank, level):
    started = []
    monkeypatch.delenv("RANK", raising=False)
    if rank:
        monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(course_command, "run_course", lambda *_: None)
    monkeypatch.setattr(logs, "start", lambda level: started.append(logging.getLevelName(level)))
    course()
    assert started == [level]


@pytest.mark.parametrize(("options", "fault"), [
    ("--eval_freq 0", "--eval_freq must be at least 1"), ("--serialize", "needs --save_path, the"),
])  # fmt: skip
def test_options_that_cannot_be_are_refused(course, capsys, options, fault):
    with pytest.raises(SystemExit):
        course(*options.split())
    assert fault in capsys.readouterr().err


def test_epoch_without_a_validation_has_empty_fields(faces, tmp_path):
    recipe = Recipe(**vars(QUICK) | {"validate_every": 2})
    HISTORY.write(tmp_path / "history.csv", HISTORY.frame(train(faces, recipe).history))
    table = HISTORY.read(tmp_path / "history.csv")
    columns = "epoch learning_rate loss accuracy validation_loss validation_accuracy"  # no times
    assert table.columns.tolist() == columns.split()
    assert table.validation_loss.isna().tolist() == [True, False, False]
