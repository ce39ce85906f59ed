"""Follow one photo of the test set from its row in the metadata to its prediction, as a page.

Reads: model.pt and inference.csv of a run; test.h5 with its table, and split.csv; of each source
members.csv, archives.json, metadata.csv and photos.csv; the bytes of the photo in its archive. If
the archive is gone, the page lacks the photo as it was before cropping.
Writes: the page, and a folder with its pictures and the probabilities of the face under a grey
square, occlusion.js.
Decides: nothing; without an id it is the first face of the test set, whose order is random. The
network computes on the CPU, since one photo needs no GPU.
"""

import itertools
import logging
from pathlib import Path

import numpy as np

from renet.common import script
from renet.config import sources
from renet.dataset import hdf5
from renet.evaluation.inference_table import INFERENCE
from renet.faces.crop import CropSpec
from renet.network import devices, model_file
from renet.walkthrough import activations, lineage, photo
from renet.walkthrough import page as walkthrough_page


def walkthrough(
    run: str,
    model: Path,
    inference: Path,
    faces: Path,
    table: Path,
    split: Path,
    members: list[Path],  # and the next three: of each source of the config, in this order
    archives: list[Path],
    metadata: list[Path],
    photos: list[Path],
    receipt_files: list[Path],
    receipt_sources: list[str],  # sources of these files
    page: Path,
    pictures: Path,
    config: dict,  # about the data
    origin: str = "",  # the config's files and options
    compute: devices.Compute = devices.Compute(),
    id: str | None = None,  # or the path or file name of a photo
) -> None:
    """Write the page that follows one test photo step by step."""
    index, sample = lineage.find_sample(table, split, id)
    archive = config["archives"][sample["source"]]
    number = config["sources"].index(sample["source"])
    paths = {"members": members, "archives": archives, "metadata": metadata, "photos": photos}
    tables = {name: of_sources[number] for name, of_sources in paths.items()}
    receipts = zip(receipt_sources, receipt_files, strict=True)
    ours = [path for source, path in receipts if source == sample["source"]]
    shown = lineage.trace(index, sample, archive["database"], ours, tables)
    device = devices.choose("cpu", compute.threads)
    network = devices.to_device(model_file.load(model), device)
    stored = hdf5.read(faces)
    hdf5.check_table(stored, table, inference)
    face = np.array(stored.pixels[index])
    # A CPU may lack bfloat16, which was computed in on a GPU.
    precision = "float32" if compute.precision == "float32" else "auto"
    with inference.open(encoding="utf-8") as lines:  # in the order of the HDF5 file
        header, line = next(lines), next(itertools.islice(lines, index, None))
    walkthrough_page.write(
        page,
        pictures,
        shown,
        activations.record(network, face, device, precision),
        lineage.find_row(INFERENCE, inference, id=sample["id"]),
        **photo.steps(shown, CropSpec(**sources.crop_spec(config, archive)), face, pictures),
        run=run,
        data=config | {"origin": origin},
        line=header + line,
    )
    walkthrough_page.write_occlusion(pictures, network, face, device, precision)
    logging.info("%s shows the photo %s", page, sample["id"])


if __name__ == "__main__":
    script.run(walkthrough)
