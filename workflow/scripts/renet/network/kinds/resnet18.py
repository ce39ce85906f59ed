"""Kind resnet18: torchvision's ResNet-18.

He et al., Deep Residual Learning for Image Recognition (arXiv:1512.03385).
"""

import logging
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from renet.common.errors import InputError
from renet.config.model import AnyArchitecture, ResNet18Architecture
from renet.network.batch_norm import BatchNorm
from renet.network.model import LinearClassifier, Network, Normalizer, Shape

# torchvision normalises R, G and B: (pixel / 255 - mean) / std, with ImageNet's mean and std.
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
EPS = 1e-5  # as in torchvision's batch normalisation
LAST = "layer4.1.conv2.weight"  # in torchvision and in timm


class ResNet18(Network):
    """torchvision's ResNet-18, with `BatchNorm` in place of PyTorch's batch normalisation."""

    def init_weights(self, seed: int) -> None:
        """Load the initial weights that torchvision draws for this seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            drawn = _children(self.architecture)
        for name, layer in drawn.items():
            self.get_submodule(name).load_state_dict(layer.state_dict())


def build(
    input_shape: Shape, architecture: ResNet18Architecture, mean: np.ndarray | None = None
) -> ResNet18:
    """Build the network; the caller loads or draws the weights."""
    layers = OrderedDict(norm=Normalizer(input_shape, mean), **_children(architecture))
    return ResNet18(layers, architecture, input_shape)


def _children(architecture: AnyArchitecture) -> OrderedDict[str, nn.Module]:
    """Return the layers conv1, bn1, relu, maxpool, layer1 to layer4, avgpool, flatten and fc."""
    made = resnet18(num_classes=architecture.classes, norm_layer=BatchNorm)
    made.relu = nn.ReLU()  # not in place: the layers are also run one by one
    children = OrderedDict(made.named_children())
    drawn = children.pop("fc")
    fc = LinearClassifier(drawn.in_features, drawn.out_features)
    fc.load_state_dict(drawn.state_dict())
    return OrderedDict(**children, flatten=nn.Flatten(), fc=fc)


def only(state: object, file: str) -> dict[str, Tensor]:
    """Return the weights of the only ResNet-18 in a state dict, without prefixes like `model.`."""
    tensors = state.items() if isinstance(state, dict) else ()
    found = {str(name): value for name, value in tensors if isinstance(value, Tensor)}
    prefixes = [name.removesuffix(LAST) for name in found if name.endswith(LAST)]
    if len(prefixes) != 1:
        count = f"{len(prefixes)} networks ({', '.join(prefixes)})" if prefixes else "no ResNet-18"
        raise InputError(
            f"`train.start_from` names {file}, which has {count}; name a model of this project, or "
            "a state dict of one ResNet-18, with names as in torchvision or timm."
        )
    (prefix,) = prefixes
    return {
        name.removeprefix(prefix): value
        for name, value in found.items()
        if name.startswith(prefix) and not name.endswith("num_batches_tracked")
    }


def converted(state: dict[str, Tensor], given: dict | None, file: str) -> dict[str, Tensor]:
    """Convert the weights of torchvision's or timm's ResNet-18 to this kind, with equal outputs.

    `given` has the pixels' `mean` and `std`, by default ImageNet's. `std` is folded into the first
    convolution, the difference of eps into the running variances. These can become negative.
    """
    try:
        stated = {name: given[name] for name in IMAGENET} if given else IMAGENET
        mean, deviation = torch.tensor([*stated.values()], dtype=torch.float32).view(2, 3, 1, 1)
        if not (deviation > 0).all() or not (mean + deviation).isfinite().all():
            raise ValueError("they cannot normalise pixels")
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"The config.json beside {file} needs three numbers as mean and three above 0 as "
            f"std in pretrained_cfg ({error}); correct it, or delete config.json to use ImageNet's."
        ) from error
    assumed = "" if given else " (ImageNet's, which is assumed)"
    logging.info("The weights in %s are for pixels normalised by %s%s.", file, stated, assumed)
    ours = {
        name: value + EPS - BatchNorm.EPS if name.endswith("running_var") else value
        for name, value in state.items()
    }
    if (first := ours.get("conv1.weight", mean)).shape[1:2] == (3,):
        ours["conv1.weight"] = first * (Normalizer.DIVISOR / 255 / deviation)
    return ours | {"norm.mean": 255 * mean}
