"""The table of the predictions on other photos."""

from renet.common.imdb_wiki import BOX_COLUMNS, PROBABILITIES
from renet.common.table import Table

# predictions.csv: one row for each face; a photo without one has a row with a reason.
PREDICTIONS = Table(
    {
        "file": str,
        "face": "Int64",
        **dict.fromkeys(BOX_COLUMNS, float),
        "detector_score": float,
        **PROBABILITIES,
        "predicted": str,
        "calibrated": "Int64",
        "unsure": "Int64",
        "in_training": "Int64",
        "reason": str,
        "detail": str,
    }
)
