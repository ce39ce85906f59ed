"""The CSV tables of predictions and of what is computed from them."""

from renet.common.tables import Table
from renet.dataset.tables import SPLIT

PROBABILITIES = {"p_female": float, "p_male": float}
# Columns that are taken from the table beside the HDF5 file.
SAMPLE = {
    name: SPLIT.columns[name] for name in ("id", "path", "source", "subject", "subset", "target")
}
ATTRIBUTES = {
    name: SPLIT.columns[name]
    for name in ("age", "year", "face_score", "crop_width", "crop_height", "grey")
}

# inference.csv: one row for each face of an HDF5 file, in its order.
INFERENCE = Table({**SAMPLE, **PROBABILITIES, "predicted": int, "correct": int, **ATTRIBUTES})

# gallery.csv and saliency.csv: the predictions that the images show, and where in the image.
MISTAKES, HARD_CASES = "mistakes", "hard_cases"  # the values of `gallery`
GALLERY = Table({"gallery": str, "x": int, "y": int, **INFERENCE.columns})
SALIENCY = Table({"y": int, "largest_drop": float, **INFERENCE.columns})

# slices.csv: one row for each value of each slice; a recall without samples is empty.
SLICES = Table(
    {
        "slice": str,
        "value": str,
        "n": int,
        "subjects": int,
        "n_female": int,
        "n_male": int,
        "accuracy": float,
        "wilson_low": float,
        "wilson_high": float,
        "subjects_low": float,
        "subjects_high": float,
        "recall_female": float,
        "recall_male": float,
        "balanced_accuracy": float,
        "majority_baseline": float,
    }
)

# audit/<fold>-of-<folds>.csv: the out-of-fold predictions of one fold.
FOLD = Table({"id": str, **PROBABILITIES})

# audit/labels.csv: all labels, the lowest label quality first.
LABELS = Table(
    {
        "rank": int,
        **SAMPLE,
        **PROBABILITIES,
        "label_quality": float,
        "suspect": int,
        "person_photos": int,
        "person_disagreement": float,
    }
)
