"""Trainings and predictions on a device that Python defines, in a process of its own.

The quick tests hold that neither an update nor a prediction waits; benchmarks/gpu_check.py compares
the numbers of a GPU with those of a CPU.
"""

from pathlib import Path

import pytest
import torch

from helpers import python_device
from helpers.python_device import counts
from helpers.training import MODERN, SMALL, after_each_update, new_network, write_faces
from renet.dataset import hdf5
from renet.network import devices
from renet.network.model import infer
from renet.training import loop
from renet.training.settings import RunSettings

pytestmark = pytest.mark.skipif(python_device.REGISTER is None, reason=python_device.MISSING)
WAITS = {
    "number": lambda values: values.sum().item(),
    "numbers": lambda values: values.tolist(),
    "condition": lambda values: bool(values.any()),
    "places": lambda values: values.nonzero(),
    "mask": lambda values: values[values > 0],
    "constant": lambda values: values + torch.tensor([1.0, 2.0, 3.0], device=values.device),
    "copy": lambda values: values.cpu(),
}


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """Calls a function, with the folder of the faces, in the process with the device."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder / "train.h5", 28)
    write_faces(folder / "validation.h5", 10, 1)
    with python_device.process() as process:
        yield lambda function: process.submit(function, folder).result()


def device() -> torch.device:
    return torch.device(python_device.NAME, 0)


def count_in_an_update(folder: Path) -> dict:
    faces = [hdf5.read(folder / name) for name in ("train.h5", "validation.h5")]
    trainer, seen = loop.build(RunSettings(SMALL, MODERN.replace(epochs=2)), device(), *faces), []
    with after_each_update(lambda: seen.append(counts.copy())):
        trainer.run(show_progress=False)
    assert len(trainer.step._captured) == 2  # a full batch, and the last one
    return seen[1] - seen[0]


def test_update_has_few_copies_and_no_wait(apart):
    counted = apart(count_in_an_update)
    assert counted["waits"] == 0
    # Pixels and targets; for the changes keys and rows, their numbers, and weights for mixup.
    assert counted["copies"] <= 5


def count_in_predictions_and_operations(_: Path) -> dict[str, int]:
    """The waits of a prediction, and of operations that wait once each."""
    model = devices.to_device(new_network(), device()).eval()
    pixels, values = torch.zeros(4, 3, 32, 32, dtype=torch.uint8).to(device()), torch.ones(3)
    found, values = {}, values.to(device())
    for name, call in ({"prediction": lambda _: infer(model, pixels, "float32")} | WAITS).items():
        before = counts["waits"]
        call(values)
        found[name] = counts["waits"] - before
    with pytest.raises(RuntimeError, match="mixes the device with tensors of the CPU"):
        values + torch.ones(3)
    return found


def test_prediction_does_not_wait_and_each_kind_of_wait_would_be_noticed(apart):
    expected = {"prediction": 0} | dict.fromkeys(WAITS, 1)
    assert apart(count_in_predictions_and_operations) == expected
