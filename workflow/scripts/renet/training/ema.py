"""An exponential moving average of a network's weights and of its batch normalisation's buffers."""

import copy

import torch
from torch import nn


class MovingAverage:
    """A copy of a network that follows it; what validation, selection and prediction use.

    Attributes:
        network: the copy, on the same device.
    """

    def __init__(self, model: nn.Module, decay: float):
        """Begin at the network as it is."""
        self._model, self._decay = model, decay
        self.network = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the network after its update number `step`, from 0; at first, follow faster."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages, values = (
            [value for value in one.state_dict().values() if value.is_floating_point()]
            for one in (self.network, self._model)
        )
        torch._foreach_lerp_(averages, values, 1 - decay)
