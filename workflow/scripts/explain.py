"""Describe a network and draw saliency maps of some of its predictions.

Reads: model.pt; inference.csv of the run, and test.h5 with the table beside it in the same order.
Writes: saliency.jpg, which shows two tiles (as in `GRID`) a line: a face and its saliency map (red:
supports the prediction, blue: contradicts it); saliency.csv, a row for each line of saliency.jpg
(columns: `renet.pages.page_data.SALIENCY`); model.json (architecture, number of
parameters, SHA-256 of model.pt, version of PyTorch); layers.csv (columns:
`renet.pages.page_data.LAYERS`), without rows for a kind without layers.
Decides: which faces are shown: correct and wrong predictions with the highest confidence.
"""

import logging
from pathlib import Path

import numpy as np

from renet.common import files, script
from renet.common.progress import Progress
from renet.dataset import hdf5
from renet.evaluation.inference_table import INFERENCE
from renet.network import devices, layer_profile, model_file
from renet.pages import galleries
from renet.pages.page_data import LAYERS, SALIENCY
from renet.prediction.saliency import occlusion, overlay

GRID = galleries.Grid(columns=2, side=112)


def explain(
    model: Path,
    inference: Path,
    faces: Path,
    face_table: Path,
    saliency: Path,
    table: Path,
    description: Path,
    layers: Path,
    compute: devices.Compute,
    gpu: int,
) -> None:
    stored = hdf5.read(faces)
    hdf5.check_table(stored, face_table, inference)
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    network = model_file.load(model)
    files.write_json(description, model_file.describe(model, network))
    network = devices.to_device(network, device)
    chosen = galleries.to_explain(INFERENCE.read(inference))
    tiles, largest_drops = [], []
    for row in Progress(chosen.index, desc="saliency", unit=" img"):
        drops = occlusion(network, stored.pixels[row], device, compute.precision)
        tile = GRID.tile(stored.pixels[row])
        tiles += [tile, overlay(tile, drops)]
        largest_drops.append(float(drops.max()))
    galleries.write_image(saliency, GRID.sheet(tiles))
    placed = chosen.assign(y=GRID.side * np.arange(len(chosen)), largest_drop=largest_drops)
    SALIENCY.write(table, placed)
    profile = layer_profile.describe(network) if network.architecture.has_layers else []
    LAYERS.write(layers, LAYERS.frame(profile))
    logging.info("saliency maps of %d faces", len(chosen))


if __name__ == "__main__":
    script.run(explain)
