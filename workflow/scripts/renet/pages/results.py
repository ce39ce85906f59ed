"""The content of the pages: the results of a run, and those of the data.

The properties decide the cases that the templates word.
"""

import enum
import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files
from renet.common.imdb_wiki import DATABASES, SUBSETS, TABLE
from renet.common.table import Table
from renet.config.model import AnyArchitecture, from_settings
from renet.evaluation import slice_tests, tables
from renet.evaluation.tables import ALPHA
from renet.pages import machine
from renet.pages.tables import GALLERY, LAYERS, SALIENCY
from renet.training.history import HISTORY

SUSPECTS = Table({"id": str, "suspect": int})  # two columns of the label audit's labels.csv
FEW_TEST_FACES = 100  # with fewer, the cross-validation of a run with folds leads
FEW_UPDATES = 100  # training steps; on 80 faces, renet and cnn needed up to 60
LEARNT = 0.8  # fraction of the baseline's errors; a network with more in training has not learnt
MEMORISED = 0.25  # the same fraction; with fewer, the training faces are memorised
GAP = 0.1  # training above test accuracy, from which there are too few photos
# What may help a network that is not above the baseline.
Advice = enum.Enum("Advice", ["FEW_UPDATES", "NOT_LEARNT", "FEW_PHOTOS", "FEW_TEST_FACES"])


@dataclass(frozen=True)
class SetResults:
    """The results of one run on a set, which is `test` in its metrics."""

    set: str  # `test`, `OUT_OF_FOLD` or the name of an external set
    metrics: dict
    slices: pd.DataFrame
    gallery: pd.DataFrame

    @property
    def test(self) -> dict:
        """The metrics on this set."""
        return self.metrics["test"]

    @property
    def is_small(self) -> bool:
        """Whether the set has too few faces or people for conclusions."""
        return bool(tables.is_small(self.test["n"], self.test["effective_people"]))

    @property
    def is_few(self) -> bool:
        """Whether the set is so small that a cross-validation leads, if there is one."""
        return self.test["n"] < FEW_TEST_FACES or self.is_small

    @property
    def shown_slices(self) -> pd.DataFrame:
        """The slices of enough faces for a statement."""
        return self.slices[~tables.is_small(self.slices.n, self.slices.effective_people)]

    @property
    def groups(self) -> pd.DataFrame:
        """The genders, and slices of enough faces with enough others; the least good first."""
        is_small = tables.is_small(self.slices.n, self.slices.effective_people)
        is_shown = ~is_small & (self.slices.n <= self.test["n"] - tables.SMALL_SLICE)
        rows = self.slices[is_shown | (self.slices.slice == tables.GENDER)]
        # The genders are tested, also of few faces, as the head compares them.
        is_tested = rows.p_holm.notna() | ((rows.slice == tables.GENDER) & (rows.difference < 0))
        rows = rows.assign(untested=~is_tested).dropna(subset="difference")
        return rows.sort_values("difference", kind="stable")

    @property
    def weakest(self) -> pd.Series | None:
        """The slice furthest below the rest, of significant ones if there are; None if none is."""
        below = self.slices[self.slices.p_holm.notna() & (self.slices.difference < 0)]
        significant = below[below.p_holm <= ALPHA]
        rows = below if significant.empty else significant
        return None if rows.empty else rows.sort_values("difference", kind="stable").iloc[0]

    def shown_faces(self, name: str) -> pd.DataFrame:
        """The faces of a gallery: `EXAMPLES`, `MISTAKES` or `HARD_CASES`."""
        return self.gallery[self.gallery.gallery == name]


@dataclass(frozen=True)
class RunResults(SetResults):
    """The results of one run: the files of these names."""

    name: str
    settings: dict  # the sections `model` and `train` of the config, and `folds`
    model: dict
    history: pd.DataFrame
    saliency: pd.DataFrame
    layers: pd.DataFrame  # empty for a kind without layers
    commit: str  # the training code's commit, see `machine.commit`
    external: dict[str, SetResults]  # by the name of the set
    out_of_fold: SetResults | None  # for a run with folds
    has_walkthrough: bool  # the page of one photo
    architecture: AnyArchitecture  # which tells what a network of this kind lacks
    folds: int  # 0 for a run without
    epochs: int  # training epochs; an SVM has one row of history, after the last of them

    @property
    def stated(self) -> SetResults:
        """The set that leads, chosen by its number of faces: out of fold, if test faces are few."""
        return self.out_of_fold if self.out_of_fold and self.is_few else self

    @property
    def other_sets(self) -> list[SetResults]:
        """The sets beside the test set: the out-of-fold set, and the external ones."""
        return [*filter(None, [self.out_of_fold]), *self.external.values()]

    @property
    def has_new_people(self) -> bool:
        """Whether the people of the set that leads are recorded, and in no training."""
        shared = any(self.metrics["leakage"]["in_two_subsets"].values())
        started = self.settings["train"].get("start_from")  # from weights that may know them
        return not (shared or started or self.stated.test["unnamed_photos"])

    def above_baseline(self, metric: str) -> dict[str, bool]:
        """Whether a metric is significantly above the baseline on each set, by Holm over sets.

        The set that leads is the first. Another one of a single gender has no balanced accuracy.
        """
        sets = (self, *self.other_sets)
        tested = [one for one in sets if one.test["above_baseline"][metric] is not None]
        evidence = {one.set: one.test for one in (self.stated, *tested)}
        return dict(zip(evidence, are_above([*evidence.values()], metric), strict=True))

    @property
    def updates(self) -> int | None:
        """Updates of the weights; None for a kind of network that is fitted without."""
        if not self.architecture.has_layers:
            return None
        faces = self.metrics["data"]["faces"].get("train", 0)
        return self.epochs * -(-faces // self.settings["train"]["batch_size"])

    def advice(self, metric: str) -> Advice | None:
        """The advice where no set shows a metric above the baseline; None elsewhere."""
        test = self.stated.test
        if any(self.above_baseline(metric).values()) and not test["constant_prediction"]:
            return None
        male = test["majority_baseline"]["male_fraction"]
        training = self.history.accuracy.iloc[-1]
        return advise(self.updates, training, max(male, 1 - male), test["accuracy"])


def are_above(summaries: list[dict], metric: str) -> list[bool]:
    """Whether a metric is significantly above the baseline's in each summary, by Holm over all."""
    found = [summary["above_baseline"][metric] for summary in summaries]
    p_values = np.array([1.0 if p is None else p for p in found])
    return (slice_tests.holm(p_values) <= ALPHA).tolist()


def advise(updates: int | None, training: float, majority: float, test: float) -> Advice:
    """The advice on a trained network that is not better than the baseline.

    Args:
        updates: of the weights; None for a kind of network that is fitted without.
        training: accuracy on the training faces in the last epoch, and `test` on the test faces.
        majority: fraction of the majority class in the training set.
    """
    is_gap = training > test + GAP
    if is_gap and 1 - training < MEMORISED * (1 - majority):
        return Advice.FEW_PHOTOS
    if updates is not None and updates < FEW_UPDATES:
        return Advice.FEW_UPDATES
    if updates is not None and 1 - training > LEARNT * (1 - majority):
        return Advice.NOT_LEARNT
    return Advice.FEW_PHOTOS if is_gap else Advice.FEW_TEST_FACES


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
    suspects: pd.DataFrame | None  # `SUSPECTS`; None without a label audit
    reviewed: dict  # how many labels a person corrected, confirmed and dropped; {} without an audit
    learning_curve: pd.DataFrame | None
    predicted: bool  # whether each run has predictions.html

    def suspected(self, run: RunResults) -> int | None:
        """The number of mistakes in the gallery with suspect labels; None without an audit."""
        if self.suspects is None:
            return None
        suspected = self.suspects.id[self.suspects.suspect == 1]
        return int(run.shown_faces(tables.MISTAKES).id.isin(suspected).sum())

    @functools.cached_property
    def steps(self) -> pd.DataFrame:
        """Rows that are dropped and that remain at each step, over all sources.

        Steps at which nothing happens are left out, but not the first one and the subsets.
        """
        steps = self.funnel.groupby("step", sort=False)[["dropped", "remaining", "changed"]].sum()
        is_shown = (steps.dropped > 0) | (steps.changed > 0) | steps.index.isin(["rows", *SUBSETS])
        return steps[is_shown]

    @property
    def best_rows(self) -> pd.DataFrame:
        """The rows of comparison.csv that compare the best run with the others."""
        return self.comparison[self.comparison.kind == tables.BEST]

    @property
    def best(self) -> str | None:
        """The name of the best run; None if there is one run."""
        return next(iter(self.best_rows.other), None)

    @property
    def choice_metric(self) -> str:
        """The metric that chooses the best run, and that the pages show first."""
        return next(iter(self.best_rows.metric), "accuracy")

    @property
    def photo_kinds(self) -> dict[str, bool]:
        """Whether there are `drawn` (the sample), `public` (IMDB-WIKI), `published`, `own` ones."""
        return {
            "drawn": "sample" in self.config["sources"],
            "public": bool(set(DATABASES) & set(self.config["databases"])),
            "published": any(name in self.config["sources"] for name in self.config["origins"]),
            "own": TABLE in self.config["databases"],
        }


def read_run(
    given: Mapping[str, Path], name: str, settings: dict, external: Iterable[str] = ()
) -> RunResults:
    """Read a run's results, also on external sets; `given` has files by their places in runs/."""

    def read_set(set_name: str, folder: str) -> dict:
        return {
            "set": set_name,
            "metrics": files.read_json(given[f"{folder}/metrics.json"]),
            "slices": tables.SLICES.read(given[f"{folder}/tables/slices.csv"]),
            "gallery": GALLERY.read(given[f"{folder}/tables/gallery.csv"]),
        }

    history, folds = HISTORY.read(given[f"{name}/history.csv"]), settings.get("folds", 0)
    out_of_fold = tables.OUT_OF_FOLD
    return RunResults(
        **read_set("test", name),
        name=name,
        settings=settings,
        model=files.read_json(given[f"{name}/page/model.json"]),
        history=history,
        saliency=SALIENCY.read(given[f"{name}/tables/saliency.csv"]),
        layers=LAYERS.read(given[f"{name}/tables/layers.csv"]),
        commit=machine.commit(files.read_json(given[f"{name}/provenance.json"])["code"]),
        external={one: SetResults(**read_set(one, f"{name}/external/{one}")) for one in external},
        out_of_fold=SetResults(**read_set(out_of_fold, f"{name}/{out_of_fold}")) if folds else None,
        has_walkthrough=f"{name}/walkthrough.html" in given,
        architecture=from_settings(settings["model"]),
        folds=folds,
        epochs=int(history.epoch.iloc[-1]),
    )
