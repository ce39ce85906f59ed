"""The figures of a run: declared here once, for the rule, the script and the page.

To add a figure: declare it in `RUN_FIGURES`, draw it in evaluation/run_plots.py (a function of the
same name), write its caption in pages/captions/<name>.rst (its first sentence begins the text
alternative), and name it in docs/files.md. The page adds its section by itself, with what
pages/templates/run.html.j2 has for its text and table.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunFigure:
    """A figure of the test set, figures/<name>.svg, with its section on the run's page."""

    name: str  # also of the function in run_plots.py that draws it
    title: str


RUN_FIGURES = (
    RunFigure("training_curves", "Training"),
    RunFigure("confusion_matrix", "Confusion matrix"),
    RunFigure("ranking_curves", "ROC and precision-recall curves"),
    RunFigure("reliability", "Reliability diagram"),
    RunFigure("risk_coverage", "Unsure predictions"),
)

# Those that an external test set has, too: all but the one of the training.
FIGURES_OF_PREDICTIONS = tuple(figure for figure in RUN_FIGURES if figure.name != "training_curves")


def figure_files(folder: str, figures: Iterable[RunFigure] = FIGURES_OF_PREDICTIONS) -> list[str]:
    """The files of figures, given the folder of a run or of its results on another set."""
    return [f"{folder}/figures/{figure.name}.svg" for figure in figures]
