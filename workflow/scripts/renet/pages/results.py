"""What the pages are written from: the results of a run, and those of the data."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from renet.common import files
from renet.evaluation.tables import GALLERY, SALIENCY, SLICES
from renet.training.history import HISTORY


@dataclass(frozen=True)
class RunResults:
    """The results of one run: the files of these names."""

    name: str
    settings: dict  # the sections `model` and `train` of the config
    metrics: dict
    model: dict
    history: pd.DataFrame
    slices: pd.DataFrame
    gallery: pd.DataFrame
    saliency: pd.DataFrame


@dataclass(frozen=True)
class DataResults:
    """The results that all runs share."""

    config: dict  # the config's sections about the data
    funnel: pd.DataFrame
    archives: list[dict]  # facts of the receipts

    @functools.cached_property
    def steps(self) -> pd.DataFrame:
        """Rows that are dropped and that remain at each step, over all sources."""
        return self.funnel.groupby("step", sort=False)[["dropped", "remaining"]].sum()


def read_run(folder: Path, settings: dict) -> RunResults:
    """Read the results of the run that has this folder."""
    return RunResults(
        name=folder.name,
        settings=settings,
        metrics=files.read_json(folder / "metrics.json"),
        model=files.read_json(folder / "model.json"),
        history=HISTORY.read(folder / "history.csv"),
        slices=SLICES.read(folder / "slices.csv"),
        gallery=GALLERY.read(folder / "gallery.csv"),
        saliency=SALIENCY.read(folder / "saliency.csv"),
    )
