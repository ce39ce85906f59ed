"""The CSV tables about the samples of the data set."""

from renet.common.tables import Table
from renet.metadata.tables import FUNNEL as SOURCE_FUNNEL

# split.csv and, with the rows of one subset, the table beside each HDF5 file.
SPLIT = Table(
    {
        "id": str, "subset": str, "source": str, "row": int, "path": str, "subject": str,
        "target": int, "age": "Int64", "year": "Int64", "face_score": float, "crop_width": int,
        "crop_height": int, "grey": int, "shard": int, "index": int, "digest": str,
    }
)  # fmt: skip

# data/funnel.csv: the funnel of every source, down to its faces in each subset.
FUNNEL = Table({"source": str, **SOURCE_FUNNEL.columns})
