"""Write a page that follows a photo of the test set from its row in the metadata to its prediction.

Reads: model.pt and inference.csv of a run; test.h5 with its table; archives.json, metadata.csv and
photos.csv of the photo's source; the bytes of the photo in its archive. If the archive is gone, the
page does not show the uncropped photo.
Writes: the page, and a folder with its pictures and occlusion.js, the probabilities of the face
while a grey square hides a part of it.
Decides: nothing. Without an id, the page shows the first face of the test set, whose order is
random. The network computes on the CPU, because one photo needs no GPU.
"""

import logging
import os
from pathlib import Path

import numpy as np

from renet.common import script
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.config.crop import Crop
from renet.dataset import hdf5
from renet.evaluation.inference_table import INFERENCE
from renet.faces.crop import CropSpec
from renet.network import devices, model_file
from renet.pages import templates
from renet.walkthrough import activations, lineage, photo
from renet.walkthrough import page as walkthrough_page

AGREEMENT = 0.01  # largest difference of probabilities that the arithmetic's precision explains


def walkthrough(
    run: str,
    model: Path,
    inference: Path,
    faces: Path,
    table: Path,
    tables: list[Path],  # of all sources
    receipt_files: list[Path],
    page: Path,
    pictures: Path,
    config: dict,  # settings of the data
    origin: str,  # the config's files and options
    compute: devices.Compute,
    id: str | None,  # id, path or file name of a photo; None for the first test photo
) -> None:
    index, sample = lineage.find_sample(table, id)
    archive = config["archives"][sample["source"]]
    crop = Crop.model_validate(config["crop"])
    shown = lineage.trace(index, sample, tables, receipt_files)
    device = devices.choose("cpu", compute.threads)
    network = devices.to_device(model_file.load(model), device)
    stored = hdf5.read(faces)
    hdf5.check_table(stored, table, inference)
    face = np.array(stored.pixels[index])
    # A CPU may lack the bfloat16 of the GPU.
    precision = "float32" if compute.precision == "float32" else "auto"
    seen = activations.record(network, face, device, precision)
    computed = walkthrough_page.network(seen, pictures, device, precision)
    prediction = lineage.find_row(INFERENCE, inference, "id", sample["id"])
    recorded = {name: prediction[f"p_{name}"] for name in CLASSES}
    difference = np.abs(computed["computed"] - list(recorded.values())).max()
    if difference > AGREEMENT:
        raise InputError(
            f"For {sample['id']}, the network's probabilities and inference.csv differ by "
            f"{difference:.3f}: another model wrote the file; delete it and run the workflow again."
        )
    templates.write(
        "walkthrough.html.j2",
        page,
        title="One photo, step by step",
        probabilities=recorded,
        label=CLASSES[prediction["target"]],
        predicted=CLASSES[prediction["predicted"]],
        folder=Path(os.path.relpath(pictures, page.parent)).as_posix(),
        **computed,
        **photo.steps(shown, CropSpec(**crop.spec(archive)), face, pictures),
        lineage=shown,
        database=archive["database"],
        run=run,
        data=config | {"origin": origin},
        lines=inference.read_text(encoding="utf-8").split("\n"),  # in the order of the HDF5 file
    )
    logging.info("%s shows the photo %s", page, sample["id"])


if __name__ == "__main__":
    script.run(walkthrough)
