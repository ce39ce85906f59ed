"""The kind resnet18: torchvision's ResNet-18.

He et al., Deep Residual Learning for Image Recognition (arXiv:1512.03385).
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from renet.config.model import AnyArchitecture, ResNet18Architecture
from renet.network.batch_norm import BatchNorm
from renet.network.model import Network, Normalizer

# torchvision's input: pixels from 0 to 1, less ImageNet's mean, divided by its deviation; R, G, B.
MEAN, DEVIATION = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
EPS = 1e-5  # of torchvision's batch normalisation


def build(
    input_shape: tuple[int, int, int],
    architecture: ResNet18Architecture,
    mean: np.ndarray | None = None,
) -> Network:
    """Make the network, with the batch normalisation of the other kinds; see their package."""
    layers = OrderedDict(norm=Normalizer(input_shape, mean), **_children(architecture))
    return Network(layers, architecture, input_shape)


def init_weights(network: Network, seed: int) -> None:
    """The initial weights that torchvision draws for this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = _children(network.architecture)
    for name, layer in drawn.items():
        network.get_submodule(name).load_state_dict(layer.state_dict())


def _children(architecture: AnyArchitecture) -> OrderedDict[str, nn.Module]:
    """conv1, bn1, relu, maxpool, layer1 to layer4, avgpool, flatten and fc."""
    made = resnet18(num_classes=architecture.classes, norm_layer=BatchNorm)
    made.relu = nn.ReLU()  # not in place: the layers are also run one by one
    children = OrderedDict(made.named_children())
    fc = children.pop("fc")
    return OrderedDict(**children, flatten=nn.Flatten(), fc=fc)


def from_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's ResNet-18 for the kind resnet18, whose output is the same.

    The deviation becomes part of the first convolution, whose padding is the mean in both. The
    difference of eps becomes part of the running variances, which then can be below zero.
    """
    ours = {
        name: value + EPS - BatchNorm.EPS if name.endswith("running_var") else value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    if (first := ours.get("conv1.weight", MEAN)).shape[1:2] == (3,):
        ours["conv1.weight"] = first * (Normalizer.DIVISOR / 255 / DEVIATION)
    return ours | {"norm.mean": 255 * MEAN}
