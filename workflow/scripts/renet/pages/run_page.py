"""The page of one run, report.html."""

from pathlib import Path

import yaml

from renet.pages import metric_tables, templates
from renet.pages.results import DataResults, RunResults
from renet.planning.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES


def write(path: Path, run: RunResults, data: DataResults) -> None:
    """Write the page of a run."""
    figures = RUN_FIGURES if run.architecture.has_layers else FIGURES_OF_PREDICTIONS  # no losses
    templates.write(
        "run.html.j2",
        path,
        run=run,
        results=data,
        data=data.config,
        metric=metric_tables.BY_NAME[data.choice_metric],
        figures=figures,
        figures_of_sets=FIGURES_OF_PREDICTIONS,
        settings=yaml.safe_dump({**run.settings, "data": data.config}, sort_keys=False),
        tables=metric_tables,
    )
