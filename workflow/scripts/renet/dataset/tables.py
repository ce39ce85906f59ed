"""CSV tables about the samples of the data set."""

from renet.common.table import Table

DEVELOPMENT = ("train", "validation")  # development.h5 has both, for runs with folds

# split.csv and, with the rows of one subset, the table beside each HDF5 file.
SPLIT = Table(
    {
        "id": str, "subset": str, "source": str, "row": int, "path": str, "subject": str,
        "target": int, "age": "Int64", "year": "Int64", "face_score": float, "crop_width": int,
        "crop_height": int, "grey": int, "shard": int, "index": int, "digest": str, "phash": str,
        "photo_digest": str,
    }
)  # fmt: skip

# data/corrected.csv: one row for each line of the config's corrections, and what became of it.
CORRECTED = Table(
    {
        "id": str, "subset": str, "recorded": "Int64", "gender": "Int64", "outcome": str,
        "note": str,
    }
)  # fmt: skip

# data/funnel.csv: how many rows of a source each step drops, and how many remain after it, down to
# its faces in each subset; `changed` counts the labels that the step corrects, or the faces that
# the step keeps together.
FUNNEL = Table({"source": str, "step": str, "dropped": int, "remaining": int, "changed": int})
