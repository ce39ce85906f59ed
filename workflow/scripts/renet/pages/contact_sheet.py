"""A page of predicted faces: the faces with the highest and with the lowest confidence."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from renet.pages import galleries, templates
from renet.pages.templates import PageTable

FIRST_LINE = "<!doctype html><!-- Predictions by renet-gender-workflow. -->"  # only of this page
MOST_FACES = 500
MOST_REASONS = 100  # photos or faces without a prediction
GRID = galleries.Grid(columns=1, side=112)


class ContactSheet:
    """Collects faces in batches, with at most 2 * `MOST_FACES` faces and one batch in memory."""

    def __init__(self) -> None:
        self._faces: list[dict] = []
        self._reasons: list[list[str]] = []
        self._seen = self._without_face = self._in_training = 0

    def add(self, pictures: list[np.ndarray | None], table: pd.DataFrame) -> None:
        """Add a batch of rows of predictions.csv, and each row's face (None for no face)."""
        is_face = table.reason == ""
        rejected = table.loc[~is_face, ["file", "reason", "detail"]].to_numpy().tolist()
        self._reasons += rejected[: MOST_REASONS - len(self._reasons)]
        self._without_face += len(rejected)
        self._seen += int(is_face.sum())
        self._in_training += int(table.in_training[is_face].sum())
        for pixels, row in zip(pictures, table.to_dict("records"), strict=True):
            if pixels is not None:  # (3, height, width) uint8 RGB
                picture = galleries.as_url(GRID.tile(pixels))
                self._faces.append({**row, "picture": picture, "name": Path(row["file"]).name})
        if len(self._faces) > 2 * MOST_FACES:
            self._keep_extremes()

    def _keep_extremes(self) -> None:
        ranked = sorted(self._faces, key=lambda face: -max(face["p_female"], face["p_male"]))
        half = MOST_FACES // 2
        self._faces = ranked[:half] + ranked[half:][-half:]

    def write(
        self,
        path: Path,
        model: Path,
        table: Path,
        notes: Sequence[str] = (),
        stated: dict | None = None,  # key of predictor.json
    ) -> None:
        """Write the page with embedded pictures; in a run's folder, it links to report.html."""
        folder = path.resolve().parent
        self._keep_extremes()
        templates.write(
            "contact_sheet.html.j2",
            path,
            first_line=FIRST_LINE,
            title="Predictions",
            data={"origin": "/".join(model.resolve().parts[-2:]), "sources": []},
            run=folder.name,
            stated=stated,
            has_page=folder == model.resolve().parent and (folder / "metrics.json").is_file(),
            table_file=Path(os.path.relpath(table, path.parent)),
            notes=notes,
            faces=self._faces,
            seen=self._seen,
            without_face=self._without_face,
            in_training=self._in_training,
            reasons=PageTable("Reasons", ["photo", "reason", "detail"], self._reasons),
        )
