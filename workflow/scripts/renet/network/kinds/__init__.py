"""Kinds of networks, a module for each, found by its name.

Such a module has `build(input_shape, architecture, mean)`, a network whose weights are to be loaded
or drawn. No module but that of the chosen kind is imported, and the digest of a run's code takes no
other (`renet.planning.code_digest`).
"""

import importlib
from types import ModuleType

import numpy as np

from renet.config.model import AnyArchitecture
from renet.network.model import Network


def build(
    input_shape: tuple[int, int, int], architecture: AnyArchitecture, mean: np.ndarray | None = None
) -> Network:
    """Make a network for images (C, H, W), less a mean, to be given weights."""
    return module(architecture.kind).build(tuple(input_shape), architecture, mean)


def module(kind: str) -> ModuleType:
    """Module of a kind."""
    return importlib.import_module(f"{__name__}.{kind}")
