"""Figures of a run: declared here once, for the rule, the script and the page.

To add a figure: declare it in `RUN_FIGURES`, draw it in evaluation/run_plots.py (a function of the
same name), write its caption in pages/captions/<name>.rst (the alt text of the picture begins with
the caption's first sentence), and name the figure in docs/files.md. The page adds a section for
each figure, with a text from the macro `figure_text` of pages/templates/sentences.j2.
"""

from collections.abc import Iterable

# An external test set has these figures, too.
FIGURES_OF_PREDICTIONS = {
    "confusion_matrix": "Confusion matrix",
    "ranking_curves": "ROC and precision-recall curves",
    "reliability": "Reliability diagram",
    "risk_coverage": "Unsure predictions",
}
RUN_FIGURES = {"training_curves": "Training", **FIGURES_OF_PREDICTIONS}  # name, section's title


def figure_files(folder: str, names: Iterable[str] = FIGURES_OF_PREDICTIONS) -> list[str]:
    """Return the paths of figures in the folder of a run, or of its results on another set."""
    return [f"{folder}/figures/{name}.svg" for name in names]
