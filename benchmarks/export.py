"""What an export costs and saves: ONNX in float32 and int8 against PyTorch, on the same faces.

    python benchmarks/export.py results/runs/renet results/data/test.h5

The faces can be of several HDF5 files, such as those of external sets; a table with labels lies
beside each. The formats predict all faces. A decision is changed where the predicted class is
another one than that of ONNX in float32. The interval of the accuracy lost is a paired bootstrap
over people. The speeds are measured in turns, with the same threads.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import confidence_intervals
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


def of_all(predict: Predict, faces: np.ndarray) -> np.ndarray:
    """Probabilities (N, classes) in batches."""
    starts = range(0, len(faces), BATCH)
    return np.concatenate([predict(np.asarray(faces[at : at + BATCH])) for at in starts])


def report_decisions(ways: dict[str, Predict], faces: np.ndarray, samples: pd.DataFrame) -> None:
    """Print how far the formats agree on the faces of a set, and their accuracies."""
    found = {name: of_all(predict, faces) for name, predict in ways.items()}
    difference = abs(found[FLOAT] - found[TORCH]).max()
    print(f"  largest difference of ONNX in float32 from torch: {difference:.1e}")
    targets = samples.target.to_numpy()
    decided = {name: values.argmax(axis=1) for name, values in found.items()}
    changed = int((decided[INT8] != decided[FLOAT]).sum())
    low, high = confidence_intervals.wilson(changed, len(faces))
    print(
        f"  decisions changed by int8: {changed:,} of {len(faces):,}, "
        f"{100 * changed / len(faces):.2f} % ({100 * low:.2f} to {100 * high:.2f} %)"
    )
    correct = {name: (values == targets).astype(float) for name, values in decided.items()}
    lost = correct[FLOAT] - correct[INT8]
    ((low, high),) = confidence_intervals.subject_bootstrap(
        samples.subject, lambda weights: np.array([weights @ lost / weights.sum()])
    )
    print(
        f"  accuracy {100 * correct[FLOAT].mean():.2f} %, in int8 {100 * correct[INT8].mean():.2f}"
        f" %: {100 * lost.mean():.2f} points lost ({100 * low:.2f} to {100 * high:.2f})"
    )


def report_speeds(ways: dict[str, Predict], faces: np.ndarray, rounds: int) -> None:
    """Print faces a second and a CPU second of each format, in turns after a warm-up."""
    seconds: dict[str, list] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, predict in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            predict(faces)
            if number:
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    for name, measured in seconds.items():
        wall, cpu = len(faces) / np.median(measured, axis=0)
        ratios = [to[0] / of[0] for of, to in zip(measured, seconds[TORCH], strict=True)]
        print(
            f"  {name:<15}{wall:>8,.1f} faces/s, {cpu:,.1f} faces a CPU second, "
            f"{statistics.median(ratios):.2f} times as fast as torch"
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
        export.write_int8(small, found)
        placed = predictor.load(arguments.run).placed(device, "float32")
        for path in (found.model, whole, small):
            print(f"{path.name:<18}{path.stat().st_size / 1e6:>8.1f} MB")
        ways = {
            TORCH: placed.probabilities,
            FLOAT: session(whole, arguments.threads),
            INT8: session(small, arguments.threads),
        }
        for path in arguments.faces:
            stored = hdf5.read(path)
            print(f"{path.name}: {len(stored):,} faces")
            report_decisions(ways, stored.pixels, SPLIT.read(path.with_suffix(".csv")))
        report_speeds(ways, np.asarray(stored.pixels[:BATCH]), arguments.rounds)


if __name__ == "__main__":
    main()
