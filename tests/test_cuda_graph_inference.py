"""Validation on a GPU: from a CUDA graph, with the faces on the device, as the CPU computes it."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from test_kinds import SMALL

from helpers.captured_graphs import CaptureOnCPU
from helpers.training import QUICK, make_trainer, same, weights_of, write_faces
from renet.network import devices, inference, kinds
from renet.network.inference import Inference, captured
from renet.network.loader import DeviceLoader, StreamingLoader
from renet.network.model import infer

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


@pytest.fixture(autouse=True)
def capture(monkeypatch) -> CaptureOnCPU:
    """Takes the place of a GPU's capture."""
    stand_in = CaptureOnCPU()
    monkeypatch.setattr(inference, "GraphCapture", lambda: stand_in)
    return stand_in


def network(kind: str, precision: str = "float32"):
    model = kinds.build((3, 32, 32), SMALL[kind])
    kinds.init_weights(model, 1)
    return devices.to_device(model, CPU, precision)


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), np.uint8)


@torch.no_grad()
def change(model) -> None:
    """As a training does: in place, and the running statistics too."""
    pixels = torch.from_numpy(faces(8))
    model.train()(pixels)
    for parameter in model.parameters():
        parameter.mul_(1.1)
    model.eval()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("kind", SMALL)
def test_replayed_logits_are_those_of_the_network_as_it_is_now(capture, kind, precision):
    model = network(kind, precision)
    change(model)
    compute = functools.partial(infer, model, precision=precision)
    replayed = captured(compute, (8, 3, 32, 32), CPU)
    found, expected = [], []
    for pixels in torch.from_numpy(faces(27)).split(8):
        change(model)
        found.append(replayed(pixels).clone())
        expected.append(infer(model, pixels, precision))
    assert torch.equal(torch.cat(found), torch.cat(expected))
    # The last batch is short.
    assert capture.log == ["warm-up", "capture 1", *["replay 1"] * 3]


@pytest.mark.parametrize(("count", "captures"), [(256, 1), (600, 1), (255, 0)])
def test_step_of_a_validation_is_captured_before_its_faces_fill_the_memory(
    monkeypatch, count, captures
):
    order, model, pixels = [], network("cnn"), faces(count)
    change(model)

    def capture(compute, shape, device):
        assert (shape, device, model.training) == ((256, 3, 32, 32), GPU, False)
        order.append("step")
        return captured(compute, shape, CPU)

    def load(pixels, targets, device, fraction):
        assert (device, fraction) == (GPU, inference.MAX_MEMORY_FRACTION)
        order.append("faces")
        return DeviceLoader(pixels, targets, CPU)

    monkeypatch.setattr(inference, "captured", capture)
    monkeypatch.setattr(inference, "make_loader", load)
    repeated = Inference(model, pixels, GPU, "float32")
    assert order == [*["step"] * captures, "faces"]
    for _ in range(2):
        change(model)
        found = repeated.logits()
        # On a CPU the batches are smaller, and their products are added up in another order.
        assert np.allclose(found, inference.logits(model, pixels, CPU), rtol=0, atol=1e-6)
    assert len(order) == captures + 1


def test_validation_without_memory_for_a_graph_runs_without(monkeypatch, caplog):
    def capture(*arguments):
        raise torch.OutOfMemoryError("2 GiB wanted")

    monkeypatch.setattr(inference, "captured", capture)
    monkeypatch.setattr(inference, "make_loader", lambda p, t, *_: DeviceLoader(p, t, CPU))
    model, pixels = network("cnn"), faces(256)
    change(model)
    found = Inference(model, pixels, GPU, "float32").logits()
    assert np.allclose(found, inference.logits(model, pixels, CPU), rtol=0, atol=1e-6)
    assert "has no CUDA graph: the GPU's memory is too small" in caplog.text


def test_cpu_captures_nothing_and_streams_the_faces(capture):
    repeated = Inference(network("cnn"), faces(300), CPU, "float32")
    assert isinstance(repeated._loader, StreamingLoader) and not capture.log


@pytest.mark.parametrize(
    "options",
    [{}, {"ema": 0.9}, {"ema": 0.9, "select_epoch": "best"}],
    ids=["plain", "ema", "best"],
)
def test_training_with_validation_by_graphs_has_the_same_history(
    capture, monkeypatch, tmp_path, options
):
    """A graph reads the tensors that it was captured with: no part may replace them."""

    class Captured(Inference):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self._infer = captured(self._infer, (8, 3, 32, 32), CPU)

    monkeypatch.setitem(inference.BATCH_SIZE, "cpu", 8)
    recipe = dataclasses.replace(QUICK, **options)
    files = write_faces(tmp_path / "train.h5"), write_faces(tmp_path / "validation.h5", 30, 1)
    trainers = []
    for kind in (Inference, Captured):
        monkeypatch.setattr("renet.training.validation.Inference", kind)
        trainers.append(make_trainer(files, recipe))
        trainers[-1].run()
    assert capture.log == ["warm-up", "capture 1", *["replay 1"] * 9]
    assert trainers[1].history == trainers[0].history
    assert same(*map(weights_of, trainers))
