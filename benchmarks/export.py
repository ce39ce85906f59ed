"""Size, speed and predictions of the exported formats: ONNX in float32 and int8 against PyTorch.

    python benchmarks/export.py results/runs/renet results/data/test.h5

Several HDF5 files can be given, for example those of external sets; each has a CSV with the labels
beside it. Each format predicts all faces. int8 changes a decision if it predicts another class than
ONNX in float32. The interval of the lost accuracy is a paired t over people. The speeds are
measured in turns, with an equal number of threads.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import measuring
import numpy as np
import onnxruntime
import pandas as pd
from onnxruntime import quantization

from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import comparison, confidence_intervals
from renet.network import devices
from renet.prediction import export, predictor

TORCH, FLOAT, INT8 = "torch float32", "ONNX float32", "ONNX int8"
BATCH = 128
Predict = Callable[[np.ndarray], np.ndarray]


def session(path: Path, threads: int) -> Predict:
    """From faces to probabilities by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda faces: made.run(None, {export.FACES: faces})[0]


def print_decisions(formats: dict[str, Predict], faces: np.ndarray, samples: pd.DataFrame) -> None:
    """Print how far the formats agree on the faces of a set, and their accuracies."""
    starts = range(0, len(faces), BATCH)
    found = {
        name: np.concatenate([predict(np.asarray(faces[at : at + BATCH])) for at in starts])
        for name, predict in formats.items()
    }
    difference = abs(found[FLOAT] - found[TORCH]).max()
    print(f"  largest difference of ONNX in float32 from torch: {difference:.1e}")
    decided = {name: values.argmax(axis=1) for name, values in found.items()}
    changed = int((decided[INT8] != decided[FLOAT]).sum())
    low, high = confidence_intervals.clopper_pearson(changed / len(faces), len(faces))
    print(
        f"  decisions changed by int8: {changed:,} of {len(faces):,}, "
        f"{100 * changed / len(faces):.2f} % ({100 * low:.2f} to {100 * high:.2f} %)"
    )
    correct = pd.DataFrame({name: decided[name] == samples.target for name in (FLOAT, INT8)})
    added = comparison.contributions(correct, samples.subject)
    lost = comparison.difference(added[[FLOAT]].to_numpy(), added[[INT8]].to_numpy())
    low, high = (100 * lost.get(end, np.nan) for end in ("low", "high"))
    print(
        f"  accuracy {100 * lost['value']:.2f} %, in int8 {100 * lost['other_value']:.2f} %: "
        f"{100 * lost['difference']:.2f} points lost ({low:.2f} to {high:.2f})"
    )


def print_speeds(formats: dict[str, Predict], faces: np.ndarray, rounds: int) -> None:
    """Print the faces a second, and a CPU second, of each format."""
    seconds = measuring.in_turns(
        {name: lambda predict=predict: predict(faces) for name, predict in formats.items()}, rounds
    )
    rows = []
    for name, found in seconds.items():
        wall, cpu = len(faces) / np.median(found, axis=0)
        ratio = np.median(seconds[TORCH][:, 0] / found[:, 0])
        rows.append((name, f"{wall:,.1f}", f"{cpu:,.1f}", f"{ratio:.2f}"))
    columns = ["", "faces/s", "faces a CPU second", "against torch"]
    measuring.print_table(columns, rows)


def main() -> None:
    """Measure what the command line asks for."""
    parser = measuring.parser(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("faces", type=Path, nargs="+", help="HDF5 files with their tables")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    device = devices.choose("cpu", arguments.threads)
    found = predictor.load(arguments.run)
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, "model.onnx"), Path(folder, "model.int8.onnx")
        export.write_onnx(whole, found)
        quantization.quantize_dynamic(
            whole, small, op_types_to_quantize=["MatMul"],
            weight_type=quantization.QuantType.QUInt8,
        )  # fmt: skip
        placed = predictor.load(arguments.run).placed(device, "float32")
        for path in (found.model, whole, small):
            print(f"{path.name:<18}{path.stat().st_size / 1e6:>8.1f} MB")
        formats = {
            TORCH: placed.probabilities,
            FLOAT: session(whole, arguments.threads),
            INT8: session(small, arguments.threads),
        }
        for path in arguments.faces:
            stored = hdf5.read(path)
            print(f"{path.name}: {len(stored):,} faces")
            print_decisions(formats, stored.pixels, SPLIT.read(path.with_suffix(".csv")))
        print_speeds(formats, np.asarray(stored.pixels[:BATCH]), arguments.rounds)


if __name__ == "__main__":
    main()
