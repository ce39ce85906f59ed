"""The layers of a network: shapes, parameters, and what each costs in a training step.

The layers run one after the other, each on the output of the one before it, so that the cost of
each is known. A step is the forward and the backward pass of one batch, without loss and
optimizer. A training computes bn0 and conv1 in one, which takes less time than the two here.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from renet.evaluation.tables import LAYER_TIMES, LAYERS
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.model import ConvReLU, Network, Normalizer, parameter_count
from renet.network.rnn import SpatialRNN

WARMUP_STEPS, STEPS = 1, 3  # the median of the second counts
SAMPLES = 2  # of a step whose operations are counted: batch normalisation needs two
LAYER_KINDS = {  # the first class that a layer has counts
    Normalizer: "scaling",
    BatchNorm: "batch normalisation",
    ConvReLU: "convolution, ReLU",
    nn.Conv2d: "convolution",
    nn.ReLU: "ReLU",
    nn.MaxPool2d: "max pooling",
    SpatialRNN: "SpatialRNN",
    nn.Sequential: "residual blocks",
    nn.AdaptiveAvgPool2d: "mean of each map",
    nn.Flatten: "change of shape",
    nn.Linear: "linear map",
}
Measure = Callable[[Callable[[], object]], tuple[object, float]]  # a call's result, and its cost


def describe(network: Network) -> pd.DataFrame:
    """The table `LAYERS` of a network: output (C, H, W), parameters, operations for one image.

    Operations are the multiplications and additions of the matrix products and convolutions of a
    forward and a backward pass; all others are few.
    """
    device = next(network.parameters()).device
    pixels = torch.zeros((SAMPLES, *network.input_shape), dtype=torch.uint8, device=device)
    operations, shapes = run_step(network, pixels, _count_operations)
    rows = [
        (name, _kind_of(layer), " × ".join(map(str, shapes[name])), parameter_count(layer),
         int(operations[name]) // SAMPLES)
        for name, layer in network.named_children()
    ]  # fmt: skip
    return LAYERS.frame(rows)


def _kind_of(layer: nn.Module) -> str:
    if isinstance(layer, ConvReLU) and not getattr(layer, "has_relu", True):
        return LAYER_KINDS[nn.Conv2d]
    return next(kind for one, kind in LAYER_KINDS.items() if isinstance(layer, one))


def measure_times(network: Network, images: np.ndarray, precision: str = "float32") -> pd.DataFrame:
    """The table `LAYER_TIMES`: the median time of each layer in a step on this batch.

    Args:
        network: on its device; the running statistics of its batch normalisation change.
        images: (N, C, H, W) uint8.
    """
    pixels = torch.from_numpy(images).to(next(network.parameters()).device)

    def seconds(call: Callable[[], object]) -> tuple[object, float]:
        _synchronize(pixels.device)
        start = time.perf_counter()
        result = call()
        _synchronize(pixels.device)
        return result, time.perf_counter() - start

    steps = [run_step(network, pixels, seconds, precision)[0] for _ in range(WARMUP_STEPS + STEPS)]
    names = list(steps[0])
    medians = np.median([[step[name] for name in names] for step in steps[WARMUP_STEPS:]], axis=0)
    return LAYER_TIMES.frame(zip(names, 1000 * medians, medians / medians.sum(), strict=True))


def run_step(
    network: Network, pixels: Tensor, measure: Measure, precision: str = "float32"
) -> tuple[dict[str, float], dict[str, tuple[int, ...]]]:
    """Run a training step layer by layer.

    Returns:
        For each layer, the cost of its forward and backward pass together, and the shape of its
        output for one sample.
    """
    network.train()
    passes: list[tuple[str, Tensor, Tensor]] = []
    costs, output = {}, pixels
    for name, layer in network.named_children():
        inputs = output.detach().requires_grad_(output.requires_grad)
        output, costs[name] = measure(partial(_forward, layer, inputs, precision))
        passes.append((name, inputs, output))
    gradient = torch.ones_like(output) / output.numel()
    for name, inputs, output in reversed(passes):
        if output.requires_grad:
            costs[name] += measure(partial(torch.autograd.backward, output, gradient))[1]
            gradient = inputs.grad
    network.zero_grad()
    return costs, {name: tuple(output.shape[1:]) for name, _, output in passes}


def _forward(layer: nn.Module, inputs: Tensor, precision: str) -> Tensor:
    with devices.precision_context(precision, inputs.device):
        return layer(inputs)


def _count_operations(call: Callable[[], object]) -> tuple[object, float]:
    with FlopCounterMode(display=False) as counter:
        result = call()
    return result, counter.get_total_flops()


def _synchronize(device: torch.device) -> None:
    """Wait for a GPU, which computes while the host goes on."""
    if device.type != "cpu":
        torch.cuda.synchronize(device)
