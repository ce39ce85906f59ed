"""Kinds of networks: the module `<kind>.py` defines a kind.

The function `build` of such a module returns a network; the caller loads or draws its weights. Only
the module of a run's kind is imported, and only this module is part of the digest of the run's code
(`renet.planning.code_digest`).
"""

import importlib
from types import ModuleType

import numpy as np

from renet.config.model import AnyArchitecture
from renet.network.model import Network


def build(
    input_shape: tuple[int, int, int], architecture: AnyArchitecture, mean: np.ndarray | None = None
) -> Network:
    """Build a network that subtracts `mean` from images (C, H, W); the caller sets its weights."""
    return module(architecture.kind).build(tuple(input_shape), architecture, mean)


def module(kind: str) -> ModuleType:
    """Import and return the module of a kind."""
    return importlib.import_module(f"{__name__}.{kind}")
