"""Trainings and predictions on a device that Python defines, in a process of its own.

The quick tests hold that neither an update nor a prediction waits; the others take minutes.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import python_device
from helpers.python_device import counts
from helpers.training import (
    MODERN,
    QUICK,
    SMALL,
    SMALL_KINDS,
    after_each_update,
    in_float64,
    new_network,
    terminated_before,
    weights_of,
    write_faces,
)
from renet.config.model import AnyArchitecture
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.model import infer
from renet.pages import layer_profile, saliency
from renet.prediction.predictor import Predictor
from renet.training import loop, train_step
from renet.training.folder import Checkpoint
from renet.training.loop import Trainer
from renet.training.settings import RunSettings

pytestmark = pytest.mark.skipif(python_device.REGISTER is None, reason=python_device.MISSING)
CPU = torch.device("cpu")
COURSE = QUICK.replace(epochs=2)
SWEEPS = SMALL.replace(residual=True, sweep_norm=True)
RECIPES = {"course": COURSE, "modern": MODERN.replace(epochs=2)}
each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """Calls a function, with the folder of the faces first, in the process with the device."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder / "train.h5", 28)
    write_faces(folder / "validation.h5", 10, 1)
    with python_device.process() as process:
        yield lambda function, *more: process.submit(function, folder, *more).result()


def device() -> torch.device:
    return torch.device(python_device.NAME, 0)


def made(
    folder: Path,
    recipe: Recipe,
    model: AnyArchitecture = SMALL,
    saved: dict | None = None,
    on: torch.device | None = None,
) -> Trainer:
    """A training on the device, or on another one."""
    faces = [hdf5.read(folder / name) for name in ("train.h5", "validation.h5")]
    return loop.build(RunSettings(model, recipe), on or device(), *faces, saved=saved)


def result(trainer: Trainer) -> tuple[dict, list]:
    """Weights, on the CPU, and history of a training, which is run."""
    trainer.run(show_progress=False)
    return {name: value.cpu() for name, value in weights_of(trainer).items()}, trainer.history


def copies_and_waits(folder: Path, recipe: Recipe) -> dict:
    """Counts of one update of a training."""
    trainer, seen = made(folder, recipe), []
    with after_each_update(lambda: seen.append(counts.copy())):
        trainer.run(show_progress=False)
    assert len(trainer.step._captured) == 2  # a full batch, and the last one
    return seen[1] - seen[0]


@pytest.mark.parametrize(
    "recipe", [pytest.param(COURSE, marks=slow), RECIPES["modern"]], ids=RECIPES
)
def test_update_has_few_copies_and_no_wait(apart, recipe):
    counted = apart(copies_and_waits, recipe)
    assert counted["waits"] == 0
    # Pixels and targets; for the changes keys and rows, their numbers, and weights for mixup.
    assert counted["copies"] <= (5 if recipe.augment else 2)


def train_kind(folder: Path, kind: str, recipe: Recipe) -> tuple[dict, list]:
    return result(made(folder, recipe.replace(epochs=1, batch_size=14), SMALL_KINDS[kind]))


@slow
@pytest.mark.parametrize("kind", SMALL_KINDS)
@each_recipe
def test_each_kind_of_network_trains_with_each_recipe(apart, recipe, kind):
    weights, (row,) = apart(train_kind, kind, recipe)
    assert np.isfinite([row["loss"], row["validation_loss"]]).all()
    assert all(value.isfinite().all() for value in weights.values())


@in_float64()
def move(folder: Path, recipe: Recipe, stops: Path) -> list:
    """Trainings that go from the CPU to the device after an epoch, the other way, and neither."""
    results = []
    for first, second in ((CPU, device()), (device(), CPU)):
        checkpoint = Checkpoint(stops / first.type, seconds=3600, gap=0)
        with terminated_before(6):
            made(folder, recipe, on=first).run(checkpoint, show_progress=False)
        results.append(result(made(folder, recipe, saved=checkpoint.load(), on=second)))
    return [*results, result(made(folder, recipe, on=CPU))]


@slow
@each_recipe
def test_training_continues_on_another_device(apart, recipe, tmp_path):
    *moved, stayed = apart(move, recipe, tmp_path)
    for weights, history in moved:
        assert history[-1] == pytest.approx(stayed[1][-1], rel=1e-6)
        for name, value in stayed[0].items():
            torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-7)


def inspect(folder: Path, kind: str) -> list[dict]:
    """What is computed with a network, on the CPU and on the device."""
    pixels, found = hdf5.read(folder / "train.h5").pixels, []
    for on in (CPU, device()):
        network = new_network(SMALL_KINDS[kind])
        network.train()(torch.from_numpy(pixels))  # moves the running statistics
        predictor = Predictor(network, folder).placed(on, "float32")
        found.append({
            "prediction": predictor.probabilities(pixels),
            "saliency": saliency.occlusion(network, pixels[0], on),
            "layers": layer_profile.describe(network).to_dict("list"),
        })  # fmt: skip
    return found


@slow
@pytest.mark.parametrize("kind", SMALL_KINDS)
def test_prediction_saliency_and_layers_are_those_of_the_cpu(apart, kind):
    on_the_cpu, on_the_device = apart(inspect, kind)
    assert on_the_cpu["layers"] == on_the_device["layers"]
    for name in ("prediction", "saliency"):
        np.testing.assert_allclose(on_the_device[name], on_the_cpu[name], rtol=1e-3, atol=1e-4)


def wait(folder: Path, cell: str, precision: str) -> list[str]:
    """The kinds of waits that are noticed, and not one in an update or a prediction."""
    on, noticed = device(), []
    model = devices.to_device(new_network(SMALL.replace(cell=cell)), on)
    step = train_step.TrainStep(model, Recipe(batch_size=4, precision=precision))
    batch = torch.zeros((4, 3, 32, 32), dtype=torch.uint8).to(on), torch.zeros(4).long().to(on)
    step(*batch)
    torch.cuda.set_sync_debug_mode("error")
    step(*batch)
    infer(model.eval(), batch[0], precision)
    values = torch.ones(3, device=on)
    for name, call in WAITS.items():
        try:
            call(values)
        except RuntimeError:
            noticed.append(name)
    torch.cuda.set_sync_debug_mode("default")
    return noticed


WAITS = {
    "number": lambda values: values.sum().item(),
    "numbers": lambda values: values.tolist(),
    "condition": lambda values: bool(values.any()),
    "places": lambda values: values.nonzero(),
    "mask": lambda values: values[values > 0],
    "constant": lambda values: values + torch.tensor([1.0, 2.0, 3.0], device=values.device),
    "copy": lambda values: values.cpu(),
}


@pytest.mark.parametrize("precision", [pytest.param("float32", marks=slow), "bfloat16"])
@pytest.mark.parametrize(
    "cell", ["tanh", *(pytest.param(cell, marks=slow) for cell in ("relu", "gru", "lstm"))]
)
def test_host_waits_neither_in_training_nor_in_prediction(apart, cell, precision):
    assert apart(wait, cell, precision) == list(WAITS)  # each kind of wait would be noticed


def normalise_one_value(folder: Path) -> list[float]:
    """The gradient of the bias."""
    norm = devices.to_device(BatchNorm(3), device()).train()
    norm(torch.ones(1, 3, 1, 1).to(device()).requires_grad_()).sum().backward()
    return norm.bias.grad.tolist()


def test_batch_of_a_single_value_has_gradients_on_a_gpu(apart):
    assert apart(normalise_one_value) == [1, 1, 1]


def plant(folder: Path) -> str:
    """The error where a tensor of the CPU is among those of the device."""
    trainer = made(folder, COURSE)
    trainer.model.bn1.running_mean = trainer.model.bn1.running_mean.cpu()
    with pytest.raises(python_device.Mixed) as error:
        trainer.run(show_progress=False)
    return str(error.value)


@slow
def test_planted_tensor_of_the_cpu_is_reported(apart):
    assert "mixes the device with tensors of the CPU" in apart(plant)


def sweep(folder: Path) -> tuple[set, dict]:
    """The types of layer normalisation's inputs and outputs in bfloat16, and the history."""
    recipe, seen = RECIPES["modern"].replace(epochs=1, precision="bfloat16"), set()
    trainer = made(folder, recipe, SWEEPS)
    trainer.model.rnn1.norm.register_forward_hook(
        lambda _, given, out: seen.add((given[0].dtype, out.dtype))
    )
    return seen, result(trainer)[1][0]


@slow
def test_sweeps_in_bfloat16_are_normalised_in_bfloat16_on_a_gpu(apart):
    """Unlike by CUDA's autocast."""
    types, row = apart(sweep)
    assert types == {(torch.bfloat16, torch.bfloat16)} and np.isfinite(row["loss"])
