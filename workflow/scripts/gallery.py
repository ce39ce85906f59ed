"""Write galleries of some of a run's predictions, and all predictions for the page's table.

Reads: inference.csv of a run, and test.h5 with the table beside it in the same order.
Writes: gallery.csv, a row for each tile (columns: `renet.pages.page_data.GALLERY`); examples.jpg
(the first faces), mistakes.jpg (wrong predictions with the highest confidence) and hard_cases.jpg
(correct predictions with the lowest confidence), with tiles as in `GRIDS`; predictions.js, all
predictions as a script of the page.
"""

import logging
from pathlib import Path

from renet.common import script
from renet.dataset import hdf5
from renet.evaluation.inference_table import INFERENCE
from renet.pages import galleries, page_data
from renet.pages.page_data import EXAMPLES, GALLERY, HARD_CASES, MISTAKES

GRIDS = {
    EXAMPLES: galleries.Grid(columns=8, side=96),
    MISTAKES: galleries.Grid(columns=8, side=112),
    HARD_CASES: galleries.Grid(columns=8, side=112),
}


def gallery(
    inference: Path,
    faces: Path,
    face_table: Path,
    table: Path,
    pictures: list[Path],  # named <gallery>.jpg
    predictions: Path | None = None,
) -> None:
    rows, stored = INFERENCE.read(inference), hdf5.read(faces)
    hdf5.check_table(stored, face_table, inference)
    chosen = {
        EXAMPLES: rows.head(galleries.EXAMPLE_COUNT),
        MISTAKES: galleries.mistakes(rows),
        HARD_CASES: galleries.hard_cases(rows),
    }
    tables = []
    for path in pictures:
        grid, shown = GRIDS[path.stem], chosen[path.stem]
        tables.append(grid.placed(shown).assign(gallery=path.stem))
        grid.write_faces(path, (stored.pixels[row] for row in shown.index))
    GALLERY.write(table, tables)
    if predictions:
        columns = {"p_male": rows.p_male.round(6), "predicted": rows.predicted}
        page_data.write_table(predictions, "renetPredictions", columns)
    logging.info("%d faces in the galleries", sum(map(len, tables)))


if __name__ == "__main__":
    script.run(gallery)
