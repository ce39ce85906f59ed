"""Follow one photo of the test set from its row in the metadata to its prediction, as a page.

Reads: model.pt, and beside it inference.csv and provenance.json; test.h5, and beside it test.csv
and a folder for each source with metadata.csv, photos.csv and members.csv; the bytes of the photo
in its archive. If the archive is gone, the page lacks the photo as it was before cropping.
Writes: the page, walkthrough.html, and a folder with its pictures.
Decides: nothing; without an id it is the first face of the test set, whose order is random.
"""

import itertools
import logging
import shlex
from pathlib import Path

import numpy as np

from renet.common import command_line, files
from renet.common.errors import InputError
from renet.config import sources
from renet.dataset import hdf5, lineage
from renet.evaluation.tables import INFERENCE
from renet.faces.crop import CropSpec
from renet.inspection import activations
from renet.network import devices, model_file
from renet.pages import walkthrough_page
from renet.pages.walkthrough_page import Walkthrough


def walkthrough(
    model: Path,
    faces: Path,
    receipt_files: list[Path],
    *,
    page: command_line.Output,
    pictures: Path | None = None,
    id: str | None = None,
    origin: str = "recorded in provenance.json",
    compute: devices.Compute = devices.Compute(),
    gpu: command_line.Granted = None,
) -> None:
    """Write the page that follows one test photo step by step.

    Args:
        model: model.pt, in the folder of its run.
        faces: HDF5 file of faces, with its CSV table beside it.
        receipt_files: receipts of the archives, in the order of the config.
        page: HTML page to write, beside model.pt.
        pictures: folder for the pictures of the page (default: the page's path without .html).
        id: id of the face, or path or file name of its photo (default: the first face).
        origin: name of the config, for the top of the page.
    """
    config = files.read_json(model.with_name("provenance.json"))["config"] | {"origin": origin}
    shown = lineage.trace(faces.with_suffix(".csv"), id, config["archives"], receipt_files)
    inference = model.with_name("inference.csv")
    if (subset := shown.sample["subset"]) != "test":
        raise InputError(
            f"{faces} has faces of the subset {subset}, but {inference} has only the predictions "
            "of the test set; give test.h5."
        )
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    network = devices.to_device(model_file.load(model), device)
    if not network.architecture.has_walkthrough:
        raise InputError(
            f"{model} is of the kind {network.architecture.kind}, whose layers this page cannot "
            "show; name a model of the kind renet or cnn."
        )
    stored = hdf5.read(faces)
    hdf5.check_table(stored, faces.with_suffix(".csv"))
    face = np.array(stored.pixels[shown.index])
    words = [".venv/bin/python", "workflow/scripts/walkthrough.py", model, faces, *receipt_files]
    words += ["-o", model.with_name("photo.html"), "--id", shown.sample["id"]]
    with inference.open(encoding="utf-8") as lines:  # in the order of the HDF5 file
        header, line = next(lines), next(itertools.islice(lines, shown.index, None))
    walk = Walkthrough(
        run=model.absolute().parent.name,
        config=config,
        command=shlex.join(map(str, words)),
        lineage=shown,
        crop=CropSpec(**sources.crop_spec(config, config["archives"][shown.sample["source"]])),
        face=face,
        network=network,
        activations=activations.record(network, face, device, compute.precision),
        prediction=lineage.find_row(INFERENCE, inference, id=shown.sample["id"]),
        line=header + line,
    )
    walkthrough_page.write(page, pictures or page.with_suffix(""), walk)
    logging.info("%s shows the photo %s", page, shown.sample["id"])


if __name__ == "__main__":
    command_line.run(walkthrough)
