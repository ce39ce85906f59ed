"""The CSV table that describes the rows of a .mat file or of a table of a user's own photos."""

from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.table import Table

# metadata.csv: every row, in the file's order. Numbers are missing where they are not known;
# `subset` is that of the table of a user's own photos.
METADATA = Table(
    {
        "row": int, "id": str, "path": str, "source": str, "subject": str, "name": str,
        "gender": "Int64", "age": "Int64", "dob": str, "photo_taken": "Int64", "face_score": float,
        "second_face_score": float, **dict.fromkeys(BOX_COLUMNS, float), "status": str,
        "reason": str, "subset": str,
    }
)  # fmt: skip
