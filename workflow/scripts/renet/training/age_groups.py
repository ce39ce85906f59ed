"""Age groups as a second task of a training; both tasks share all layers but the last.

The loss includes the cross-entropy of the known age groups (Caruana, Multitask Learning, Machine
Learning 28, 1997).
"""

import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from renet.network.model import LinearClassifier

LOWEST_AGES = 10, 20, 30, 45, 60  # in years, of all groups but the first
GROUPS = len(LOWEST_AGES) + 1


class WithAges(nn.Module):
    """A network with a second output layer, for the age groups."""

    def __init__(self, network: nn.Module):
        """Add an output layer with weights of zero, on the network's device."""
        super().__init__()
        self.network, weight = network, [*network.children()][-1].weight
        self.ages = LinearClassifier(weight.shape[1], GROUPS).to(weight)
        for parameter in self.ages.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute logits, (N, classes + GROUPS): of the classes, then of the age groups."""
        seen: list[Tensor] = []  # input of the last layer: (N, F) or (N, F, H, W)
        last = [*self.network.children()][-1]
        with last.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs)):
            logits = self.network(pixels)
        features = seen[0].reshape(*seen[0].shape[:2], -1).mean(2)
        return torch.cat([logits, self.ages(features)], 1)


def joint_classes(targets: np.ndarray, classes: int, ages: np.ndarray | None) -> np.ndarray:
    """Return a label for class and age group of each face: class + `classes` * group.

    Faces of unknown age are in the last group.

    Args:
        ages: in years, (N,) float64, NaN where unknown; None: all are unknown.
    """
    ages = np.full(len(targets), np.nan) if ages is None else ages
    known = ~np.isnan(ages)
    if not known.any():
        logging.warning("`train.age_weight` has no effect: no training face has a known age.")
    groups = np.where(known, np.searchsorted(LOWEST_AGES, ages, side="right"), GROUPS)
    return targets + classes * groups


def logit_adjustment(joint: np.ndarray, classes: int) -> np.ndarray:
    """Compute log(p(class | age group) / p(class)) of the faces, (GROUPS + 1, classes) float32.

    If the result is added to the logits in training only, the network predicts as if a class were
    equally frequent in all age groups (Menon et al., Long-tail learning via logit adjustment,
    arXiv:2007.07314). The row of unknown ages is 0.
    """
    counts = np.bincount(joint, minlength=classes * (GROUPS + 1)).reshape(-1, classes)
    overall = (counts.sum(0) + 1) / (counts.sum() + classes)
    counts = counts + classes * overall  # a group without faces has the overall frequencies
    adjustment = np.log(counts / counts.sum(1, keepdims=True) / overall)
    adjustment[GROUPS] = 0
    return adjustment.astype(np.float32)


def split(
    logits: Tensor, targets: Tensor, adjustment: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits and targets of the classes, and the mean loss of the age groups.

    Args:
        logits: (N, classes + GROUPS).
        targets: joint classes, (N,) int64, or their weights, (N, classes * (GROUPS + 1)).
        adjustment: from `logit_adjustment`, added to the logits of the classes.
    """
    classes = logits.shape[1] - GROUPS
    mixed = targets.is_floating_point()
    weights = targets if mixed else F.one_hot(targets, classes * (GROUPS + 1))
    weights = weights.to(logits.dtype).view(-1, GROUPS + 1, classes)
    loss = F.cross_entropy(logits[:, classes:], weights.sum(2)[:, :GROUPS])
    logits = logits[:, :classes]
    if adjustment is not None:
        logits = logits + weights.sum(2) @ adjustment
    return logits, weights.sum(1) if mixed else targets % classes, loss
