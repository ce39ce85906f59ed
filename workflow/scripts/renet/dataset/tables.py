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

# data/corrected.csv: each line of the config's corrections, and its outcome.
CORRECTED = Table(
    {
        "id": str, "subset": str, "recorded": "Int64", "gender": "Int64", "outcome": str,
        "note": str,
    }
)  # fmt: skip

# data/funnel.csv: numbers of rows of a source that each step drops, and that remain; its last steps
# are the subsets. `changed` counts the labels that a step corrects, or the faces it keeps together.
FUNNEL = Table({"source": str, "step": str, "dropped": int, "remaining": int, "changed": int})
