"""Rank the labels by how doubtful they are, and show the faces of the most doubtful ones.

Reads: the out-of-fold answers of all folds, and train, validation and test HDF5 files with the
tables beside them.
Writes: labels.csv (columns: see `renet.evaluation.label_audit.rank`), most doubtful first;
suspects.jpg, the first `LARGEST` of them, tiles of `SIDE` pixels, `COLUMNS` a line, in the table's
order; index.html, the page that shows these.
Decides: nothing; no label is changed. Who wants to leave some out can do so by their ids.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files, logs
from renet.common.errors import InputError
from renet.dataset import hdf5, selections
from renet.dataset.splits import SUBSETS
from renet.evaluation import inference_table, label_audit, sprites
from renet.pages import pages

LARGEST = 48  # faces in the picture
SIDE = 112  # pixels of a tile
COLUMNS = 8


def audit_labels(
    answer_files: list[str],
    face_files: list[str],
    tables: list[str],
    outputs: dict[str, str],
    sources: list[str],
) -> None:
    """Write the ranking, its picture and its page.

    Args:
        answer_files: of all folds.
        outputs: paths of `labels`, `picture` and `page`.
        sources: of the faces, for the page.
    """
    samples = pd.concat(map(inference_table.read, tables), ignore_index=True)
    given = pd.concat(map(inference_table.read, answer_files)).set_index("id")
    if set(given.index) != set(samples.id) or len(given) != len(samples):
        raise InputError(
            f"The answers {', '.join(map(str, answer_files))} are not of the faces of "
            f"{', '.join(map(str, tables))}: delete them to have them made again."
        )
    probabilities = given.loc[samples.id, label_audit.PROBABILITIES].to_numpy()
    ranked = label_audit.rank(samples, probabilities)
    shown = ranked.head(LARGEST)
    faces = selections.select([hdf5.read(path) for path in face_files], shown.index.to_numpy())
    tiles = [sprites.tile(face, SIDE) for face in faces.pixels.take(np.arange(len(faces)))]
    sprites.write(Path(outputs["picture"]), sprites.sheet(tiles, COLUMNS, SIDE))
    files.write_text(outputs["labels"], ranked.to_csv(index=False, float_format="%.6g"))
    places = np.arange(len(shown))
    shown = shown.assign(x=SIDE * (places % COLUMNS), y=SIDE * (places // COLUMNS))
    pages.write_audit(outputs["page"], ranked, shown, len(answer_files), sources)
    suspects = ranked[ranked.suspect == 1]
    logging.info(
        "%d of %d labels are suspect: %d of them say female, %d male",
        len(suspects), len(ranked), (suspects.target == 0).sum(), (suspects.target == 1).sum(),
    )  # fmt: skip


def main() -> None:
    """Rank labels from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder of train.h5, train.csv, validation.h5, …")
    parser.add_argument("answers", nargs="+", help="tables that audit_fold.py wrote")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder to write to")
    arguments = parser.parse_args()
    logs.start()
    audit_labels(
        arguments.answers,
        [str(arguments.data / f"{subset}.h5") for subset in SUBSETS],
        [str(arguments.data / f"{subset}.csv") for subset in SUBSETS],
        {
            "labels": arguments.output / "labels.csv",
            "picture": arguments.output / "suspects.jpg",
            "page": arguments.output / "index.html",
        },
        [arguments.data.name],
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        audit_labels(
            snakemake.input.answers,
            snakemake.input.faces,
            snakemake.input.tables,
            dict(snakemake.output.items()),
            snakemake.params.sources,
        )
    else:
        main()
