"""Write the pages of the results: report.html of each run, and index.html over all of them.

Reads: metrics.json and history.csv of each run, funnel.csv, and the settings.
Writes: results/runs/<run>/report.html and results/index.html; the pages show the run's pictures by
reference and link every file that a run leaves.
Decides: nothing.
"""

import argparse
from pathlib import Path

import pandas as pd
import yaml

from renet import files, logs, pages
from renet.errors import InputError


def report(results: Path, runs: dict[str, dict], data: dict) -> None:
    """Write all pages below the folder `results`.

    Args:
        runs: settings of each run, by name.
        data: the config's sections about the data.
    """
    complete = {
        name: {
            "settings": settings,
            "metrics": files.read_json(results / "runs" / name / "metrics.json"),
            "history": pd.read_csv(results / "runs" / name / "history.csv"),
        }
        for name, settings in runs.items()
    }
    for name, run in complete.items():
        pages.write_run(results / "runs" / name / "report.html", name, run, data)
    funnel = pd.read_csv(results / "data" / "funnel.csv")
    pages.write_index(results / "index.html", complete, funnel, data)


def main() -> None:
    """Write the pages of a results folder again, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("results", type=Path, help="folder with runs/ and data/funnel.csv")
    parser.add_argument("settings", type=Path, help="YAML file with the keys runs and data")
    arguments = parser.parse_args()
    logs.start()
    settings = yaml.safe_load(arguments.settings.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or not {"runs", "data"} <= set(settings):
        raise InputError(f"{arguments.settings} must have the keys runs and data.")
    report(arguments.results, settings["runs"], settings["data"])


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        report(Path(snakemake.output.index).parent, snakemake.params.runs, snakemake.params.data)
    else:
        main()
