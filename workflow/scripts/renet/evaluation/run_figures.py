"""The figures of a run: declared here once, for the rule, the script and the page.

To add a figure: declare it in `RUN_FIGURES`, draw it in run_plots.py (a function, listed in its
`DRAWING`), and describe it in workflow/report/<name>.rst (for Snakemake's report) and in
results/README.md. The page adds its section by itself. This module needs the
standard library alone, since the rules import it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunFigure:
    """A figure of the test set, <name>.svg, with its section on the run's page."""

    name: str  # also of the function in run_plots.py that draws it
    title: str
    alt: str  # text alternative: what is plotted; the page may add values
    caption: str  # how to read it


RUN_FIGURES = (
    RunFigure(
        "learning_curve",
        "Training",
        "Loss and accuracy by epoch.",
        "Training metrics are means over the epoch, while the weights change; validation metrics "
        "are computed after the epoch.",
    ),
    RunFigure(
        "confusion_matrix",
        "Confusion matrix",
        "Confusion matrix.",
        "Percentages are fractions of the labelled class.",
    ),
    RunFigure(
        "ranking_curves",
        "ROC and precision-recall curves",
        "ROC curve, and precision-recall curve of each class.",
        "Dotted: a random classifier. AUC: area under the ROC curve; AP: average precision.",
    ),
    RunFigure(
        "reliability",
        "Reliability diagram",
        "Accuracy by confidence.",
        "Bars are Wilson's 95 % intervals. Hollow points are bins of fewer than five faces, and no "
        "line goes through them. The numbers count the faces of each bin.",
    ),
    RunFigure(
        "risk_coverage",
        "Unsure predictions",
        "Error of the accepted predictions by their fraction of all.",
        "Predictions are accepted in the order of their confidence; the others are unsure. The "
        "band is Wilson's 95 % interval, and the dashed line the highest error that the config "
        "allows.",
    ),
    RunFigure(
        "slices",
        "Accuracy by slice",
        "Accuracy of each slice with its intervals; the table below has the values.",
        "The grey line is the accuracy on the whole set. Slices overlap, and among this many "
        "some differ by chance.",
    ),
)

# Those that an external test set has, too: all but the one of the training.
FIGURES_OF_PREDICTIONS = tuple(figure for figure in RUN_FIGURES if figure.name != "learning_curve")
