"""Write the pages and cards of the results.

Reads: metrics.json, model.json, history.csv, slices.csv, gallery.csv and saliency.csv of each run,
the funnel, the receipts of the archives, and the settings.
Writes: index.html, and at their places in the same folder learning_curves.svg, data/funnel.svg,
data/datasheet.md, and report.html and model_card.md of each run. The pages show figures by relative
links and link all files of a run.
Decides: nothing.
"""

import logging
from pathlib import Path
from typing import Annotated

import yaml
from cyclopts import Parameter

from renet.archives import receipts as archive_receipts
from renet.common import script
from renet.common.errors import InputError
from renet.dataset.tables import FUNNEL
from renet.pages import cards, index_page, index_plots, results, run_page


def read_settings(_: type, tokens: list) -> dict:
    """Settings on a command line: a YAML file."""
    path = Path(tokens[0].value)
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or not {"runs", "data"} <= set(settings):
        raise InputError(f"{path} must be a YAML file with the keys runs and data.")
    return settings


Settings = Annotated[
    dict, Parameter(converter=read_settings, accepts_keys=False, n_tokens=1, metavar="YAML")
]


def report(
    run_files: list[Path],
    *,
    funnel: Path,
    settings: Settings,
    receipts: list[Path] = (),
    index: script.Output,
) -> None:
    """Write all pages of a folder of results.

    Args:
        run_files: metrics.json, model.json and the tables of each run; by hand, one file in the
            folder of each run is enough.
        funnel: data/funnel.csv.
        settings: the keys `runs` (sections `model` and `train` of each run) and `data` (the
            config's sections about the data).
        receipts: of all archives.
        index: index.html to write; the other files are written to the same folder.
    """
    folder = index.parent
    data = results.DataResults(
        config=settings["data"],
        funnel=FUNNEL.read(funnel),
        archives=[archive_receipts.facts(receipt) for receipt in receipts],
    )
    folders = {path.parent.name: path.parent for path in run_files}
    runs = [
        results.read_run(folders[name], run_settings)
        for name, run_settings in settings["runs"].items()
    ]
    for run in runs:
        run_page.write(folder / "runs" / run.name / "report.html", run, data)
        cards.write_model_card(folder / "runs" / run.name / "model_card.md", run, data)
    cards.write_datasheet(folder / "data" / "datasheet.md", runs[0], data)
    index_plots.funnel(data.steps, folder / "data" / "funnel.svg")
    histories = {run.name: run.history for run in runs}
    index_plots.learning_curves(histories, folder / "learning_curves.svg")
    index_page.write(index, runs, data)
    for run in runs:
        test = run.metrics["test"]
        logging.info(
            "Run %s: test accuracy %.1f%%, balanced accuracy %.1f%%, majority class %.1f%%",
            run.name, 100 * test["accuracy"], 100 * test["balanced_accuracy"],
            100 * test["majority_baseline"]["accuracy"],
        )  # fmt: skip


if __name__ == "__main__":
    script.run(report)
