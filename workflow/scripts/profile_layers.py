"""Describe the layers of a network, and measure the time of each in a training step.

Reads: model.pt of a run, and faces of test.h5 as the batch.
Writes: layers.csv (columns: `renet.evaluation.tables.LAYERS`), network.svg, the same as a figure;
layer_times.csv (columns: `renet.evaluation.tables.LAYER_TIMES`) and layer_times.js, the same as a
script of the page. The last two differ from one run to the next.
Decides: nothing.
"""

import logging
from pathlib import Path

import numpy as np

from renet.common import script
from renet.dataset import hdf5
from renet.evaluation.tables import LAYER_TIMES, LAYERS
from renet.inspection import layer_profile, network_plot
from renet.network import devices, model_file
from renet.pages import page_data


def profile_layers(
    model: Path,
    faces: Path,
    *,
    layers: script.Output,
    figure: Path,
    times: Path,
    times_script: Path,
    batch_size: int = 32,
    compute: devices.Compute = devices.Compute(),
    gpu: script.Granted = None,
) -> None:
    """Describe the layers of a network, and measure the time of each in a training step.

    Args:
        model: model.pt.
        faces: HDF5 file of faces.
        layers: layers.csv to write.
        figure: network.svg to write.
        times: layer_times.csv to write.
        times_script: layer_times.js to write.
        batch_size: number of faces in the measured step; faces are repeated if the file has fewer.
        compute: device, precision and threads.
    """
    device = devices.choose(devices.granted(compute.device, gpu), compute.threads)
    network = devices.to_device(model_file.load(model), device)
    described = layer_profile.describe(network)
    LAYERS.write(layers, described)
    network_plot.draw(described, network.input_shape, figure)
    batch = hdf5.read(faces).pixels.take(np.arange(batch_size), axis=0, mode="wrap")
    measured = layer_profile.measure_times(network, batch, compute.precision)
    LAYER_TIMES.write(times, measured, float_format="%.4g")
    columns = {name: measured.round(4)[name] for name in LAYER_TIMES.columns}
    about = {"batch_size": batch_size, "device": device.type, "threads": compute.threads}
    page_data.write_table(times_script, "renetLayerTimes", columns, **about)
    step = measured.milliseconds.sum()
    logging.info("%d layers; a step on %d faces takes %.0f ms", len(described), batch_size, step)


if __name__ == "__main__":
    script.run(profile_layers)
