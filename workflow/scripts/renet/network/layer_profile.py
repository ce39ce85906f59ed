"""Layers of a network: shapes, parameters, and the operations of a training step."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from renet.network.model import Network, parameter_count

SAMPLES = 2  # batch size of the counted step: batch normalisation needs two


def describe(network: Network) -> list[dict]:
    """Return the rows of layers.csv: output (C, H, W), parameters, operations for one image.

    Operations are the multiplications and additions of matrix products and convolutions, in a
    forward and a backward pass. The call changes the network's running statistics.
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
        rows.append({
            "layer": name,
            "kind": type(layer).__name__,
            "output": " × ".join(map(str, output.shape[1:])),
            "parameters": parameter_count(layer),
            "operations": counter.get_total_flops() // SAMPLES,
        })  # fmt: skip
    network.zero_grad()
    return rows
