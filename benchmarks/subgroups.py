"""How grey versions of the photos are classified, and the gap between women and men by group.

Reads a finished results folder: the HDF5 files of the validation, test and external sets, and the
models of the runs that the command line names. For each set it prints the accuracy on the faces and
on their grey versions, and the recall of recorded men minus that of recorded women, for all faces,
by age band, and for grey and colour photos. The first run is the one before a change, to which the
others are compared. Intervals are 95 %, of a bootstrap over subjects.

    python benchmarks/subgroups.py results/wiki renet modern
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.evaluation import confidence_intervals, slices
from renet.network import devices, inference, model_file
from renet.network.model import Network

FEWEST = 30  # faces of each gender in a group
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of R, G and B (ITU-R BT.601), as OpenCV
SLAB = 1024  # faces


def grey(pixels: np.ndarray) -> np.ndarray:
    """Grey versions of RGB faces (N, 3, H, W) uint8, of the same shape."""
    luminance = np.rint(np.tensordot(LUMINANCE, pixels, axes=(0, 1))).astype(np.uint8)
    return np.repeat(luminance[:, None], 3, axis=1)


def correct(network: Network, faces: hdf5.FaceFile, *, as_grey: bool) -> np.ndarray:
    """Whether each prediction is correct, (N,) bool."""
    device = devices.choose("auto", 2)
    network = devices.to_device(network, device, "float32")
    predicted = []
    for start in range(0, len(faces), SLAB):
        pixels = np.asarray(faces.pixels[start : start + SLAB])
        values = inference.logits(network, grey(pixels) if as_grey else pixels, device)
        predicted.append(values.argmax(axis=1))
    return np.concatenate(predicted) == faces.targets


def groups(samples: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each group of samples, and which samples are in it, (N,) bool."""
    yield "all", np.ones(len(samples), bool)
    ages = slices.bands(samples.age, [0, 30, 45, 60], "years")
    for band in ages.cat.categories:
        yield band, (ages == band).to_numpy()
    is_grey = samples.grey.to_numpy(bool)
    yield "grey photos", is_grey
    yield "colour photos", ~is_grey


def gap(hits: np.ndarray, male: np.ndarray, weights: np.ndarray) -> float:
    """Recall of men minus that of women; all (N,), NaN without one of them."""
    with np.errstate(invalid="ignore"):
        return np.subtract(*((hits * part) @ weights / (part @ weights) for part in (male, ~male)))


def points(value: float, bounds: np.ndarray) -> str:
    """A difference in percentage points, with its interval."""
    low, high = 100 * bounds
    return f"{100 * value:+.1f} ({low:+.1f} to {high:+.1f})"


def report_grey(samples: pd.DataFrame, hits: dict[str, np.ndarray], greys: dict) -> None:
    """Print the accuracy of each run on the faces and on their grey versions."""
    print("| run | accuracy | on grey versions | difference |\n| --- | --- | --- | --- |")
    for run, found in hits.items():
        change = greys[run].astype(float) - found

        def mean(weights: np.ndarray, change: np.ndarray = change) -> np.ndarray:
            return np.array([change @ weights / weights.sum()])

        (bounds,) = confidence_intervals.subject_bootstrap(samples.subject, mean)
        accuracies = " | ".join(f"{100 * part.mean():.1f} %" for part in (found, greys[run]))
        print(f"| {run} | {accuracies} | {points(change.mean(), bounds)} |", flush=True)


def report_gaps(samples: pd.DataFrame, hits: dict[str, np.ndarray]) -> None:
    """Print the gap of each run in each group, and how its size differs from the first run's."""
    first, *others = hits
    columns = ["group", "women", "men", *hits, *(f"size, {run} − {first}" for run in others)]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    male = samples.target.to_numpy() == 1
    for name, chosen in groups(samples):
        counts = [int((chosen & part).sum()) for part in (~male, male)]
        if min(counts) < FEWEST:
            continue

        def gaps(weights: np.ndarray, chosen: np.ndarray = chosen) -> np.ndarray:
            found = [gap(hits[run], male, weights * chosen) for run in hits]
            return np.array([*found, *(abs(other) - abs(found[0]) for other in found[1:])])

        bounds = confidence_intervals.subject_bootstrap(samples.subject, gaps)
        values = gaps(np.ones(len(samples)))
        cells = [name, *map(str, counts), *map(points, values, bounds)]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables of each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="folder of the results")
    parser.add_argument("runs", nargs="+", help="names of runs; the first one is the reference")
    arguments = parser.parse_args()
    networks = {
        run: model_file.load(arguments.results / "runs" / run / "model.pt")
        for run in arguments.runs
    }
    for path in sorted((arguments.results / "data").glob("*.h5")):
        if path.stem == "train":
            continue
        faces, samples = hdf5.read(path), SPLIT.read(path.with_suffix(".csv"))
        print(f"\n{path.stem}: {len(faces):,} faces, {100 * samples.grey.mean():.0f} % grey\n")
        hits, greys = (
            {run: correct(network, faces, as_grey=as_grey) for run, network in networks.items()}
            for as_grey in (False, True)
        )
        report_grey(samples, hits, greys)
        print("\nRecall of men minus recall of women, in percentage points:\n")
        report_gaps(samples, hits)


if __name__ == "__main__":
    main()
