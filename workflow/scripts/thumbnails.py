"""Write thumbnails and a data script of the test faces, for the table of the pages.

Reads: test.h5 and the table beside it.
Writes: a folder of sprite sheets, 0.webp, 1.webp, …, each with `PER_SHEET` faces in the order of
test.h5; and beside the folder samples.js, the data of each face as a script of the page.
All runs share these files; the predictions of each run are in its predictions.js.
"""

import logging
from pathlib import Path

import pandas as pd

from renet.common import script
from renet.common.progress import Progress
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.metadata import subjects
from renet.pages import galleries, page_data

GRID = galleries.Grid(columns=16, side=40)
PER_SHEET = GRID.columns * GRID.columns


def thumbnails(faces: Path, table: Path, samples: Path, sheets: Path) -> None:
    """Write thumbnails and metadata of a file of faces, for the pages."""
    hdf5.check_table(hdf5.read(faces), table)
    data = SPLIT.read(table)
    write_samples(data, samples, f"{sheets.name}/")
    sheets.mkdir(parents=True, exist_ok=True)
    for first in Progress(range(0, len(data), PER_SHEET), desc="thumbnails", unit=" sheets"):
        # Opened again for each sheet, because read pages of a memory map count as memory.
        pixels = hdf5.read(faces).pixels[first : first + PER_SHEET]
        GRID.write_faces(sheets / f"{first // PER_SHEET}.webp", pixels)
    logging.info("thumbnails of %d faces", len(data))


def write_samples(data: pd.DataFrame, path: Path, folder: str) -> None:
    """Write the data of each face; sources and people are positions in sorted lists of names."""
    people = data.subject.mask(subjects.are_photos(data.subject))
    named = pd.DataFrame({"source": data.source, "subject": people}).astype("category")
    columns = {
        **named.apply(lambda column: column.cat.codes.astype("Int64").replace(-1, pd.NA)),
        **{name: data[name] for name in ("id", "row", "path", "target", "age", "year")},
        "face_score": data.face_score.round(2),
        "width": data.crop_width,
        "height": data.crop_height,
    }
    layout = {"folder": folder, "side": GRID.side, "columns": GRID.columns, "per_sheet": PER_SHEET}
    lists = {f"{name}s": column.cat.categories.tolist() for name, column in named.items()}
    page_data.write_table(path, "renetSamples", columns, sheets=layout, **lists)


if __name__ == "__main__":
    script.run(thumbnails)
