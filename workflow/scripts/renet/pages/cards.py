"""Page of a run; model card and data sheet, each as Markdown and as an HTML page.

The cards follow Mitchell et al., Model Cards for Model Reporting (2019), and Gebru et al.,
Datasheets for Datasets (2021).
"""

import re
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from renet.common import files
from renet.evaluation.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES
from renet.pages import metric_tables, templates
from renet.pages.results import DataResults, RunResults

LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")  # in Markdown: text and target
DOCUMENTS = ("course", "tour")  # in docs/; each is a page of the results, too
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
SCROLLING = '<div class="scroll" tabindex="0" role="group" aria-label="Table">'


def write_run_page(path: Path, run: RunResults, data: DataResults) -> None:
    """Write report.html of one run."""
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


def write_model_card(path: Path, run: RunResults, data: DataResults) -> None:
    """Write model_card.md and model_card.html of one run."""
    _write("model_card.md.j2", path, run, data, root="../../")


def front_matter(run: RunResults, data: DataResults) -> str:
    """Return the head of a model card in YAML: licence and tags, with Hugging Face's keys."""
    names = sorted({*data.config["licenses"].values()} - {"mit"}) or ["mit"]
    name = re.sub("[^a-z0-9.]+", "-", " and ".join(names).lower())  # as model hubs write it
    content = {
        **({"license": name} if names == [name] else {"license": "other", "license_name": name}),
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "face", "gender", run.settings["model"]["kind"]],
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}---\n\n"


def write_datasheet(path: Path, run: RunResults, data: DataResults) -> None:
    """Write datasheet.md and datasheet.html of the data of all runs; `run` is any run."""
    _write("datasheet.md.j2", path, run, data, root="../")


def write_document(path: Path, markdown: str, run: RunResults | None, data: DataResults) -> None:
    """Write a document of docs/ as a page beside index.html.

    Links to the run `renet` of results/ become links to `run`, or text if `run` is None. Links to
    files that the results do not have become text, too.
    """
    missing = "/walkthrough.html" if run else "/runs/"
    has_all = run is not None and run.has_walkthrough

    def link(match: re.Match) -> str:
        text, target = match.groups()
        if target.removesuffix(".md") in DOCUMENTS:
            target = target.replace(".md", ".html")
        elif target.startswith("../results/") and (has_all or missing not in target):
            target = target.removeprefix("../results/")
            target = target.replace("runs/renet/", f"runs/{run.name}/") if run else target
        elif not target.startswith(("#", "http")):
            return text
        return f"[{text}]({target})"

    _write_page(path, LINK.sub(link, markdown), data, root="")


def _write(template: str, path: Path, run: RunResults, data: DataResults, root: str) -> None:
    """Write a card as Markdown with `front_matter`, and as an HTML page without it."""
    values = {"run": run, "results": data, "data": data.config, "tables": metric_tables}
    values["metric"] = metric_tables.BY_NAME[data.choice_metric]
    text = templates.render(template, front_matter=front_matter(run, data), **values)
    files.write_text(path, text)
    shown = text[text.index("# ") :].replace("/datasheet.md)", "/datasheet.html)")
    _write_page(path.with_suffix(".html"), shown, data, root)


def _write_page(path: Path, text: str, data: DataResults, root: str) -> None:
    """Write an HTML page from Markdown; the first line of the Markdown is the page's title."""
    title = text.splitlines()[0].removeprefix("# ")
    body = MARKDOWN.render(text).replace("<pre>", '<pre tabindex="0">')  # it scrolls by keyboard
    body = body.replace("<table>", SCROLLING + "<table>").replace("</table>", "</table></div>")
    templates.write("card.html.j2", path, title=title, body=body, data=data.config, root=root)
