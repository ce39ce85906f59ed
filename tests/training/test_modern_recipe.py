"""A training with the changed faces, the moving average and the schedule of the modern recipe."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from helpers.training import (
    MODERN,
    QUICK,
    SMALL,
    make_trainer,
    new_network,
    same,
    terminated_before,
    train,
    weights_of,
    write_faces,
)
from renet.network import inference, kinds, model_file
from renet.training import loop, train_step
from renet.training.folder import Checkpoint


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    faces = write_faces(folder / "train.h5")
    faces = dataclasses.replace(faces, ages=np.linspace(1, 90, len(faces)))
    return faces, write_faces(folder / "validation.h5", 20, 1)


FROZEN = MODERN.replace(freeze=["bn0", "conv1"])  # also after a resume


@pytest.fixture(scope="module")
def trained(faces):
    return train(faces, FROZEN)


@pytest.mark.parametrize(
    ("update", "sync_every", "saved"), [(2, 1, 2), (6, 1, 6), (9, 1, 9), (7, 4, 10), (11, 4, 12)]
)
def test_resumed_training_has_the_same_bytes_also_where_metrics_are_read_rarely_as_on_a_gpu(
    faces, trained, update, sync_every, saved, tmp_path, monkeypatch
):
    monkeypatch.setitem(loop.SYNC_EVERY, "cpu", sync_every)
    checkpoint = Checkpoint(tmp_path, seconds=3600)
    with terminated_before(update):
        make_trainer(faces, FROZEN).run(checkpoint)
    again = make_trainer(faces, FROZEN, checkpoint.load())
    assert 6 * again.epoch + again.epoch_step == saved
    again.run()
    assert same(weights_of(trained), weights_of(again)) and again.history == trained.history
    model_file.save(tmp_path / "a.pt", trained.model)
    model_file.save(tmp_path / "b.pt", again.model)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_rate_of_each_epoch_is_in_the_history(trained):
    steps = 6  # of 8 faces each: 44 faces
    expected = [train_step.learning_rate(MODERN, epoch * steps - 1, steps) for epoch in (1, 2, 3)]
    assert [row["learning_rate"] for row in trained.history] == pytest.approx(expected)


def test_validation_selection_and_model_use_the_moving_average(faces):
    seen: list = []
    trainer = train(
        faces, MODERN.replace(select_epoch="last"),
        after_epoch=lambda now: seen.append(copy.deepcopy((now.model, now.average.network))),
    )  # fmt: skip
    model, average = (network.state_dict() for network in seen[-1])
    assert not same(model, average) and same(weights_of(trainer), average)
    logits = inference.logits(trainer.model, faces[1].pixels, torch.device("cpu"))
    accuracy = (logits.argmax(1) == faces[1].targets).mean()
    assert trainer.history[-1]["validation_accuracy"] == accuracy


@pytest.mark.parametrize(
    ("option", "value"), [("augment", ["noise"]), ("mixup", 0.4), ("seed", 2), ("warm_up", 1)]
)
def test_each_option_changes_the_result(faces, option, value):
    course = QUICK.replace(epochs=1)
    changed = train(faces, course.replace(**{option: value}))
    assert not same(weights_of(train(faces, course)), weights_of(changed))


@pytest.mark.parametrize("shape", [SMALL, SMALL.replace(classifier="plain")])
def test_flip_average_gives_a_face_and_its_mirror_image_one_prediction(shape, tmp_path):
    network = new_network(shape.replace(flip_average=True))
    model_file.save(tmp_path / "model.pt", network)
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    loaded = model_file.load(tmp_path / "model.pt").eval()
    once = loaded.logits(pixels)
    torch.testing.assert_close(loaded(pixels), (once + loaded.logits(pixels.flip(3))) / 2)
    torch.testing.assert_close(loaded(pixels), loaded(pixels.flip(3)))
    assert not torch.allclose(loaded(pixels), once)
    plain = kinds.build((3, 32, 32), shape)
    plain.load_state_dict(loaded.state_dict())
    assert torch.equal(plain.train()(pixels), loaded.train()(pixels))  # trained as without
