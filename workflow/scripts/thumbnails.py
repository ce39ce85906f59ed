"""Make small pictures of the test faces, and their facts, for the table in the pages.

Reads: test.h5 and the table beside it.
Writes: a folder of sprite sheets, <n>.webp from 0, with `PER_SHEET` faces each in the order of the
file; and samples.js, what is recorded of each face, as a script that a page can load.
Decides: nothing. All runs share these files; a run adds its answers.js.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import logs
from renet.common.progress import Progress
from renet.dataset import hdf5
from renet.evaluation import inference_table, sprites
from renet.pages import page_data

SIDE = 40  # pixels of a thumbnail
COLUMNS = 16
PER_SHEET = COLUMNS * COLUMNS


def thumbnails(face_file: str, table: str, sheets: Path, samples: str) -> None:
    """Write the sheets and samples.js of one HDF5 file of faces."""
    facts = inference_table.read(table, ("source", "row", "path", "subject", "target"))
    write_samples(facts, samples, f"{sheets.name}/")
    sheets.mkdir(parents=True, exist_ok=True)
    for number in Progress(range(math.ceil(len(facts) / PER_SHEET)), desc="thumbnails"):
        # Opened anew for each sheet: what a map has read counts as memory until it is closed.
        first = number * PER_SHEET
        faces = hdf5.read(face_file).pixels[first : first + PER_SHEET]
        tiles = [sprites.tile(face, SIDE) for face in faces]
        sprites.write(sheets / f"{number}.webp", sprites.sheet(tiles, COLUMNS, SIDE))


def write_samples(facts: pd.DataFrame, path: str, folder: str) -> None:
    """Write what is recorded of each face; sources and subjects as numbers in a sorted list."""
    names = {column: sorted(set(facts[column])) for column in ("source", "subject")}
    columns = {
        **{name: pd.Series(np.searchsorted(known, facts[name])) for name, known in names.items()},
        **{name: facts[name] for name in ("row", "path", "target", "age", "year")},
        "face_score": facts.face_score.round(2),
        "width": facts.crop_width,
        "height": facts.crop_height,
    }
    layout = {"folder": folder, "side": SIDE, "columns": COLUMNS, "per_sheet": PER_SHEET}
    lists = {f"{column}s": known for column, known in names.items()}
    page_data.write(path, "renetSamples", columns, sheets=layout, **lists)


def main() -> None:
    """Make the thumbnails of one file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("faces", help="HDF5 file of faces")
    parser.add_argument("table", help="CSV beside it, one line a face")
    parser.add_argument("--sheets", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--samples", required=True, metavar="JS")
    arguments = parser.parse_args()
    logs.start()
    thumbnails(arguments.faces, arguments.table, arguments.sheets, arguments.samples)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        thumbnails(
            snakemake.input.faces,
            snakemake.input.table,
            Path(snakemake.output.sheets),
            snakemake.output.samples,
        )
    else:
        main()
