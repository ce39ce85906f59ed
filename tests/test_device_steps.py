"""What a GPU needs of a step, checked without one: types without data, and no wait for the host.

PyTorch for CPUs can neither compute gradients of fake tensors on `cuda:0` nor take a slice of one.
The fake tensors are therefore on the CPU, and go the ways that a GPU's tensors go.
"""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from helpers.host_waits import HostWaits, NoHostWaits
from helpers.training import SMALL
from renet.config.recipe import Recipe
from renet.network import batch_norm, devices, inference
from renet.network.kinds.renet import ReNet, init_weights
from renet.network.model import infer
from renet.training import train_step

CELLS = ["tanh", "relu", "gru", "lstm"]
PRECISIONS = ["float32", "tf32", "bfloat16", "float64"]


@pytest.fixture
def on_a_gpus_way(monkeypatch) -> None:
    """Take the branches of a GPU."""
    monkeypatch.setattr(batch_norm, "has_accurate_sums", lambda device: True)


def network(cell: str, precision: str) -> ReNet:
    model = ReNet((3, 32, 32), dataclasses.replace(SMALL, cell=cell))
    init_weights(model, 1)
    return devices.to_device(model, torch.device("cpu"), precision).train()


def make_fake(model: ReNet) -> None:
    """Replace the tensors of a network by fake ones; in a FakeTensorMode."""
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
                tensors[name] = nn.Parameter(fake) if tensors is module._parameters else fake


def batch(count: int = 8) -> tuple[Tensor, Tensor]:
    """Pixels and targets."""
    pixels = torch.zeros((count, 3, 32, 32), dtype=torch.uint8)
    return pixels, torch.zeros(count, dtype=torch.int64)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_step_needs_no_data_and_keeps_types_and_layouts(on_a_gpus_way, cell, precision):
    model = network(cell, precision)
    dtype = torch.float64 if precision == "float64" else torch.float32
    with FakeTensorMode():  # raises where a value would be read
        make_fake(model)
        step = train_step.TrainStep(model, Recipe(batch_size=8, precision=precision))
        step(*batch())
        for name, parameter in model.named_parameters():
            momentum = step.optimizer.state[parameter]["momentum_buffer"]
            for tensor in (parameter, parameter.grad, momentum):
                # A product with another layout would be copied at each step.
                assert (tensor.dtype, tensor.stride()) == (dtype, parameter.stride()), name
        assert {buffer.dtype for buffer in model.buffers()} == {dtype}
        logits = infer(model.eval(), batch()[0], precision)
        assert (logits.shape, logits.dtype) == ((8, 2), dtype)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_host_waits_neither_in_training_nor_in_validation(on_a_gpus_way, cell, precision):
    model = network(cell, precision)
    step = train_step.TrainStep(model, Recipe(batch_size=8, precision=precision))
    step(*batch())  # the first one makes the momentum buffers
    pixels, targets = batch()
    with NoHostWaits():
        step(pixels, targets)
        infer(model.eval(), pixels, precision)


def test_host_waits_once_in_a_validation_of_several_batches(on_a_gpus_way, monkeypatch):
    monkeypatch.setitem(inference.BATCH_SIZE, "cpu", 8)
    model, pixels = network("tanh", "float32"), np.zeros((20, 3, 32, 32), np.uint8)
    with NoHostWaits():
        logits = inference.logits(model, pixels, torch.device("cpu"))
    assert logits.shape == (20, 2)


WAITS = {
    "number": lambda values: values.sum().item(),
    "condition": lambda values: bool(values.any()),
    "equality": lambda values: torch.equal(values, values),
    "places": lambda values: values.nonzero(),
    "mask": lambda values: values[values > 0],
    "assignment by a mask": lambda values: values.index_put_((values > 0,), values[0]),
    "distinct values": lambda values: values.unique(),
    "constant": lambda values: values + torch.tensor([1.0, 2.0, 3.0]),
    "new constant": lambda values: values + values.new_tensor([1.0, 2.0, 3.0]),
    "other device": lambda values: values.to("meta"),
    "copy from another device": lambda values: torch.empty(3, device="meta").copy_(values),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_each_kind_of_wait_is_noticed(wait):
    values = torch.ones(3)
    with pytest.raises(HostWaits), NoHostWaits():
        wait(values)


@pytest.mark.parametrize("read", [Tensor.item, Tensor.tolist, Tensor.numpy])
def test_step_with_fake_tensors_notices_what_is_read(read):
    with pytest.raises((DataDependentOutputException, RuntimeError)), FakeTensorMode():
        read(torch.ones(1))


def test_wait_in_the_backward_pass_is_noticed(on_a_gpus_way):
    model = network("tanh", "float32")
    step = train_step.TrainStep(model, Recipe(batch_size=8))
    model.conv1.weight.register_hook(lambda gradient: gradient / gradient.norm().item())
    with pytest.raises(HostWaits, match="_local_scalar_dense"), NoHostWaits():
        step(*batch())
