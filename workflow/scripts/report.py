"""Write the pages and cards of the results.

Reads: metrics.json, history.csv, provenance.json, page/model.json and tables/ of each run;
metrics.json and tables/ of each other set of a run; runs.csv, comparison.csv, funnels,
learning_curve.csv, receipts of the archives, the record of the evaluations, summary and labels of
the audit; the user's notes for the data sheet, if any; docs/files.md and `cards.DOCUMENTS` of
docs/; and settings as in results.smk.
Writes: index.html, README.md (a copy of docs/files.md), a page of each document, loss_curves.svg,
data/funnel.svg, data/datasheet.md, and report.html and model_card.md of each run; and the data
sheet and the model cards as pages (.html), too. The pages show figures by relative links.
"""

import logging
from pathlib import Path

from renet.archives.receipts import facts
from renet.common import files, script
from renet.dataset.tables import FUNNEL
from renet.evaluation.tables import COMPARISON, LEARNING_CURVE
from renet.pages import cards, filters, index_page, results, templates
from renet.records import evaluations as records

DOCS = Path(files.__file__).resolve().parents[4] / "docs"


def report(
    of_runs: list[Path],  # all files of the runs
    funnel: Path,
    comparison: Path,
    run_table: Path,
    index: Path,
    settings: dict,
    evaluations: Path,  # folder of the records
    external_funnels: list[Path],
    face_boxes: list[Path],  # of the training set and of each external set
    receipts: list[Path],
    notes: Path | None,
    audit: list[Path],  # the first two are labels.csv and summary.json
    learning_curve: list[Path],  # the first is the table
    origin: str,  # the config's files and options
) -> None:
    """Write the start page and the pages of all runs in a folder of results."""
    folder = index.parent
    audited = files.read_json(audit[1]) if audit else {"reviewed": {}, "to_review": 0}
    data = results.DataResults(
        config=settings["data"] | {"origin": origin},
        funnel=FUNNEL.read(funnel),
        archives=[facts(path) for path in receipts],
        notes=notes.read_text(encoding="utf-8") if notes else "",
        evaluations=records.models_by_set(evaluations, len(settings["runs"])),
        external=dict(zip(settings["external"], map(FUNNEL.read, external_funnels), strict=True)),
        face_boxes=dict(
            zip(["train", *settings["external"]], map(files.read_json, face_boxes), strict=True)
        ),
        runs=results.read_runs(run_table),
        comparison=COMPARISON.read(comparison),
        suspects=results.SUSPECTS.read(audit[0]) if audit else None,
        reviewed=audited["reviewed"],
        to_review=audited["to_review"],
        learning_curve=LEARNING_CURVE.read(learning_curve[0]) if learning_curve else None,
        predicted=settings.get("predicted", False),
        defaults=settings["defaults"],
        entries=settings.get("entries", {}),
    )
    paths = {path.relative_to(folder / "runs").as_posix(): path for path in of_runs}
    runs = [
        results.read_run(paths, name, run_settings, data.runs, data.external)
        for name, run_settings in settings["runs"].items()
    ]
    files.write_text(folder / "README.md", (DOCS / "files.md").read_text(encoding="utf-8"))
    followed = next((run for run in runs if run.architecture.kind == "renet"), None)
    for name in cards.DOCUMENTS:
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        cards.write_document(folder / f"{name}.html", text, followed, data)
    cards.write_datasheet(folder / "data" / "datasheet.md", runs[0], data)
    index_page.write(index, runs, data, settings.get("grids", {}))
    for run in sorted(runs, key=lambda each: each.name == data.best):  # log the best run last
        cards.write_run_page(folder / "runs" / run.name / "report.html", run, data)
        cards.write_model_card(folder / "runs" / run.name / "model_card.md", run, data)
        claim = run.claims.loc[run.stated.set]
        if run.stated.test.constant_prediction or claim.above != 1:
            found = templates.sentences("above_baseline", run, run.stated)
            entry = data.entries.get(run.name, run.name)
            steps = templates.sentences("advice", data.next_steps(run), entry)
            logging.warning("Run %s: %s %s", run.name, found, steps)
        logging.info(
            "Run %s: the %s; the baseline reaches %s",
            run.name, templates.sentences("reached", claim), filters.percentage(claim.baseline),
        )  # fmt: skip


if __name__ == "__main__":
    script.run(report)
