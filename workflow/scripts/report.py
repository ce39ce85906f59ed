"""Write the pages and cards of the results: report.html of each run, and index.html over all.

Reads: metrics.json, model.json, history.csv, slices.csv, gallery.csv and saliency.csv of each run,
funnel.csv, the receipts of the archives, and the settings.
Writes: runs/<run>/report.html and model_card.md, data/datasheet.md, index.html, and two pictures,
learning_curves.svg (all runs) and data/funnel.svg. The pages show pictures by reference and link
every file that a run leaves.
Decides: nothing.
"""

import argparse
from pathlib import Path

import pandas as pd
import yaml

from renet.archives.receipts import facts
from renet.common import files, logs
from renet.common.errors import InputError
from renet.evaluation import inference_table, plots
from renet.pages import cards, pages


def report(results: Path, runs: dict[str, dict], config: dict, receipts: list[str]) -> None:
    """Write all pages below the folder `results`.

    Args:
        runs: settings of each run, by name.
        config: the config's sections about the data.
        receipts: of all archives.
    """
    data = {
        "config": config,
        "funnel": pd.read_csv(results / "data" / "funnel.csv", dtype={"source": str}),
        "archives": [facts(receipt) for receipt in receipts],
    }
    complete = {
        name: read_run(results / "runs" / name, settings) for name, settings in runs.items()
    }
    for name, run in complete.items():
        folder = results / "runs" / name
        pages.write_run(folder / "report.html", name, run, data)
        cards.write_model_card(folder / "model_card.md", name, run, data)
    cards.write_datasheet(results / "data" / "datasheet.md", next(iter(complete.values())), data)
    plots.funnel(data["funnel"], results / "data" / "funnel.svg")
    histories = {name: run["history"] for name, run in complete.items()}
    plots.learning_curves(histories, results / "learning_curves.svg")
    pages.write_index(results / "index.html", complete, data)


def read_run(folder: Path, settings: dict) -> dict:
    """What `pages.write_run` needs to know of a run."""
    return {
        "settings": settings,
        "metrics": files.read_json(folder / "metrics.json"),
        "model": files.read_json(folder / "model.json"),
        "history": pd.read_csv(folder / "history.csv"),
        "slices": pd.read_csv(folder / "slices.csv"),
        "gallery": inference_table.read(folder / "gallery.csv"),
        "saliency": inference_table.read(folder / "saliency.csv"),
    }


def main() -> None:
    """Write the pages of a results folder again, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("results", type=Path, help="folder with runs/ and data/funnel.csv")
    parser.add_argument("settings", type=Path, help="YAML file with the keys runs and data")
    parser.add_argument("receipts", nargs="*", help="receipts of the archives, to be named")
    arguments = parser.parse_args()
    logs.start()
    settings = yaml.safe_load(arguments.settings.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or not {"runs", "data"} <= set(settings):
        raise InputError(f"{arguments.settings} must have the keys runs and data.")
    report(arguments.results, settings["runs"], settings["data"], arguments.receipts)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        report(
            Path(snakemake.output.index).parent,
            snakemake.params.runs,
            snakemake.params.data,
            snakemake.input.receipts,
        )
    else:
        main()
