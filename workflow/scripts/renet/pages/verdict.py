"""The verdict: what was trained on what, how good it is against guessing, and what that shows.

It stands first on the page over all runs, for the best run, and on the page of each run.
"""

from dataclasses import dataclass

from renet.evaluation.tables import EXAMPLES
from renet.pages import comparison_section, metric_tables, phrases
from renet.pages.results import DataResults, RunResults

PHOTO_KINDS = {
    "drawn": "drawn portraits",
    "public": "photographs of IMDB-WIKI",
    "own": "the user's own photographs",
}


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run, as verdict.html.j2 shows it."""

    run: str
    accuracy: metric_tables.Cell
    faces: int  # of the test set
    points: str  # by which the accuracy is above or below the majority class
    margin: str
    rows: list[tuple[str, str]]  # heading and text
    examples: list[dict]  # the first faces of the test set, with their predictions
    folder: str  # of the run, relative to the page: empty, or with a slash at its end
    chosen: str  # why this run; empty on its own page


def of_best(runs: list[RunResults], data: DataResults) -> Verdict:
    """The verdict on the best run, for index.html."""
    best = best_run(runs)
    accuracy = phrases.percentage(best.metrics["validation"]["accuracy"])
    rank = "the only run"
    if len(runs) > 1:
        rank = (
            f"the highest of {len(runs)} runs; chance can explain a small lead. Another run can be "
            "better on the test set, which has no part in the choice."
        )
    rows = _rows(best, data)
    if data.comparison and (compared := comparison_section.headline(data.comparison[0])):
        rows.insert(0, compared)
    if doubts := not_above_baseline(runs):
        rows.append(("Not above guessing", doubts))
    return _verdict(best, rows, f"runs/{best.name}/", f"validation accuracy {accuracy}, {rank}")


def of_run(run: RunResults, data: DataResults) -> Verdict:
    """The verdict on one run, for its page."""
    return _verdict(run, _rows(run, data))


def best_run(runs: list[RunResults]) -> RunResults:
    """The run of the highest validation accuracy, of those the lowest validation loss.

    Of equal ones, the first. The test set has no part in the choice.
    """

    def quality(run: RunResults) -> tuple[float, float]:
        validation = run.metrics["validation"]
        return validation["accuracy"], -validation["loss"]

    return max(runs, key=quality)


def not_above_baseline(runs: list[RunResults]) -> str:
    """The runs whose test accuracy is not shown to be above that of the majority class."""
    found = {run.name: phrases.against_baseline(run.metrics["test"]) for run in runs}
    return "; ".join(f"{name}: {text}" for name, text in found.items() if text)


def _verdict(
    run: RunResults, rows: list[tuple[str, str]], folder: str = "", chosen: str = ""
) -> Verdict:
    test = run.metrics["test"]
    (accuracy,) = metric_tables.named("accuracy")
    return Verdict(
        run=run.name,
        accuracy=metric_tables.cell(accuracy, test),
        faces=test["n"],
        points=phrases.points(abs(test["differences"]["over_baseline"]["value"])),
        margin=phrases.margin(test),
        rows=rows,
        examples=phrases.faces(run.gallery[run.gallery.gallery == EXAMPLES]),
        folder=folder,
        chosen=chosen,
    )


def _rows(run: RunResults, data: DataResults) -> list[tuple[str, str]]:
    return [
        ("Female and male", phrases.gender_gap(run.metrics["test"])),
        ("Weaker slices", phrases.weakest_slice(run.metrics)),
        ("Data set", _data_set(run.metrics["data"], data)),
        ("Date of the data", _date(run.metrics["data"], data.archives)),
    ]


def _data_set(composition: dict, data: DataResults) -> str:
    kinds = " and ".join(text for kind, text in PHOTO_KINDS.items() if data.kinds_of_photos[kind])
    faces = sum(composition["faces"].values())
    subsets = ", ".join(
        f"{composition['faces'].get(subset, 0):,} {use}"
        for subset, use in (("train", "training"), ("validation", "validation"), ("test", "test"))
    )
    size = " × ".join(map(str, data.config["size"]))
    return (
        f"{phrases.capitalised(kinds)} ({', '.join(data.config['sources'])}): {faces:,} faces of "
        f"{composition['subjects']:,} people, {size} pixels (height × width), split by "
        f"{data.config['split']['by']}: {subsets}."
    )


def _date(composition: dict, archives: list[dict]) -> str:
    """The years of the photos, and the dates that servers gave for the archives."""
    sentences = ["The metadata has no dates of the photos."]
    first, last = composition["first_year"], composition["last_year"]
    if first is not None:
        years = f"{first} to {last}" if first != last else str(first)
        sentences = [f"Photos taken {years}, according to the metadata."]
    if dates := sorted({archive["last_modified"] for archive in archives} - {None}):
        sentences.append(f"Last-Modified of the archives: {', '.join(dates)}.")
    return " ".join(sentences)
