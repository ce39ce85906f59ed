"""Jinja templates. They word the pages and cards; Python decides which case applies.

The macros of words.j2 are filters of all templates, `{{ test|people }}`. results.py adds the macros
of sentences.j2. In Python, `sentences("people", test)` returns the text of a macro as one line.

Pages need neither a server nor a network. They have no dates, so that equal results have equal
pages. Charts are SVG, for printers and Snakemake's report, too. A script of our own shows the table
of all faces, because libraries that can show 50,000 rows add some 400 kB to each page.
"""

import functools
import inspect
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import jinja2

from renet.common import files
from renet.common.drop_reasons import NEAR_DUPLICATES
from renet.config.version import VERSION
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.pages import filters

TEMPLATES = Path(__file__).with_name("templates")
ROOMS = sorted(Path(__file__).parents[1].glob("*/"))  # packages of renet, some with templates
LOADER = jinja2.FileSystemLoader([TEMPLATES, *ROOMS])
MACROS: dict[str, str] = {}  # the template of each macro that is a filter
ENVIRONMENT = jinja2.Environment(
    loader=LOADER,
    autoescape=jinja2.select_autoescape(["html.j2"]),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def sentences(macro: str, *values: object) -> str:
    """Render a macro that `add_sentences` added, as one line of plain text."""
    text = getattr(ENVIRONMENT.get_template(MACROS[macro]).module, macro)(*values)
    return re.sub(r"[ \n]+", " ", text).strip()


def add_sentences(template: str) -> None:
    """Add the macros of a template as filters of all templates."""
    for macro in re.findall(r"{% macro (\w+)", _file(template)):
        MACROS[macro] = template
        ENVIRONMENT.filters[macro] = functools.partial(sentences, macro)


@dataclass(frozen=True)
class PageTable:
    """A table of a page or a card; the first cell of each row is the row's heading."""

    label: str  # for screen readers, and the heading of a collapsed table
    headings: list[str]
    rows: list[list[str]]
    collapsed: bool = False  # shown only when its label is clicked


def _file(name: str) -> str:
    return LOADER.get_source(ENVIRONMENT, name)[0]


ENVIRONMENT.globals |= {
    "file": _file,
    "NEAR_DUPLICATES": NEAR_DUPLICATES,
    "OUT_OF_FOLD": OUT_OF_FOLD,
    "version": VERSION,
    "zip": zip,
}
ENVIRONMENT.filters |= dict(inspect.getmembers(filters, inspect.isfunction))
ENVIRONMENT.filters["headings"] = re.compile(r'<h2 id="([\w.-]+)"[^>]*>(.*?)</h2>').findall
ENVIRONMENT.filters["shell_quoted"] = shlex.quote
ENVIRONMENT.filters["thousands"] = "{:,.0f}".format
add_sentences("words.j2")


def render(template: str, **values: object) -> str:
    return ENVIRONMENT.get_template(template).render(**values)


def write(template: str, path: Path, **values: object) -> None:
    """Render a template into a file."""
    files.write_text(path, render(template, **values))
