"""Model card and data sheet, written from a run's own numbers.

After Mitchell et al., Model Cards for Model Reporting (2019), and Gebru et al., Datasheets for
Datasets (2021).
"""

from pathlib import Path

from renet.common import files
from renet.common.imdb_wiki import DATABASES
from renet.pages import pages, phrases


def write_model_card(path: str | Path, name: str, run: dict, data: dict) -> None:
    """Write model_card.md of one run; the arguments are as for `pages.write_run`."""
    table = run["slices"]
    known = table[table.n >= phrases.SMALL_SLICE]
    text = _fill(
        "model_card.md.j2",
        name=name,
        run=run,
        test=run["metrics"]["test"],
        calibration=run["metrics"]["calibration"],
        leakage=run["metrics"]["leakage"],
        **_kinds(data["config"]),
        training=run["settings"]["train"],
        figures=phrases.all_figures(run["metrics"]),
        slices=[_slice_line(row) for _, row in known.iterrows()],
        left_out=len(table) - len(known),
        small=phrases.SMALL_SLICE,
        slices_text=phrases.slices(table),
        calibration_text=phrases.calibration(run["metrics"]),
    )
    files.write_text(path, text)


def _slice_line(row: object) -> list[str]:
    interval = phrases.span(phrases.widest(row), True)
    return [f"{row.slice}: {row.value}", f"{row.n:,}", phrases.percent(row.accuracy), interval]


def write_datasheet(path: str | Path, run: dict, data: dict) -> None:
    """Write datasheet.md of the data that all runs share; `run` is any of them."""
    steps = data["funnel"].groupby("step", sort=False).agg({"dropped": "sum", "remaining": "sum"})
    text = _fill(
        "datasheet.md.j2",
        **_kinds(data["config"]),
        archives=data["archives"],
        steps=[
            [step.replace("_", " "), f"{row.dropped:,}", f"{row.remaining:,}"]
            for step, row in steps.iterrows()
        ],
        rows=int(steps.remaining.iloc[0]),
        faces=int(steps.remaining[["train", "validation", "test"]].sum()),
        test=run["metrics"]["test"],
        leakage=run["metrics"]["leakage"],
        slices=run["slices"],
    )
    files.write_text(path, text)


def _kinds(config: dict) -> dict:
    """What kind of photos there are: `drawn`, of the `public` data set, or one's `own`."""
    return {
        "data": config,
        "drawn": "sample" in config["sources"],
        "public": bool(set(DATABASES) & set(config["databases"])),
        "own": "table" in config["databases"],
    }


def _fill(template: str, **values: object) -> str:
    return pages.environment().get_template(template).render(**values, percent=phrases.percent)
