"""Pick the faces of a run that are worth a look, and hand its answers to the page's table.

Reads: inference.csv of a run, and test.h5, whose order it has.
Writes: mistakes.jpg (the wrong answers that the network is surest of) and hard_cases.jpg (the right
ones it is least sure of), tiles of `SIDE` pixels, `COLUMNS` a line; gallery.csv, one row a tile;
answers.js, every answer as a script that a page can load.
Decides: nothing but the number of tiles.
"""

import argparse
from pathlib import Path

import pandas as pd

from renet.common import files, logs
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.evaluation import galleries, inference_table, sprites
from renet.pages import page_data

SIDE = 112  # pixels of a tile
COLUMNS = 8


def gallery(table: str, face_file: str, outputs: dict[str, str]) -> None:
    """Write the galleries of one run.

    Args:
        table: inference.csv.
        outputs: paths of `mistakes`, `hard_cases`, `table` and `answers`.
    """
    given = inference_table.read(
        table, ("id", "target", "p_female", "p_male", "predicted", "correct")
    )
    faces = hdf5.read(face_file)
    if len(faces) != len(given) or (faces.targets != given.target.to_numpy()).any():
        raise InputError(
            f"{table} does not describe the faces of {face_file}; run infer on this file again."
        )
    chosen = {
        galleries.MISTAKES: galleries.mistakes(given),
        galleries.HARD_CASES: galleries.hard_cases(given),
    }
    for name, rows in chosen.items():
        tiles = [sprites.tile(faces.pixels[place], SIDE) for place in rows.index]
        sprites.write(Path(outputs[name]), sprites.sheet(tiles, COLUMNS, SIDE))
    files.write_text(outputs["table"], tabulate(chosen).to_csv(index=False))
    columns = {"p_male": given.p_male.round(4), "predicted": given.predicted}
    page_data.write(outputs["answers"], "renetAnswers", columns)


def tabulate(chosen: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The table gallery.csv: the answers of each gallery, and each tile's place in its sheet."""
    parts = [
        rows.assign(gallery=name, x=SIDE * (place % COLUMNS), y=SIDE * (place // COLUMNS))
        for name, rows in chosen.items()
        for place in [pd.RangeIndex(len(rows)).to_numpy()]
    ]
    table = pd.concat(parts)
    return table[["gallery", "x", "y", *table.columns.drop(["gallery", "x", "y"])]]


def main() -> None:
    """Make the galleries of one run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("table", help="inference.csv")
    parser.add_argument("faces", help="HDF5 file of the same faces")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder to write to")
    arguments = parser.parse_args()
    logs.start()
    names = {
        "mistakes": "mistakes.jpg",
        "hard_cases": "hard_cases.jpg",
        "table": "gallery.csv",
        "answers": "answers.js",
    }
    paths = {key: arguments.output / name for key, name in names.items()}
    gallery(arguments.table, arguments.faces, paths)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        gallery(snakemake.input.answers, snakemake.input.faces, dict(snakemake.output.items()))
    else:
        main()
