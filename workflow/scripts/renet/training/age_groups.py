"""Age groups as a second task of a training, which shares all layers but the outputs.

While it trains, the network has `GROUPS` more outputs, whose cross-entropy is a part of the loss.
The saved network does not have them. Caruana, Multitask Learning (Machine Learning 28, 1997), says
why a second task can help the first. A face of unknown age has no part in the second task.
"""

import dataclasses
import hashlib
import logging

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor, nn

from renet.config.recipe import Recipe
from renet.dataset import hdf5
from renet.dataset.hdf5 import FaceFile
from renet.network.model import Network

LOWEST_AGES = 10, 20, 30, 45, 60  # in years, of all groups but the first
GROUPS = len(LOWEST_AGES) + 1


def extra_outputs(recipe: Recipe) -> int:
    """Number of outputs that the network has only while it trains."""
    return GROUPS if recipe.age_weight else 0


def with_ages(faces: FaceFile, samples: pd.DataFrame) -> FaceFile:
    """Add the ages of a table with a row for each face; the digest then depends on them."""
    ages = samples.age.to_numpy(np.float64, na_value=np.nan)
    digest = hashlib.sha256(hdf5.content_digest(faces).encode() + ages.tobytes()).hexdigest()
    return dataclasses.replace(faces, ages=ages, digest=digest)


def joint_classes(faces: FaceFile) -> tuple[np.ndarray, int]:
    """A number (N,) int64 for the class and the age group of each face, and the count of numbers.

    It is the class plus `class_count` times the group; an unknown age is a group of its own.
    Loader and augmentation therefore treat both labels as one.
    """
    ages = np.full(len(faces), np.nan) if faces.ages is None else faces.ages
    known = ~np.isnan(ages)
    if not known.any():
        logging.warning(
            "`train.age_weight` has no effect: no face of %s has a known age.", faces.path
        )
    groups = np.where(known, np.searchsorted(LOWEST_AGES, ages, side="right"), GROUPS)
    return faces.targets + faces.class_count * groups, faces.class_count * (GROUPS + 1)


def split(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Separate the two tasks.

    Args:
        logits: (N, classes + GROUPS).
        targets: joint classes, (N,) int64, or their weights, (N, classes * (GROUPS + 1)).

    Returns:
        Logits of the classes, their targets of the form of `targets`, and the mean loss of the age
        groups.
    """
    classes = logits.shape[1] - GROUPS
    count = classes * (GROUPS + 1)
    mixed = targets.is_floating_point()
    weights = (targets if mixed else F.one_hot(targets, count)).to(logits.dtype)
    weights = weights.view(-1, GROUPS + 1, classes)
    loss = F.cross_entropy(logits[:, classes:], weights.sum(2)[:, :GROUPS])
    return logits[:, :classes], weights.sum(1) if mixed else targets % classes, loss


def drop_outputs(model: Network) -> None:
    """Remove the outputs of the age groups from a trained network."""
    classes = model.architecture.classes - GROUPS
    classifier = list(model.children())[-1]
    for name, parameter in list(classifier.named_parameters()):
        setattr(classifier, name, nn.Parameter(parameter.detach()[:classes].clone()))
    model.architecture = dataclasses.replace(model.architecture, classes=classes)
