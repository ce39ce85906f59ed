"""What a GPU needs of a step, checked without one: types and layouts follow without data.

PyTorch for CPUs can neither compute gradients of fake tensors on `cuda:0` nor take a slice of one.
The fake tensors are therefore on the CPU, and go the ways that a GPU's tensors go.
"""

import dataclasses

import pytest
import torch
from gpu_bounds import make_fake
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from helpers.training import SMALL, new_network
from renet.config.recipe import Recipe
from renet.network import batch_norm, devices
from renet.network.kinds.renet import ReNet
from renet.network.model import infer
from renet.training import train_step

CELLS = ["tanh", "relu", "gru", "lstm"]
PRECISIONS = ["float32", "bfloat16"]


@pytest.fixture
def on_a_gpus_way(monkeypatch) -> None:
    """Take the branches of a GPU."""
    monkeypatch.setattr(batch_norm, "has_accurate_sums", lambda device: True)


def network(cell: str) -> ReNet:
    model = new_network(dataclasses.replace(SMALL, cell=cell))
    return devices.to_device(model, torch.device("cpu")).train()


def batch(count: int = 8) -> tuple[Tensor, Tensor]:
    """Pixels and targets."""
    pixels = torch.zeros((count, 3, 32, 32), dtype=torch.uint8)
    return pixels, torch.zeros(count, dtype=torch.int64)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_step_needs_no_data_and_keeps_types_and_layouts(on_a_gpus_way, cell, precision):
    model = network(cell)
    with FakeTensorMode():  # raises where a value would be read
        make_fake(model)
        step = train_step.TrainStep(model, Recipe(batch_size=8, precision=precision))
        step(*batch())
        for name, parameter in model.named_parameters():
            momentum = step.optimizer.state[parameter]["momentum_buffer"]
            for tensor in (parameter, parameter.grad, momentum):
                # A product with another layout would be copied at each step.
                assert (tensor.dtype, tensor.stride()) == (torch.float32, parameter.stride()), name
        assert {buffer.dtype for buffer in model.buffers()} == {torch.float32}
        logits = infer(model.eval(), batch()[0], precision)
        assert (logits.shape, logits.dtype) == ((8, 2), torch.float32)


@pytest.mark.parametrize("read", [Tensor.item, Tensor.tolist, Tensor.numpy])
def test_step_with_fake_tensors_notices_what_is_read(read):
    with pytest.raises((DataDependentOutputException, RuntimeError)), FakeTensorMode():
        read(torch.ones(1))
