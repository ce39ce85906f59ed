"""What all kinds of networks have in common; `renet.network.kinds` has a module for each kind."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.common.errors import InputError
from renet.config.architecture import AnyArchitecture
from renet.network import devices


class Network(nn.Sequential):
    """Layers from pixels (N, C, H, W), uint8 or float from 0 to 255, to logits (N, classes).

    Attributes:
        architecture: the config's section `model`.
        input_shape: (C, H, W) of the images.
        frozen: names of the layers that a training leaves as they are.
    """

    frozen: Sequence[str] = ()

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        architecture: AnyArchitecture,
        input_shape: tuple[int, int, int],
    ):
        super().__init__(layers)
        self.architecture, self.input_shape = architecture, tuple(input_shape)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits; in evaluation mode with `flip_average`, the means over face and mirror image."""
        if self.training or not self.architecture.flip_average:
            return self.logits(pixels)
        return (self.logits(pixels) + self.logits(pixels.flip(3))) / 2

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of the faces as they are."""
        return super().forward(pixels)

    def freeze(self, names: Sequence[str] | str) -> None:
        """Leave layers, such as `layer4.1`, or all_but_classifier, as they are in a training.

        Raises:
            InputError: a name is not that of a layer, or no weight would be left to train.
        """
        self.frozen = [names] if isinstance(names, str) else names
        if "all_but_classifier" in names:
            self.frozen = list(self._modules)[:-1]
        layers = dict(self.named_modules())
        for name in self.frozen:
            layers.get(name, nn.Identity()).requires_grad_(requires_grad=False)
        unknown = [name for name in self.frozen if name not in layers]
        if unknown or not any(parameter.requires_grad for parameter in self.parameters()):
            fault = f"{unknown[0]}, which is not a layer" if unknown else "all layers with weights"
            known = ", ".join(self._modules)
            raise InputError(f"`train.freeze` names {fault} of this network; it has {known}.")

    def train(self, mode: bool = True) -> "Network":
        """Set training mode, except in frozen layers, which normalise by running statistics."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


class Normalizer(nn.Module):
    """neon's `Normalizer(divisor=128)`, after subtracting the mean of the data if there is one.

    Attributes:
        mean: (1,), (C, 1, 1) or (C, H, W), in grey levels; zero without a mean.
    """

    DIVISOR = 128.0

    def __init__(self, input_shape: tuple[int, int, int], mean: np.ndarray | None = None):
        """Take the mean of the data, (C,) or any array of C*H*W values; None for zero."""
        super().__init__()
        values = torch.zeros(1)
        if mean is not None:
            shape = (-1, 1, 1) if mean.size == input_shape[0] else input_shape
            values = torch.from_numpy(np.asarray(mean, dtype=np.float32)).reshape(shape)
        self.register_buffer("mean", values)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) of any dtype, grey levels from 0 to 255, to the module's own dtype."""
        return (pixels.to(self.mean.dtype) - self.mean) / self.DIVISOR


class ConvReLU(nn.Conv2d):
    """A convolution with bias and ReLU: neon's `Conv(..., activation=Rectlin())`."""

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K, H', W')."""
        return self.convolve(maps, self.weight)

    def convolve(self, maps: Tensor, kernel: Tensor) -> Tensor:
        """The output with `kernel` in place of the layer's weight."""
        output = self._conv_forward(maps, kernel, self.bias)
        return F.relu(output, inplace=not torch.is_grad_enabled())


@torch.inference_mode()
def infer(model: Network, pixels: Tensor, precision: str) -> Tensor:
    """Logits (N, classes) of pixels (N, C, H, W) uint8 by a network in evaluation mode."""
    with devices.precision_context(precision, pixels.device):
        return model(pixels)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())
