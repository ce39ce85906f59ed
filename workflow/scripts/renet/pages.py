"""The HTML pages of the results: one for each run, and the first page over all of them.

They need neither a server nor a network, and hold no dates, so that the same results make the same
pages.
"""

from pathlib import Path

import jinja2
import pandas as pd
import yaml

from renet import files

TEMPLATES = Path(__file__).with_name("templates")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, path: str | Path, **values: object) -> None:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    page = _environment().get_template(template).render(style=style, **values)
    files.write_text(path, page)


def write_run(path: str | Path, name: str, run: dict, data: dict) -> None:
    """Write the page of one run.

    Args:
        run: its `metrics` (as in metrics.json), `history` (table) and `settings`.
        data: the config's sections about the data.
    """
    settings = yaml.safe_dump({**run["settings"], "data": data}, sort_keys=False)
    _render("run.html.j2", path, title=f"Run {name}", run=run, settings=settings, data=data)


def write_index(path: str | Path, runs: dict[str, dict], funnel: pd.DataFrame, data: dict) -> None:
    """Write the page over all runs.

    Args:
        runs: by name, as for `write_run`.
        funnel: the table funnel.csv of the results, a step of a source a row.
    """
    rows = funnel.pivot(index="step", columns="source", values="remaining")
    rows = rows.loc[funnel.step.drop_duplicates(), funnel.source.drop_duplicates()]
    title = "Gender classification with a ReNet-style network"
    _render(
        "index.html.j2", path, title=title, runs=runs, rows=rows.fillna(0).astype(int), data=data
    )
