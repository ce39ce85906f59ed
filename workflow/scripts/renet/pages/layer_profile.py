"""The layers of a network: shapes, parameters, and the operations of a training step."""

import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from renet.network.batch_norm import BatchNorm
from renet.network.model import ConvReLU, Network, Normalizer, parameter_count
from renet.network.rnn import SpatialRNN
from renet.pages.tables import LAYERS

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


def describe(network: Network) -> pd.DataFrame:
    """The table `LAYERS` of a network: output (C, H, W), parameters, operations for one image.

    Operations are the multiplications and additions of the matrix products and convolutions of a
    forward and a backward pass; all others are few. The running statistics of the network change.
    """
    device = next(network.parameters()).device
    output = torch.zeros((SAMPLES, *network.input_shape), dtype=torch.uint8, device=device)
    network.train()
    rows = []
    for name, layer in network.named_children():
        inputs = output.detach().requires_grad_(output.requires_grad)
        with FlopCounterMode(display=False) as counter:
            output = layer(inputs)
            if output.requires_grad:
                output.sum().backward()
        shape = " × ".join(map(str, output.shape[1:]))
        operations = counter.get_total_flops() // SAMPLES
        rows.append((name, _kind_of(layer), shape, parameter_count(layer), operations))
    network.zero_grad()
    return LAYERS.frame(rows)


def _kind_of(layer: nn.Module) -> str:
    if isinstance(layer, ConvReLU) and not getattr(layer, "has_relu", True):
        return LAYER_KINDS[nn.Conv2d]
    return next(kind for one, kind in LAYER_KINDS.items() if isinstance(layer, one))
