"""How fast faces come from train.h5, against h5py's own way, and how much memory that takes.

Writes a file of random pixels in neon's layout, reads it once into the page cache, and then reads
random batches from it in three ways, which alternate: rows by h5py (one call a batch, sorted as
h5py requires), rows of the memmap by NumPy, and the batches of `renet.network.loader` for training.
The upper bound is a plain copy of the same bytes in memory.

    python benchmarks/reader.py --faces 40000
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.dataset import hdf5
from renet.network import cpu
from renet.network.loader import StreamingLoader
from renet.training import throughput

SHAPE = (3, 128, 128)


def write_faces(path: Path, count: int) -> None:
    """A file of noise; one slab of it is all that is in memory."""
    slab = np.random.default_rng(0).integers(0, 256, (1000, *SHAPE), dtype=np.uint8)
    slabs = (slab[: min(1000, count - start)] for start in range(0, count, 1000))
    samples = pd.DataFrame({"target": np.arange(count) % 2, "digest": ""})
    hdf5.write(path, (count, *SHAPE), slabs, [samples])


def by_h5py(path: Path, batches: list[np.ndarray]) -> None:
    """Each batch by one call."""
    with h5py.File(path, "r") as store:
        for rows in batches:
            places = np.sort(rows)
            store["input"][places]


def by_memmap(faces: hdf5.FaceFile, batches: list[np.ndarray]) -> None:
    """Each batch by NumPy."""
    for rows in batches:
        np.asarray(faces.pixels[rows])


def by_loader(faces: hdf5.FaceFile, batches: list[np.ndarray]) -> None:
    """As in a training."""
    for _ in StreamingLoader(faces.pixels, faces.targets, torch.device("cpu")).batches(batches):
        pass


def copy(block: np.ndarray, batches: list[np.ndarray]) -> None:
    """The same bytes from memory to memory."""
    for rows in batches:
        block[: len(rows)].copy()


def rate(way: Callable[[], None], images: int) -> float:
    """Images a second."""
    started = time.perf_counter()
    way()
    return images / (time.perf_counter() - started)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--faces", type=int, default=20000)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to write the file, if not in the temporary folder")
    arguments = parser.parse_args()
    cpu.keep_freed_memory()  # as a training does
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "train.h5"
        write_faces(path, arguments.faces)
        faces = hdf5.read(path)
        gigabytes = faces.pixels.nbytes / 1e9
        for start in range(0, len(faces), 1000):
            faces.pixels[start : start + 1000].sum()  # into the page cache
        for batch_size in arguments.batch_size:
            measure(path, faces, batch_size, arguments.rounds)
    own = throughput.anonymous_bytes() / 1e6
    print(f"{gigabytes:.1f} GB of faces; own memory at the end {own:.0f} MB")


def measure(path: Path, faces: hdf5.FaceFile, batch_size: int, rounds: int) -> None:
    """Print the table of one batch size."""
    order = np.random.default_rng(1).permutation(len(faces))
    batches = np.split(order, range(batch_size, len(order), batch_size))
    few = batches[: max(1, 2000 // batch_size)]
    block = np.array(faces.pixels[:batch_size])
    ways = {
        "h5py, a call a batch": (lambda: by_h5py(path, few), sum(map(len, few))),
        "memmap, NumPy": (lambda: by_memmap(faces, batches), len(order)),
        "this project's loader": (lambda: by_loader(faces, batches), len(order)),
        "copy in memory": (lambda: copy(block, batches), len(order)),
    }
    rates = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, images) in ways.items():
            rates[name].append(rate(way, images))
    print(f"\nrandom batches of {batch_size}")
    for name, found in rates.items():
        print(f"{name:<26}{statistics.median(found):>12,.0f} img/s")


if __name__ == "__main__":
    main()
