"""The figures of a run: declared here once, for the rule, the script and the page.

To add a figure: declare it in `RUN_FIGURES`, draw it in evaluation/run_plots.py (a function of the
same name), write its caption in workflow/report/<name>.rst (for the page and Snakemake's report),
and name it in results/README.md. The page adds its section by itself. This module needs the
standard library alone, since the rules import it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunFigure:
    """A figure of the test set, figures/<name>.svg, with its section on the run's page."""

    name: str  # also of the function in run_plots.py that draws it
    title: str
    alt: str  # text alternative: what is plotted; the page may add values


RUN_FIGURES = (
    RunFigure("learning_curve", "Training", "Loss and accuracy by epoch."),
    RunFigure("confusion_matrix", "Confusion matrix", "Confusion matrix."),
    RunFigure(
        "ranking_curves",
        "ROC and precision-recall curves",
        "ROC curve, and precision-recall curve of each class.",
    ),
    RunFigure("reliability", "Reliability diagram", "Accuracy by confidence."),
    RunFigure(
        "risk_coverage",
        "Unsure predictions",
        "Error of the accepted predictions by their fraction of all.",
    ),
    RunFigure(
        "slices",
        "Accuracy by slice",
        "Accuracy of each slice with its intervals; the table below has the values.",
    ),
)

# Those that an external test set has, too: all but the one of the training.
FIGURES_OF_PREDICTIONS = tuple(figure for figure in RUN_FIGURES if figure.name != "learning_curve")
