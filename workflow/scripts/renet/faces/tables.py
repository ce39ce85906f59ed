"""The CSV tables of photos and of the faces cropped from them."""

from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.tables import Table

# photos.csv: the photos of a source's kept rows, in the order in which they lie in the archives.
PHOTOS = Table(
    {
        "row": int, "path": str, "file": int, "offset": int, "size": int,
        **dict.fromkeys(BOX_COLUMNS, float),
    }
)  # fmt: skip

# The table beside a shard: one row for each photo. A dropped photo has a reason and no numbers.
SHARD = Table(
    {
        "row": int, "status": str, "reason": str, "index": "Int64", "width": "Int64",
        "height": "Int64", "grey": "Int64", "digest": str,
    }
)  # fmt: skip
