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
    """Caption of a figure, which Snakemake's report shows, too, in one line without markup."""
    text = Path(__file__).with_name("captions").joinpath(f"{name}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "").split())


# Not of templates.py, which predict.py needs:
templates.ENVIRONMENT.globals |= {"caption": caption, "limits": tables}
templates.add_sentences("sentences.j2")


@dataclass(frozen=True)
class SetResults:
    """The results of one run on a set, which is `test` in its metrics."""

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
        """Tested slices with `is_below` and `has_gap`; significant ones first, then by `lower`.

        `lower` is the lower of the two recalls. The genders have a conclusion of their own, and are
        not listed. A slice and its complement are one test; only the slice with the test is listed.
        """
        rows = self.named("tested")
        below, gaps = (rows.index.isin(self.named(name).index) for name in ("below", "gaps"))
        lower = rows[["recall_female", "recall_male"]].min(axis=1)
        rows = rows.assign(is_below=below, has_gap=gaps, significant=below | gaps, lower=lower)
        return rows.sort_values(["significant", "lower"], ascending=[False, True], kind="stable")

    def named(self, conclusion: str) -> pd.DataFrame:
        """Slices that `groups` of metrics.json has under a conclusion, such as `below`."""
        keys = getattr(self.metrics.groups, conclusion)
        return self.slices.set_index(["slice", "value"], drop=False).loc[keys]

    def shown_faces(self, name: str) -> pd.DataFrame:
        """Faces of a gallery: `EXAMPLES`, `MISTAKES` or `HARD_CASES`."""
        return self.gallery[self.gallery.gallery == name]


@dataclass(frozen=True)
class RunResults(SetResults):
    """Results of one run: the files of these names."""

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
    claims: pd.DataFrame  # rows of runs.csv, by the name of the set

    @property
    def stated(self) -> SetResults:
        """Results on the set that leads."""
        leads = cast(Stated, self.metrics.stated).set
        return self if leads == "test" else cast(SetResults, self.out_of_fold)

    def changed(self, defaults: dict) -> dict[str, tuple[object, object]]:
        """Settings that differ from the defaults, for the model of its kind: value and default."""
        model = type(self.architecture)().model_dump() | {"kind": defaults["model"]["kind"]}
        known, given = flatten(defaults | {"model": model}), flatten(self.settings)
        return {key: (value, known[key]) for key, value in given.items() if value != known[key]}

    @property
    def other_sets(self) -> list[SetResults]:
        """Sets beside the test set: the out-of-fold set, and the external ones."""
        return [*filter(None, [self.out_of_fold]), *self.external.values()]


@dataclass(frozen=True)
class DataResults:
    """Results that all runs share."""

    config: dict  # the config's sections about the data
    funnel: pd.DataFrame
    archives: list[dict]  # as from `receipts.facts`
    notes: str  # Markdown that the user wrote for the data sheet; "" for none
    evaluations: Counter[str]  # trained models that were evaluated on each set
    external: dict[str, pd.DataFrame]  # funnel of each external set
    runs: pd.DataFrame  # runs.csv
    comparison: pd.DataFrame  # comparison.csv; empty for one run
    suspects: pd.DataFrame | None  # `SUSPECTS`; None without a label audit
    reviewed: dict  # how many labels a person corrected, confirmed and dropped; {} without an audit
    to_review: int  # suspects that no person has seen; 0 without a network that can tell
    learning_curve: pd.DataFrame | None
    predicted: bool  # whether each run has predictions.html
    defaults: dict  # settings of a run of the default config
    entries: dict[str, str]  # of `runs` in the config, by the run that each makes

    def suspected(self, run: RunResults) -> int | None:
        """Number of mistakes in the gallery with suspect labels; None without an audit."""
        if self.suspects is None:
            return None
        suspected = self.suspects.id[self.suspects.suspect == 1]
        return int(run.shown_faces(MISTAKES).id.isin(suspected).sum())

    def next_steps(self, run: RunResults) -> list[str]:
        """What may come next, at most two steps: the case of each."""
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
        """Rows that are dropped and that remain at each step, over all sources.

        Steps at which nothing happens are left out, but not the first one and the subsets.
        """
        steps = self.funnel.groupby("step", sort=False)[["dropped", "remaining", "changed"]].sum()
        is_shown = (steps.dropped > 0) | (steps.changed > 0) | steps.index.isin(["rows", *SUBSETS])
        return steps[is_shown]

    @property
    def best(self) -> str | None:
        """The name of the best run; None if there is one run."""
        return next(iter(self.comparison.other[self.comparison.kind == tables.BEST]), None)

    @property
    def choice_metric(self) -> str:
        """Metric that chooses the best run, and that the pages show first."""
        return self.runs.metric.iloc[0]

    @property
    def photo_kinds(self) -> dict[str, bool]:
        """Whether there are `drawn` (the sample), `public` (IMDB-WIKI), `published`, `own` ones."""
        return {
            "drawn": "sample" in self.config["sources"],
            "public": bool(set(DATABASES) & set(self.config["databases"])),
            "published": any(name in self.config["sources"] for name in self.config["origins"]),
            "own": TABLE in self.config["databases"],
        }


def flatten(settings: dict) -> dict[str, Any]:
    """A run's settings in one level, such as `train.seed`; `folds` keeps its name."""
    return pd.json_normalize(settings, max_level=1).to_dict("records")[0]


def read_runs(path: Path) -> pd.DataFrame:
    """The table `RUNS`; `above` is None where no claim is made."""
    table = tables.RUNS.read(path)
    return table.assign(above=table.above.astype(object).where(table.above.notna(), None))


def read_run(
    given: Mapping[str, Path],
    name: str,
    settings: dict,
    runs: pd.DataFrame,
    external: Iterable[str] = (),
) -> RunResults:
    """Read a run's results from the files by their places in runs/, also on external sets."""

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
