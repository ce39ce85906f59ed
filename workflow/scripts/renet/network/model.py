"""The course's network without its blocks, and the layers that all kinds of networks share.

Notable features:
- batch normalisation before each layer, by neon's rules (batch_norm.py)
- 3x3 convolutions with dilation 2 and ReLU; max-pooling follows each convolution but the last
- blocks: SpatialRNNs (rnn.py) in the kind renet, strided convolutions in the kind cnn
- a 1x1 convolution as classifier: the means of its maps are the logits
- NumPy draws the weights in neon's order; layers have the names of the course's listing
- speed: bn0 is folded into conv1 in training; a CPU pools before it normalises in inference
"""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.common.errors import InputError
from renet.config.model import AnyArchitecture, Architecture, CnnArchitecture
from renet.network import devices
from renet.network.batch_norm import BatchNorm

Shape = tuple[int, int, int]  # (C, H, W)


class Network(nn.Sequential):
    """A network from pixels (N, C, H, W), uint8 or float from 0 to 255, to logits (N, classes).

    The initial weights of layers with a method `draw_weights` equal neon's in float32.
    """

    frozen: Sequence[str] = ()  # names of the layers that are not trained

    def __init__(
        self, layers: Mapping[str, nn.Module], architecture: AnyArchitecture, input_shape: Shape
    ):
        super().__init__(layers)
        self.architecture, self.input_shape = architecture, tuple(input_shape)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute logits; `flip_average` averages over face and mirror image in evaluation mode."""
        if self.training or not self.architecture.flip_average:
            return self.logits(pixels)
        return (self.logits(pixels) + self.logits(pixels.flip(3))) / 2

    def logits(self, pixels: Tensor) -> Tensor:
        """Compute logits (N, classes) without flip averaging."""
        return super().forward(pixels)

    @torch.no_grad()
    def init_weights(self, seed: int) -> None:
        """Draw the initial weights, in the order in which neon builds its layers."""
        random = np.random.RandomState(seed)  # the generator that neon uses
        for layer in self.modules():
            if hasattr(layer, "draw_weights"):
                layer.draw_weights(random)

    def freeze(self, names: Sequence[str] | str) -> None:
        """Exclude layers from training: a list such as [`layer4.1`], or `all_but_classifier`."""
        self.frozen = list(self._modules)[:-1] if names == "all_but_classifier" else names
        layers = dict(self.named_modules())
        for name in self.frozen:
            layers.get(name, nn.Identity()).requires_grad_(requires_grad=False)
        unknown = [name for name in self.frozen if name not in layers]
        if unknown or not any(parameter.requires_grad for parameter in self.parameters()):
            fault = f"{unknown[0]}, which is not a layer" if unknown else "all layers with weights"
            known = ", ".join(self._modules)
            raise InputError(f"`train.freeze` names {fault} of this network; name some of {known}.")

    def train(self, mode: bool = True) -> "Network":
        """Set training mode except in frozen layers, which normalise by running statistics."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


class Normalizer(nn.Module):
    """neon's `Normalizer(divisor=128)`, which first subtracts the data's mean if it is given."""

    DIVISOR = 128.0

    def __init__(self, input_shape: Shape, mean: np.ndarray | None = None):
        """Set the mean of the data in grey levels: C values, or C*H*W values in any shape."""
        super().__init__()
        values = torch.zeros(1)
        if mean is not None:
            shape = (-1, 1, 1) if mean.size == input_shape[0] else input_shape
            values = torch.from_numpy(np.asarray(mean, dtype=np.float32)).reshape(shape)
        self.register_buffer("mean", values)

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalise pixels (N, C, H, W), from 0 to 255 in any dtype; return the module's dtype."""
        return (pixels.to(self.mean.dtype) - self.mean) / self.DIVISOR


class ConvReLU(nn.Conv2d):
    """A convolution with bias and ReLU: neon's `Conv(..., activation=Rectlin())`."""

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (N, C, H, W) to (N, K, H', W')."""
        return self.convolve(maps, self.weight)

    def convolve(self, maps: Tensor, kernel: Tensor) -> Tensor:
        """Compute the output with `kernel` in place of the layer's weight."""
        output = self._conv_forward(maps, kernel, self.bias)
        # PyTorch's in-place ReLU takes twice as long as `F.relu` in bfloat16, less in float32.
        return F.relu(output, inplace=output.dtype != torch.bfloat16)

    def draw_weights(self, random: np.random.RandomState) -> None:
        """Draw the weights from Kaiming's normal distribution, and set the bias to zero."""
        kernels, fan_in = len(self.weight), self.weight[0].numel()
        drawn = random.normal(0, math.sqrt(2 / fan_in), (fan_in, kernels))
        self.weight.copy_(torch.from_numpy(drawn.T.reshape(self.weight.shape)))
        self.bias.zero_()


class Classifier(ConvReLU):
    """Last convolution, in its weights' dtype, because bfloat16 would round logits to three digits.

    The form `course` has a ReLU, so that no logit is negative, and a padding, which adds a border
    of relu(bias) to the maps.
    """

    def __init__(self, channels: int, classes: int, form: str = "course"):
        super().__init__(channels, classes, 1, padding=int(form == "course"))
        self.has_relu = form == "course"

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (N, C, H, W) to (N, classes, H', W')."""
        with torch.autocast(maps.device.type, enabled=False):
            maps = maps.to(self.weight.dtype)
            return super().forward(maps) if self.has_relu else nn.Conv2d.forward(self, maps)


class LinearClassifier(nn.Linear):
    """Last layer of the other kinds; like `Classifier`, it computes in the dtype of its weights."""

    def forward(self, features: Tensor) -> Tensor:
        """Compute outputs (N, outputs) from features (N, features)."""
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype))


class CourseNetwork(Network):
    """Convolutions, the kind's blocks, and a 1x1 convolution: the means of its maps are logits.

    A batch normalisation precedes each layer. The layers have the names of the course's listing:
    norm, bn0, conv1, bn1, pool1, …, cls.
    """

    architecture: Architecture | CnnArchitecture

    def __init__(
        self,
        input_shape: Shape,
        architecture: Architecture | CnnArchitecture,
        mean: np.ndarray | None = None,
    ):
        """Build the layers; raise an InputError if H and W do not fit the poolings and blocks."""
        architecture.check_size(input_shape[1:], "this network")
        super().__init__(OrderedDict(), architecture, input_shape)
        channels, height, width = input_shape
        self.add_module("norm", Normalizer(input_shape, mean))
        self.add_module("bn0", BatchNorm(channels))
        for number, outputs in enumerate(architecture.conv_channels, 1):
            self.add_module(f"conv{number}", ConvReLU(channels, outputs, 3, padding=2, dilation=2))
            self.add_module(f"bn{number}", BatchNorm(outputs))
            if number < len(architecture.conv_channels):
                self.add_module(f"pool{number}", nn.MaxPool2d(3, stride=2, padding=1))
                height, width = height // 2, width // 2
            channels = outputs
        shape, first = (channels, height, width), len(architecture.conv_channels) + 1
        for number, name in enumerate(architecture.blocks(), first):
            block, shape = self.make_block(number - first, shape)
            self.add_module(name, block)
            self.add_module(f"bn{number}", BatchNorm(shape[0]))
        classifier = Classifier(shape[0], architecture.classes, architecture.classifier)
        self.add_module("cls", classifier)

    def make_block(self, number: int, shape: Shape) -> tuple[nn.Module, Shape]:
        """Return block `number` (from 0) for maps of `shape` (C, H, W), and its output's shape."""
        raise NotImplementedError

    def logits(self, pixels: Tensor) -> Tensor:
        """Average the classifier's maps. If its ReLU is 0 everywhere, the network cannot learn."""
        names = self.architecture.stages()
        first, *stages = ([getattr(self, name) for name in stage] for stage in names)
        maps = normalise_and_convolve(self.norm(pixels), *first)  # bn0, conv1
        for norm, *pool, layer in stages:  # bn1, pool1, conv2; …; bn4, rnn1; bn5, rnn2; bn6, cls
            maps = layer(normalise_and_pool(maps, norm, *pool))
        return maps.mean(dim=(2, 3))


def normalise_and_pool(maps: Tensor, norm: BatchNorm, pool: nn.Module | None = None) -> Tensor:
    """Compute `pool(norm(maps))`, or on a CPU in evaluation mode `norm(pool(maps))` if equal.

    The latter is faster. Both are equal if all weights of `norm` are above 0, because these keep
    the order of values. On a GPU, this check of the weights would block the host.
    """
    if pool is None:
        return norm(maps)
    on_cpu = maps.device.type == "cpu" and not torch.compiler.is_exporting()
    if on_cpu and not norm.training and (norm.weight > 0).all():
        return norm(pool(maps))
    return pool(norm(maps))


def normalise_and_convolve(maps: Tensor, norm: BatchNorm, convolution: ConvReLU) -> Tensor:
    """Compute `convolution(norm(maps))`, in training mode with fewer passes over maps (N, C, H, W).

    If the maps need no gradient, the weight and bias of `norm` are folded into the kernel. The bias
    becomes the kernel of an added input channel, which is 1 in the maps and 0 in the padding.
    """
    if not norm.training or maps.requires_grad:  # a frozen norm does not train
        return convolution(norm(maps))
    mean, variance = (values.to(maps.dtype) for values in norm.take_statistics(maps))
    normalised = F.batch_norm(maps, mean, variance, eps=norm.EPS)
    weight, bias = (values.view(1, -1, 1, 1) for values in (norm.weight, norm.bias))
    constant = (convolution.weight * bias).sum(1, keepdim=True)
    kernel = torch.cat([convolution.weight * weight, constant], 1)
    kernel = kernel.contiguous(memory_format=torch.channels_last)  # sets the output's format
    planes = torch.cat([normalised, torch.ones_like(normalised[:, :1])], 1)
    return convolution.convolve(planes, kernel)


@torch.inference_mode()
def infer(model: Network, pixels: Tensor, precision: str) -> Tensor:
    """Compute logits (N, classes) of pixels (N, C, H, W) uint8; `model` is in evaluation mode."""
    with devices.precision_context(precision, pixels.device):
        return model(pixels)


def parameter_count(model: nn.Module) -> int:
    """Count the parameters, including frozen parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
