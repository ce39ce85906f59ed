"""Say what a network is and where it looks.

Reads: model.pt, inference.csv of the run, and test.h5, whose order it has.
Writes: model.json (architecture, number of trained values, SHA-256 of model.pt, version of torch);
saliency.jpg, a line of two tiles for each face, as it is and with what speaks for the answer in red
and against it in blue; saliency.csv, one row a line.
Decides: which faces: the surest right and the surest wrong answers.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import get_args

import pandas as pd
import torch

from renet.common import files, logs
from renet.common.progress import Progress
from renet.dataset import hdf5
from renet.evaluation import galleries, inference_table, saliency, sprites
from renet.network import devices
from renet.network.model import ReNet, parameter_count
from renet.network.model_file import load

SIDE = 112  # pixels of a tile


def explain(
    model_file: str,
    table: str,
    face_file: str,
    outputs: dict[str, str],
    *,
    device: str = "auto",
    precision: str = "float32",
    threads: int = 2,
) -> None:
    """Explain one run.

    Args:
        table: inference.csv.
        face_file: HDF5 file of the same faces.
        outputs: paths of `model`, `saliency` and `table`.
    """
    model = load(model_file)
    files.write_json(outputs["model"], describe(model, model_file))
    target = devices.choose(devices.Compute(device, precision, threads))
    model = devices.to_device(model, target, precision)
    given = inference_table.read(table, ("id", "target", "p_female", "p_male", "correct"))
    chosen = galleries.to_explain(given)
    faces = hdf5.read(face_file)
    tiles, strongest = [], []
    for place in Progress(chosen.index, desc="saliency", unit=" img"):
        drops = saliency.occlusion(model, faces.pixels[place], target, precision)
        picture = sprites.tile(faces.pixels[place], SIDE)
        tiles += [picture, saliency.overlay(picture, drops)]
        strongest.append(float(drops.max()))
    sprites.write(Path(outputs["saliency"]), sprites.sheet(tiles, 2, SIDE))
    files.write_text(outputs["table"], tabulate(chosen, strongest).to_csv(index=False))


def describe(model: ReNet, model_file: str) -> dict:
    """What model.json says of a network."""
    return {
        "architecture": dataclasses.asdict(model.architecture),
        "input_shape": list(model.input_shape),
        "parameters": parameter_count(model),
        "sha256": files.file_digest(Path(model_file)),
        "torch": torch.__version__,
    }


def tabulate(chosen: pd.DataFrame, strongest: list[float]) -> pd.DataFrame:
    """The table saliency.csv: the answers, where each line lies in the sheet, and its maximum."""
    table = chosen.assign(y=[SIDE * line for line in range(len(chosen))], largest_drop=strongest)
    return table[["y", "largest_drop", *chosen.columns]]


def main() -> None:
    """Explain one run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("model", help="model.pt")
    parser.add_argument("table", help="inference.csv")
    parser.add_argument("faces", help="HDF5 file of the same faces")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder to write to")
    parser.add_argument("--device", choices=get_args(devices.Device), default="auto")
    parser.add_argument("--precision", choices=get_args(devices.Precision), default="float32")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch (default: 2)")
    arguments = parser.parse_args()
    logs.start()
    names = {"model": "model.json", "saliency": "saliency.jpg", "table": "saliency.csv"}
    explain(
        arguments.model,
        arguments.table,
        arguments.faces,
        {key: arguments.output / name for key, name in names.items()},
        device=arguments.device,
        precision=arguments.precision,
        threads=arguments.threads,
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        explain(
            snakemake.input.model,
            snakemake.input.answers,
            snakemake.input.faces,
            dict(snakemake.output.items()),
            # What Snakemake grants goes before what the settings say.
            **snakemake.params.compute | ({} if snakemake.resources.gpu else {"device": "cpu"}),
        )
    else:
        main()
