"""The kind resnet18: torchvision's ResNet-18.

He et al., Deep Residual Learning for Image Recognition (arXiv:1512.03385).
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from renet.config.architecture import AnyArchitecture, ResNet18Architecture
from renet.network.batch_norm import BatchNorm
from renet.network.model import Network, Normalizer


def build(
    input_shape: tuple[int, int, int],
    architecture: ResNet18Architecture,
    mean: np.ndarray | None = None,
) -> Network:
    """Make the network, to be given weights; see `renet.network.kinds`.

    Its batch normalisation is that of the other kinds, which processes can compute together.
    """
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
