"""The metrics of a run: where metrics.json holds them, and how they are shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric of a summary, as `metrics.summarise` returns it.

    Attributes:
        path: its keys in the summary.
        label: its name on pages and cards.
        is_fraction: from 0 to 1 and shown as a percentage; else shown as a decimal number.
    """

    path: tuple[str, ...]
    label: str
    is_fraction: bool = False

    @property
    def name(self) -> str:
        """Its key in the summary's `intervals`: `recall_female`."""
        return "_".join(self.path)

    def value(self, summary: dict) -> float | None:
        """The metric in a summary; None where the set does not define it."""
        for key in self.path:
            summary = summary[key]
        return summary

    def intervals(self, summary: dict) -> dict[str, list[float]]:
        """Its known 95 % intervals in a summary, by method: `subjects` (bootstrap), `wilson`."""
        by_method = summary.get("intervals", {}).get(self.name, {})
        return {method: bounds for method, bounds in by_method.items() if bounds is not None}


ACCURACY = Metric(("accuracy",), "accuracy", is_fraction=True)
BALANCED_ACCURACY = Metric(("balanced_accuracy",), "balanced accuracy", is_fraction=True)
RECALL_FEMALE = Metric(("recall", "female"), "recall of female", is_fraction=True)
RECALL_MALE = Metric(("recall", "male"), "recall of male", is_fraction=True)
PRECISION_FEMALE = Metric(("precision", "female"), "precision of female", is_fraction=True)
PRECISION_MALE = Metric(("precision", "male"), "precision of male", is_fraction=True)
MCC = Metric(("mcc",), "Matthews correlation (MCC)")
ROC_AUC = Metric(("roc_auc",), "ROC AUC")
PR_AUC_FEMALE = Metric(("pr_auc", "female"), "average precision of female")
PR_AUC_MALE = Metric(("pr_auc", "male"), "average precision of male")
LOSS = Metric(("loss",), "log loss")
BRIER = Metric(("brier",), "Brier score")
ECE = Metric(("ece",), "calibration error (ECE)")

METRICS = (
    ACCURACY, BALANCED_ACCURACY, RECALL_FEMALE, RECALL_MALE, PRECISION_FEMALE, PRECISION_MALE, MCC,
    ROC_AUC, PR_AUC_FEMALE, PR_AUC_MALE, LOSS, BRIER, ECE,
)  # fmt: skip
