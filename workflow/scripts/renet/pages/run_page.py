"""The page of one run, report.html."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from renet.evaluation.tables import HARD_CASES, MISTAKES
from renet.pages import filters, metric_tables, templates, verdict
from renet.pages.results import DataResults, RunResults, SetResults
from renet.pages.verdict import Verdict
from renet.planning.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES, RunFigure


@dataclass(frozen=True)
class RunPage:
    """All that report.html is written from."""

    run: RunResults
    data: DataResults
    verdict: Verdict

    @property
    def figures(self) -> list[RunFigure]:
        """The figures; of few faces none of slices, and of a kind without epochs no losses."""
        has_epochs = self.run.architecture.has_layers
        shown = RUN_FIGURES if has_epochs else FIGURES_OF_PREDICTIONS
        return [one for one in shown if not (one.of_slices and self.run.is_small)]

    @property
    def sets(self) -> list[SetResults]:
        """The sets beside the test set: the out-of-fold set, and the external ones."""
        return [*filter(None, [self.run.out_of_fold]), *self.run.external.values()]

    @property
    def history_rows(self) -> list[list[str]]:
        """history.csv as text."""
        return [
            [filters.UNDEFINED if pd.isna(value) else f"{value:.4g}" for value in row]
            for row in self.run.history.itertuples(index=False)
        ]

    @property
    def settings(self) -> str:
        """The settings of model, training and data as YAML."""
        return yaml.safe_dump({**self.run.settings, "data": self.data.config}, sort_keys=False)


def write(path: Path, run: RunResults, data: DataResults) -> None:
    """Write the page of a run."""
    page = RunPage(run, data, verdict.of_run(run, data))
    templates.write(
        "run.html.j2", path, page=page, run=run, data=data.config, tables=metric_tables,
        MISTAKES=MISTAKES, HARD_CASES=HARD_CASES, figures_of_sets=FIGURES_OF_PREDICTIONS,
    )  # fmt: skip
