"""Content of the pages: the results of a run, and facts about the data.

The properties decide the cases that the templates word.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from renet.common import files
from renet.common.history import HISTORY
from renet.common.imdb_wiki import DATABASES, SUBSETS, TABLE
from renet.common.table import Table
from renet.config.model import AnyArchitecture, from_settings
from renet.evaluation import summary, tables
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.summary import SetSummary, Stated, Summary
from renet.pages import templates
from renet.pages.page_data import GALLERY, LAYERS, MISTAKES, SALIENCY
from renet.records import machine

SUSPECTS = Table({"id": str, "suspect": int})  # two columns of the label audit's labels.csv


def caption(name: str) -> str:
    """Return a figure's caption, also used in Snakemake's report, as one line without markup."""
    text = Path(__file__).with_name("captions").joinpath(f"{name}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "").split())


# Registered here, because predict.py imports templates.py and does not need these values:
templates.ENVIRONMENT.globals |= {"caption": caption, "limits": tables}
templates.add_sentences("sentences.j2")


@dataclass(frozen=True)
class SetResults:
    """Results of one run on a set; the key `test` of the metrics has the metrics on this set."""

    set: str  # `test`, `OUT_OF_FOLD` or the name of an external set
    metrics: Summary
    slices: pd.DataFrame
    gallery: pd.DataFrame

    @property
    def test(self) -> SetSummary:
        """Metrics on this set."""
        return self.metrics.test

    @property
    def groups(self) -> pd.DataFrame:
        """Tested slices, significant slices first, sorted by `lower`, the lower of both recalls.

        `is_below` and `has_gap` mark significant results. Slices by gender have a conclusion of
        their own and are omitted. Of a slice and its complement, only one has a test, and is shown.
        """
        rows = self.named("tested")
        below, gaps = (rows.index.isin(self.named(name).index) for name in ("below", "gaps"))
        lower = rows[["recall_female", "recall_male"]].min(axis=1)
        rows = rows.assign(is_below=below, has_gap=gaps, significant=below | gaps, lower=lower)
        return rows.sort_values(["significant", "lower"], ascending=[False, True], kind="stable")

    def named(self, conclusion: str) -> pd.DataFrame:
        """Return the slices that `groups` of metrics.json lists under a key, such as `below`."""
        keys = getattr(self.metrics.groups, conclusion)
        return self.slices.set_index(["slice", "value"], drop=False).loc[keys]

    def shown_faces(self, name: str) -> pd.DataFrame:
        """Return the faces of a gallery: `EXAMPLES`, `MISTAKES` or `HARD_CASES`."""
        return self.gallery[self.gallery.gallery == name]


@dataclass(frozen=True)
class RunResults(SetResults):
    """Results of one run on all sets; most fields are the content of the file of this name."""

    name: str
    settings: dict  # the sections `model` and `train` of the config, and `folds`
    model: dict
    history: pd.DataFrame
    saliency: pd.DataFrame
    layers: pd.DataFrame  # empty for a kind without layers
    commit: str  # the training code's commit, see `machine.commit`
    external: dict[str, SetResults]  # by the name of the set
    out_of_fold: SetResults | None  # for a run with folds
    has_walkthrough: bool  # whether the run has a page of one photo
    architecture: AnyArchitecture  # whose attributes tell, for instance, whether it has layers
    folds: int  # 0 for a run without folds
    epochs: int  # training epochs; the history of an SVM has one row, for the last epoch
    claims: pd.DataFrame  # rows of runs.csv, by the name of the set

    @property
    def stated(self) -> SetResults:
        """Results on the leading set: the test set or the out-of-fold set."""
        leads = cast(Stated, self.metrics.stated).set
        return self if leads == "test" else cast(SetResults, self.out_of_fold)

    def changed(self, defaults: dict) -> dict[str, tuple[object, object]]:
        """Return {key: (value, default)} of settings that differ from the defaults of the kind."""
        model = type(self.architecture)().model_dump() | {"kind": defaults["model"]["kind"]}
        known, given = flatten(defaults | {"model": model}), flatten(self.settings)
        return {key: (value, known[key]) for key, value in given.items() if value != known[key]}

    @property
    def other_sets(self) -> list[SetResults]:
        """Results on the out-of-fold set, if there is one, and on the external sets."""
        return [*filter(None, [self.out_of_fold]), *self.external.values()]


@dataclass(frozen=True)
class DataResults:
    """Results that all runs share."""

    config: dict  # the config's sections about the data
    funnel: pd.DataFrame
    archives: list[dict]  # from `receipts.facts`
    notes: str  # Markdown that the user wrote for the data sheet; "" for none
    evaluations: Counter[str]  # number of trained models that were evaluated on each set
    external: dict[str, pd.DataFrame]  # funnel of each external set
    face_boxes: dict[str, dict]  # face_box.json of the training set, "train", and external sets
    runs: pd.DataFrame  # runs.csv
    comparison: pd.DataFrame  # comparison.csv; empty for one run
    suspects: pd.DataFrame | None  # `SUSPECTS`; None without a label audit
    reviewed: dict  # how many labels a person corrected, confirmed and dropped; {} without an audit
    to_review: int  # suspect labels that no person has seen; 0 if the audit is not above baseline
    learning_curve: pd.DataFrame | None
    predicted: bool  # whether each run has predictions.html
    defaults: dict  # settings of a run of the default config
    entries: dict[str, str]  # entry in `runs` of the config, by the name of the run

    def suspected(self, run: RunResults) -> int | None:
        """Return the number of suspect labels among a gallery's mistakes; None without an audit."""
        if self.suspects is None:
            return None
        suspected = self.suspects.id[self.suspects.suspect == 1]
        return int(run.shown_faces(MISTAKES).id.isin(suspected).sum())

    def next_steps(self, run: RunResults) -> list[str]:
        """Return at most two steps that may come next, each as the name of a case."""
        advice, is_plain = run.metrics.advice, run.settings["train"].get("augment") == []
        steps = {
            advice: True,
            "folds": run.test.few and not run.folds,
            "audit": self.to_review > 0,
            "modern": advice is None and is_plain,
        }
        return [step for step, holds in steps.items() if step and holds][:2]

    @property
    def steps(self) -> pd.DataFrame:
        """Numbers of rows that each step drops, keeps and changes, over all sources.

        Steps without an effect are omitted, except the first step and the subsets.
        """
        steps = self.funnel.groupby("step", sort=False)[["dropped", "remaining", "changed"]].sum()
        is_shown = (steps.dropped > 0) | (steps.changed > 0) | steps.index.isin(["rows", *SUBSETS])
        return steps[is_shown]

    @property
    def differing_faces(self) -> dict[str, dict]:
        """Large differences from the training faces, by source or external set."""
        found = [item for box in self.face_boxes.values() for item in box["differences"].items()]
        return {name: difference for name, difference in found if difference["is_large"]}

    @property
    def best(self) -> str | None:
        """Name of the best run; None if there is only one run."""
        return next(iter(self.comparison.other[self.comparison.kind == tables.BEST]), None)

    @property
    def choice_metric(self) -> str:
        """Metric that chooses the best run, and that the pages show first."""
        return self.runs.metric.iloc[0]

    @property
    def photo_kinds(self) -> dict[str, bool]:
        """Whether there are `drawn` (sample), `public` (IMDB-WIKI), `published` or `own` photos."""
        return {
            "drawn": "sample" in self.config["sources"],
            "public": bool(set(DATABASES) & set(self.config["databases"])),
            "published": any(name in self.config["sources"] for name in self.config["origins"]),
            "own": TABLE in self.config["databases"],
        }


def flatten(settings: dict) -> dict[str, Any]:
    """Return a run's settings in one level, with keys such as `train.seed`, and `folds`."""
    return pd.json_normalize(settings, max_level=1).to_dict("records")[0]


def read_runs(path: Path) -> pd.DataFrame:
    """Read the table `RUNS`; `above` is None if there is no claim."""
    table = tables.RUNS.read(path)
    return table.assign(above=table.above.astype(object).where(table.above.notna(), None))


def read_run(
    given: Mapping[str, Path],
    name: str,
    settings: dict,
    runs: pd.DataFrame,
    external: Iterable[str] = (),
) -> RunResults:
    """Read a run's results, also on external sets; `given` maps paths in runs/ to the files."""

    def read_set(set_name: str, folder: str) -> dict:
        return {
            "set": set_name,
            "metrics": summary.read(given[f"{folder}/metrics.json"]),
            "slices": tables.SLICES.read(given[f"{folder}/tables/slices.csv"]),
            "gallery": GALLERY.read(given[f"{folder}/tables/gallery.csv"]),
        }

    history, folds = HISTORY.read(given[f"{name}/history.csv"]), settings.get("folds", 0)
    return RunResults(
        **read_set("test", name),
        name=name,
        settings=settings,
        model=files.read_json(given[f"{name}/page/model.json"]),
        history=history,
        saliency=SALIENCY.read(given[f"{name}/tables/saliency.csv"]),
        layers=LAYERS.read(given[f"{name}/tables/layers.csv"]),
        commit=machine.commit(files.read_json(given[f"{name}/provenance.json"])["code"]),
        external={key: SetResults(**read_set(key, f"{name}/external/{key}")) for key in external},
        out_of_fold=SetResults(**read_set(OUT_OF_FOLD, f"{name}/{OUT_OF_FOLD}")) if folds else None,
        has_walkthrough=f"{name}/walkthrough.html" in given,
        architecture=from_settings(settings["model"]),
        folds=folds,
        epochs=int(history.epoch.iloc[-1]),
        claims=runs[(runs.kind == tables.RUN) & (runs.run == name)].set_index("set", drop=False),
    )
