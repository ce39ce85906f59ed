"""What the pages are written from: the results of a run, and those of the data."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from renet.common import advice, files
from renet.common.imdb_wiki import DATABASES, TABLE
from renet.config.model import AnyArchitecture, from_settings
from renet.evaluation import tables
from renet.metadata.tables import SUBSETS
from renet.pages import machine
from renet.training.history import HISTORY


@dataclass(frozen=True)
class SetResults:
    """The results of one run on a test set, which is `test` in its metrics."""

    metrics: dict
    slices: pd.DataFrame
    gallery: pd.DataFrame


@dataclass(frozen=True)
class RunResults(SetResults):
    """The results of one run: the files of these names."""

    name: str
    settings: dict  # the sections `model` and `train` of the config, and `folds`
    model: dict
    history: pd.DataFrame
    saliency: pd.DataFrame
    layers: pd.DataFrame  # empty for a kind without layers
    commit: str  # of the code that trained it, see `machine.commit`
    external: dict[str, SetResults]  # by the name of the set
    out_of_fold: SetResults | None  # of a run with folds

    @property
    def folds(self) -> int:
        """Number of folds; 0 for a run without."""
        return self.settings.get("folds", 0)

    @property
    def sets(self) -> dict[str, SetResults]:
        """The results on the test set and on each external set, by name."""
        return {"test": self, **self.external}

    @property
    def stated(self) -> SetResults:
        """The results that the pages state first: out of fold, where the test faces are few."""
        test = self.metrics["test"]
        is_small = tables.is_small(test["n"], test["effective_people"])
        return self.out_of_fold if self.out_of_fold and is_small else self

    @property
    def architecture(self) -> AnyArchitecture:
        """Which tells what a network of this kind lacks."""
        return from_settings(self.settings["model"])

    @property
    def epochs(self) -> int:
        """Epochs of the training; an SVM has one row of history, after the last of them."""
        return int(self.history.epoch.iloc[-1])

    @property
    def advice(self) -> str:
        """What may help where the network is not better than the baseline; nothing elsewhere."""
        test = self.stated.metrics["test"]
        if test["differences"]["over_baseline"]["significant"] and not test["constant_prediction"]:
            return ""
        updates = None
        if self.architecture.has_layers:
            faces = self.metrics["data"]["faces"].get("train", 0)
            updates = self.epochs * -(-faces // self.settings["train"]["batch_size"])
        male = test["majority_baseline"]["male_fraction"]
        training = self.history.accuracy.iloc[-1]
        return advice.of_result(updates, training, max(male, 1 - male), test["accuracy"])


@dataclass(frozen=True)
class DataResults:
    """The results that all runs share."""

    config: dict  # the config's sections about the data
    funnel: pd.DataFrame
    archives: list[dict]  # as from `receipts.facts`
    notes: str  # Markdown that the user wrote for the data sheet; "" for none
    evaluations: Counter[str]  # trained models that were evaluated on each set
    external: dict[str, pd.DataFrame]  # funnel of each external set
    comparison: pd.DataFrame  # comparison.csv; empty for one run
    suspects: frozenset[str] | None  # ids that the label audit suspects; None without one
    reviewed: dict  # how many labels a person corrected, confirmed and dropped; {} without an audit
    learning_curve: pd.DataFrame | None
    predicted: bool  # whether each run has predictions.html

    @functools.cached_property
    def steps(self) -> pd.DataFrame:
        """Rows that are dropped and that remain at each step, over all sources.

        Steps at which nothing happens are left out, but not the first one and the subsets.
        """
        steps = self.funnel.groupby("step", sort=False)[["dropped", "remaining", "changed"]].sum()
        is_shown = (steps.dropped > 0) | (steps.changed > 0) | steps.index.isin(["rows", *SUBSETS])
        return steps[is_shown]

    @property
    def of_best(self) -> pd.DataFrame:
        """The rows of comparison.csv that compare the best run with the others."""
        return self.comparison[self.comparison.kind == tables.BEST]

    @property
    def choice_metric(self) -> str:
        """The metric that chooses the best run."""
        return next(iter(self.of_best.metric), "accuracy")

    @property
    def kinds_of_photos(self) -> dict[str, bool]:
        """Whether there are `drawn` (the sample), `public` (IMDB-WIKI) and the user's `own`."""
        return {
            "drawn": "sample" in self.config["sources"],
            "public": bool(set(DATABASES) & set(self.config["databases"])),
            "own": TABLE in self.config["databases"],
        }


def read_run(
    given: Mapping[str, Path], name: str, settings: dict, external: Iterable[str] = ()
) -> RunResults:
    """Read a run's results, also on external sets; `given` has files by their places in runs/."""
    out_of_fold = f"{name}/out_of_fold"
    return RunResults(
        **_read_set(given, name),
        name=name,
        settings=settings,
        model=files.read_json(given[f"{name}/page/model.json"]),
        history=HISTORY.read(given[f"{name}/history.csv"]),
        saliency=tables.SALIENCY.read(given[f"{name}/tables/saliency.csv"]),
        layers=tables.LAYERS.read(given[f"{name}/tables/layers.csv"]),
        commit=machine.commit(files.read_json(given[f"{name}/provenance.json"])["code"]),
        external={of: SetResults(**_read_set(given, f"{name}/external/{of}")) for of in external},
        out_of_fold=SetResults(**_read_set(given, out_of_fold)) if settings.get("folds") else None,
    )


def _read_set(given: Mapping[str, Path], folder: str) -> dict:
    return {
        "metrics": files.read_json(given[f"{folder}/metrics.json"]),
        "slices": tables.SLICES.read(given[f"{folder}/tables/slices.csv"]),
        "gallery": tables.GALLERY.read(given[f"{folder}/tables/gallery.csv"]),
    }


def read_suspects(labels: Path) -> frozenset[str]:
    """The ids of the suspect labels, from labels.csv of the label audit."""
    audited = tables.LABELS.read(labels, ("id", "suspect"))
    return frozenset(audited.id[audited.suspect == 1])
