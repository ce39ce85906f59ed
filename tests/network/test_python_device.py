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
    SMALL,
    SMALL_KINDS,
    after_each_update,
    new_network,
    write_faces,
)
from renet.config.model import AnyArchitecture
from renet.config.train import Recipe
from renet.dataset import hdf5
from renet.network import devices, layer_profile
from renet.network.batch_norm import BatchNorm
from renet.network.model import infer
from renet.prediction import saliency
from renet.prediction.predictor import Predictor
from renet.training import loop, train_step
from renet.training.loop import Trainer
from renet.training.settings import RunSettings

pytestmark = pytest.mark.skipif(python_device.REGISTER is None, reason=python_device.MISSING)


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


def made(folder: Path, recipe: Recipe, model: AnyArchitecture = SMALL) -> Trainer:
    faces = [hdf5.read(folder / name) for name in ("train.h5", "validation.h5")]
    return loop.build(RunSettings(model, recipe), device(), *faces)


def copies_and_waits(folder: Path) -> dict:
    """Counts of one update of a training."""
    trainer, seen = made(folder, MODERN.replace(epochs=2)), []
    with after_each_update(lambda: seen.append(counts.copy())):
        trainer.run(show_progress=False)
    assert len(trainer.step._captured) == 2  # a full batch, and the last one
    return seen[1] - seen[0]


def test_update_has_few_copies_and_no_wait(apart):
    counted = apart(copies_and_waits)
    assert counted["waits"] == 0
    # Pixels and targets; for the changes keys and rows, their numbers, and weights for mixup.
    assert counted["copies"] <= 5


def inspect(folder: Path, kind: str) -> list[dict]:
    """What is computed with a network, on the CPU and on the device."""
    pixels, found = hdf5.read(folder / "train.h5").pixels, []
    for on in (torch.device("cpu"), device()):
        network = new_network(SMALL_KINDS[kind])
        network.train()(torch.from_numpy(pixels))  # moves the running statistics
        predictor = Predictor(network, folder).placed(on, "float32")
        found.append({
            "prediction": predictor.probabilities(pixels),
            "saliency": saliency.occlusion(network, pixels[0], on),
            "layers": layer_profile.describe(network),
        })  # fmt: skip
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL_KINDS)
def test_prediction_saliency_and_layers_are_those_of_the_cpu(apart, kind):
    on_the_cpu, on_the_device = apart(inspect, kind)
    assert on_the_cpu["layers"] == on_the_device["layers"]
    for name in ("prediction", "saliency"):
        np.testing.assert_allclose(on_the_device[name], on_the_cpu[name], rtol=1e-3, atol=1e-4)


def wait(folder: Path) -> list[str]:
    """The kinds of waits and mistakes that are noticed, none in an update or a prediction."""
    on, noticed = device(), []
    model = devices.to_device(new_network(), on)
    step = train_step.TrainStep(model, Recipe(batch_size=4, precision="bfloat16"))
    batch = torch.zeros((4, 3, 32, 32), dtype=torch.uint8).to(on), torch.zeros(4).long().to(on)
    step(*batch)
    torch.cuda.set_sync_debug_mode("error")
    step(*batch)
    infer(model.eval(), batch[0], "bfloat16")
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
    "mixed with the CPU": lambda values: values + torch.ones(3),
}


def test_host_waits_neither_in_training_nor_in_prediction(apart):
    """`benchmarks/gpu_check.py` has the other networks and float32, which take longer."""
    assert apart(wait) == list(WAITS)  # each kind of wait would be noticed


def normalise_one_value(folder: Path) -> list[float]:
    """The gradient of the bias."""
    norm = devices.to_device(BatchNorm(3), device()).train()
    norm(torch.ones(1, 3, 1, 1).to(device()).requires_grad_()).sum().backward()
    return norm.bias.grad.tolist()


def test_batch_of_a_single_value_has_gradients_on_a_gpu(apart):
    assert apart(normalise_one_value) == [1, 1, 1]


def sweep(folder: Path) -> tuple[set, dict]:
    """The types of layer normalisation's inputs and outputs in bfloat16, and the history."""
    recipe, seen = MODERN.replace(epochs=1, precision="bfloat16"), set()
    trainer = made(folder, recipe, SMALL.replace(residual=True, sweep_norm=True))
    trainer.model.rnn1.norm.register_forward_hook(
        lambda _, given, out: seen.add((given[0].dtype, out.dtype))
    )
    trainer.run(show_progress=False)
    return seen, trainer.history[0]


@pytest.mark.slow
def test_sweeps_in_bfloat16_are_normalised_in_bfloat16_on_a_gpu(apart):
    """Unlike by CUDA's autocast."""
    types, row = apart(sweep)
    assert types == {(torch.bfloat16, torch.bfloat16)} and np.isfinite(row["loss"])
