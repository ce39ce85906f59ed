"""A forward pass without gradients; it needs torch alone."""

import torch
from torch import Tensor, nn

from renet.network import devices


@torch.inference_mode()
def forward(model: nn.Module, pixels: Tensor, precision: str) -> Tensor:
    """Logits (N, classes) of pixels (N, C, H, W) uint8; both on the network's device.

    The network has to be in evaluation mode.
    """
    with devices.precision_context(precision, pixels.device):
        return model(pixels)
