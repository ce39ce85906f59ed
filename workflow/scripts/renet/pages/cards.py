"""Model card and data sheet, filled in with the results of a run.

After Mitchell et al., Model Cards for Model Reporting (2019), and Gebru et al., Datasheets for
Datasets (2021).
"""

from pathlib import Path

import pandas as pd

from renet.common.imdb_wiki import DATABASES
from renet.pages import metric_tables, phrases, templates
from renet.pages.results import DataResults, RunResults
from renet.pages.templates import PageTable


def write_model_card(path: Path, run: RunResults, data: DataResults) -> None:
    """Write model_card.md of one run."""
    shown = run.slices[run.slices.n >= phrases.SMALL_SLICE]
    templates.write(
        "model_card.md.j2",
        path,
        name=run.name,
        model=run.model,
        test=run.metrics["test"],
        leakage=run.metrics["leakage"],
        **_kinds_of_photos(data.config),
        training=run.settings["train"],
        metrics=metric_tables.metrics_table(run.metrics),
        calibration=phrases.calibration(run.metrics),
        slices=_accuracy_by_slice(shown),
        slices_text=phrases.slices(run.slices),
        left_out=len(run.slices) - len(shown),
        small=phrases.SMALL_SLICE,
    )


def _accuracy_by_slice(slices: pd.DataFrame) -> PageTable:
    rows = [
        [
            f"{row.slice}: {row.value}",
            f"{row.n:,}",
            phrases.percentage(row.accuracy),
            phrases.slice_interval(row),
        ]
        for _, row in slices.iterrows()
    ]
    headings = ["slice", "faces", "accuracy", "95 % interval (the wider)"]
    return PageTable("Accuracy by slice", headings, rows)


def write_datasheet(path: Path, run: RunResults, data: DataResults) -> None:
    """Write datasheet.md of the data that all runs share; `run` is any of them."""
    templates.write(
        "datasheet.md.j2",
        path,
        **_kinds_of_photos(data.config),
        archives=data.archives,
        steps=data.steps,
        rows=int(data.steps.remaining.iloc[0]),
        faces=int(data.steps.remaining[["train", "validation", "test"]].sum()),
        leakage=run.metrics["leakage"],
        slices=run.slices,
    )


def _kinds_of_photos(config: dict) -> dict:
    """The kinds of photos: `drawn` (the sample), `public` (IMDB-WIKI), the user's `own`."""
    return {
        "data": config,
        "drawn": "sample" in config["sources"],
        "public": bool(set(DATABASES) & set(config["databases"])),
        "own": "table" in config["databases"],
    }
