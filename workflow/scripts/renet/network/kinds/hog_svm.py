"""Kind hog_svm: scikit-image's histograms of oriented gradients and a linear SVM.

Dalal and Triggs, Histograms of Oriented Gradients for Human Detection (2005). The rule train fits
the SVM with scikit-learn. Its coefficients are copied into a network, which a model file can store.
"""

from collections import OrderedDict

import numpy as np
import torch
from skimage.feature import hog
from torch import Tensor, nn

from renet.common.errors import InputError
from renet.config.model import HogSvmArchitecture
from renet.network.model import LinearClassifier, Network

BLOCK = 2  # cells on each side of a block; each block is normalised


class Hog(nn.Module):
    """Histograms of oriented gradients, on the CPU; a pixel uses the channel that changes most."""

    def __init__(self, input_shape: tuple[int, int, int], architecture: HogSvmArchitecture):
        """Set the size of the cells of images (C, H, W)."""
        super().__init__()
        self.orientations, self.cells = architecture.orientations, architecture.cells
        self.cell_size = tuple(side // self.cells for side in input_shape[1:])
        if min(self.cell_size) < 2:
            raise InputError(
                f"Images of {input_shape[1]} x {input_shape[2]} pixels cannot hold {self.cells} "
                f"x {self.cells} cells of 2 x 2 pixels; lower `model.cells`, or raise `crop.size`."
            )
        self.feature_count = (self.cells - BLOCK + 1) ** 2 * BLOCK**2 * self.orientations

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute features (N, features) float32 of pixels (N, C, H, W)."""
        return torch.from_numpy(self.features(pixels.cpu().numpy())).to(pixels.device)

    def features(self, faces: np.ndarray) -> np.ndarray:
        """Compute the features of an array; pixels right of and below the last cell are ignored."""
        height, width = (self.cells * side for side in self.cell_size)
        sizes = self.orientations, self.cell_size, (BLOCK, BLOCK)
        features = [hog(face[:, :height, :width], *sizes, channel_axis=0) for face in faces]
        return np.array(features, np.float32).reshape(len(faces), self.feature_count)


class Sigmoid(nn.Module):
    """Platt's sigmoid as logits (N, 2) of decision values (N, 1); the first logit is always 0."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, decision: Tensor) -> Tensor:
        """Return the logits in the dtype of `decision`."""
        return nn.functional.pad(decision * self.scale + self.shift, (1, 0))


def build(
    input_shape: tuple[int, int, int],
    architecture: HogSvmArchitecture,
    mean: np.ndarray | None = None,
) -> Network:
    """Build the network, whose coefficients `fill` sets; gradients do not need `mean`."""
    features = Hog(input_shape, architecture)
    layers = OrderedDict(
        hog=features, svm=LinearClassifier(features.feature_count, 1), sigmoid=Sigmoid()
    )
    return Network(layers, architecture, input_shape)


@torch.no_grad()
def fill(network: Network, coefficients: np.ndarray, intercept: float, sigmoid: tuple) -> None:
    """Set an SVM's coefficients (features,) and intercept, and a sigmoid's scale and shift."""
    svm, platt = network.get_submodule("svm"), network.get_submodule("sigmoid")
    svm.weight.copy_(torch.from_numpy(coefficients)[None])
    svm.bias.fill_(intercept)
    platt.scale.fill_(sigmoid[0])
    platt.shift.fill_(sigmoid[1])
