"""Jinja templates, and the tables that they show.

Pages need neither a server nor a network and hold no dates, so that the same results make the same
pages. Styles and scripts are in the page; figures and the rows of the faces are files beside it.

The charts are matplotlib's SVG: a browser without JavaScript, a printer and Snakemake's report show
them, too. The table of all faces is our own script (templates/faces.js): grid libraries that hold
50,000 rows, like Tabulator, add some 400 kB to each page and make an object of every row.
"""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import jinja2

from renet.common import files
from renet.config.version import VERSION
from renet.evaluation import tables
from renet.metadata import subjects
from renet.pages import phrases

MARKUP = re.compile(r"([\\`*\[\]<>|])")
TEMPLATES = Path(__file__).with_name("templates")
ROOMS = sorted(Path(__file__).parents[1].glob("*/"))  # of each feature, with its templates
LOADER = jinja2.FileSystemLoader([TEMPLATES, *ROOMS])
ENVIRONMENT = jinja2.Environment(
    loader=LOADER,
    autoescape=jinja2.select_autoescape(["html.j2"]),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
CAPTIONS = Path(__file__).with_name("captions")  # which Snakemake's report shows, too


def caption(name: str) -> str:
    """The caption of a figure, in one line without markup."""
    text = (CAPTIONS / f"{name}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "").split())


ENVIRONMENT.globals |= {
    "caption": caption,
    "file": lambda name: LOADER.get_source(ENVIRONMENT, name)[0],
    "limits": tables,
    "version": VERSION,
}


def setting(value: object) -> str:
    """A value of the config as one writes it in YAML."""
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


def markdown_text(text: str) -> str:
    """A text that is no markup in Markdown, nor the end of a table's cell."""
    return MARKUP.sub(r"\\\1", re.sub(r"\s*[\r\n]\s*", " ", text))


ENVIRONMENT.filters |= {
    "capitalised": phrases.capitalised,
    "counted": phrases.counted,
    "interval": phrases.percentage_interval,
    "headings": re.compile(r'<h2 id="([\w-]+)"[^>]*>(.*?)</h2>').findall,
    "kept_apart": phrases.kept_apart,
    "listed": phrases.listed,
    "markdown_text": markdown_text,
    "p_value": phrases.p_value,
    "people": phrases.people,
    "percentage": phrases.percentage,
    "points": phrases.points,
    "setting": setting,
    "shell_quoted": shlex.quote,
    "thousands": "{:,.0f}".format,
    "unit": subjects.unit,
    "unnamed": phrases.unnamed,
}


@dataclass(frozen=True)
class PageTable:
    """A table of a page or a card; the first cell of a row is its heading."""

    label: str  # for screen readers, and the heading of a collapsed table
    headings: list[str]
    rows: list[list[str]]
    collapsed: bool = False  # shown only when its label is clicked


def render(template: str, **values: object) -> str:
    """Fill in a template."""
    return ENVIRONMENT.get_template(template).render(**values)


def sentences(macro: str, *values: object) -> str:
    """A macro of sentences.j2, filled in, as one line of plain text."""
    text = getattr(ENVIRONMENT.get_template("sentences.j2").module, macro)(*values)
    return re.sub(r"[ \n]+", " ", text).strip()


def write(template: str, path: Path, **values: object) -> None:
    """Fill in a template and write the result."""
    files.write_text(path, render(template, **values))
