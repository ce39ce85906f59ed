"""Predictions on ready-made crops against infer on the same faces, and the memory of many photos.

    python benchmarks/predict.py results/runs/renet wiki_crop.tar
    python benchmarks/predict.py results/runs/renet wiki_crop.tar --many 100000

infer has the faces in an HDF5 file; predict reads, decodes and resizes them first. Both predict the
same faces in one process with the same threads, in turns. The photos of the tar are linked again
and again until there are enough. For the memory, predict.py runs on a tenth of the photos and on
all of them, each in a process of its own, whose peak is compared.
"""

import argparse
import itertools
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# Before this folder, which has a predict.py too.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from predict import predict

from renet.faces import crop
from renet.network import devices, inference
from renet.network.cpu import keep_freed_memory
from renet.prediction import photos, prediction, predictor

SCRIPTS = Path(sys.path[0])


def extract(tar: Path, folder: Path, found: predictor.Predictor) -> list[Path]:
    """The photos of the tar that give a face, as files."""
    spec, kept = found.crop(whole=False), []
    with tarfile.open(tar) as archive:
        for member in archive:
            if not member.isreg() or not member.name.lower().endswith(photos.SUFFIXES):
                continue
            data = archive.extractfile(member).read()
            if prediction.cut_crop(photos.Photo(member.name, lambda data=data: data), spec)[0].face:
                kept.append(folder / f"{len(kept):06}{Path(member.name).suffix}")
                kept[-1].write_bytes(data)
    return kept


def link(found: list[Path], folder: Path, count: int) -> Path:
    """A folder with this many links to the photos, in folders of a thousand."""
    for number, path in enumerate(itertools.islice(itertools.cycle(found), count)):
        inside = folder / f"{number // 1000:04}"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{number:06}{path.suffix}").symlink_to(path)
    return folder


def faces_of(folder: Path, found: predictor.Predictor) -> np.ndarray:
    """The faces of all photos, as an HDF5 file has them, (N, 3, height, width) uint8."""
    spec = found.crop(whole=False)
    given = photos.find([str(folder)])
    return np.stack([crop.face_of(photos.decode(one.read()), spec).pixels for one in given])


def rates(run: Path, folder: Path, rounds: int, compute: devices.Compute) -> dict[str, list]:
    """Faces a second, and a CPU second, of infer and of predict, in turns after a warm-up."""
    found = predictor.load(run)
    device = devices.choose(compute.device, compute.threads)
    network = devices.to_device(found.network, device, compute.precision)
    faces, table = faces_of(folder, found), folder.parent / "predictions.csv"
    ways: dict[str, Callable[[], object]] = {
        "infer": lambda: inference.logits(network, faces, device, compute.precision),
        "predict": lambda: predict(run, [str(folder)], predictions=table, compute=compute),
    }
    measured: dict[str, list] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started, cpu = time.perf_counter(), time.process_time()
            way()
            seconds = time.perf_counter() - started, time.process_time() - cpu
            if number:
                measured[name].append([len(faces) / of for of in seconds])
    return measured


def peak_memory(run: Path, folder: Path, compute: devices.Compute) -> float:
    """The largest resident memory of predict.py on the photos of a folder, in MB."""
    command = [
        sys.executable, SCRIPTS / "predict.py", run, folder, "-o", folder.parent / "many.csv",
        "--html", folder.parent / "many.html", "--compute.threads", str(compute.threads),
        "--compute.precision", compute.precision,
    ]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"predict.py failed on {folder}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("photos", type=Path, help="tar of crops")
    parser.add_argument("--photos-timed", type=int, default=3000)
    parser.add_argument("--many", type=int, default=10000, help="photos for the memory; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    keep_freed_memory()  # as the scripts do
    compute = devices.Compute("cpu", arguments.precision, arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "files").mkdir()
        files = extract(arguments.photos, folder / "files", predictor.load(arguments.run))
        timed = link(files, folder / "timed", arguments.photos_timed)
        measured = rates(arguments.run, timed, arguments.rounds, compute)
        for name, found in measured.items():
            wall, cpu = np.median(found, axis=0)
            print(f"{name:<10}{wall:>10,.1f} faces/s{cpu:>10,.1f} faces a CPU second")
        wall, cpu = np.median(np.divide(measured["predict"], measured["infer"]), axis=0)
        print(f"predict / infer: {wall:.3f}, by CPU seconds {cpu:.3f}", flush=True)
        for count in filter(None, (arguments.many // 10, arguments.many)):
            many = link(files, folder / f"many-{count}" / "photos", count)
            megabytes = peak_memory(arguments.run, many, compute)
            print(f"{count:>9,} photos: peak memory {megabytes:,.0f} MB")


if __name__ == "__main__":
    main()
