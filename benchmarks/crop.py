"""Cropping: speed against a bare OpenCV loop and a pool of processes, and the effect of scaling.

    python benchmarks/rehearsal.py crops FOLDER --rows 6000
    python benchmarks/crop.py FOLDER/imdb_crop.tar                 # the two tables of speed
    python benchmarks/crop.py --reduced wiki_crop.tar …            # PSNR of reduced decoding

**Per core**: the bare loop has the bytes of the photos in memory, decodes them at the same scale as
this project, resizes them with OpenCV and discards the result. This project runs the rule's own
function: it reads photos.csv and the tar, decodes, resizes, orders the planes, digests and writes.
**On all cores**: the baseline unpacks the tar, then reads, resizes and writes each file with a pool
of processes; this project indexes the tar and crops one shard a core, as the rules do. The two
alternate after a warm-up round; medians are printed.
"""

import argparse
import itertools
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

import crop_faces

from renet.archives import tar_index
from renet.archives.receipts import Receipt
from renet.common.progress import Progress
from renet.faces import crop, jpeg
from renet.faces.crop import CropSpec
from renet.faces.photo_index import PHOTOS

SCRIPTS = Path(crop_faces.__file__).parent
SIZE = (128, 128)
SURPLUSES = [1, 1.25, 1.5, 2, 3, np.inf]
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}


def index(tar: Path, folder: Path) -> list[tar_index.Member]:
    """Write receipt.json and photos.csv for all photos of a tar that can be cut."""
    receipt = Receipt("made", str(tar), tar.stat().st_size, "md5:0", verified=False)
    receipt.write(folder / "receipt.json")
    members = [member for member in tar_index.tar_members(tar) if member.name.endswith(".jpg")]
    members = [member for member in members if member.size > 1000]  # not the single pixels
    photos = [
        (row, member.name, 0, member.offset, member.size, 1, 1, 9, 9)
        for row, member in enumerate(members)
    ]
    PHOTOS.write(folder / "photos.csv", PHOTOS.frame(photos))
    return members


def bare(photos: list[bytes], halved: list[bool]) -> None:
    """Decode and resize, nothing else."""
    for data, half in zip(photos, halved, strict=True):
        flags = cv2.IMREAD_REDUCED_COLOR_2 if half else cv2.IMREAD_COLOR
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
        shrinks = image.shape[0] * image.shape[1] > SIZE[0] * SIZE[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        cv2.resize(image, SIZE, interpolation=method)


def ours(folder: Path) -> None:
    """The rule's own function, on one core."""
    crop_faces.crop_faces(
        [folder / "receipt.json"],
        photos=folder / "photos.csv",
        faces=folder / "faces.npy",
        table=folder / "faces.csv",
    )


def ours_on_all_cores(folder: Path, cores: int) -> None:
    """The rules' scripts: one that indexes, then one a shard."""
    script = [sys.executable, str(SCRIPTS / "index_archive.py"), str(folder / "receipt.json")]
    quiet = {"stderr": subprocess.DEVNULL, "check": True}
    subprocess.run([*script, "-o", str(folder / "members.csv")], **quiet)
    jobs = []
    for shard in range(1, cores + 1):
        command = [sys.executable, SCRIPTS / "crop_faces.py", folder / "receipt.json"]
        command += ["--photos", folder / "photos.csv", "--shard", shard, "--shards", cores]
        command += ["-o", folder / f"{shard}.npy", "--table", folder / f"{shard}.csv"]
        jobs.append(subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL))
    if any(job.wait() for job in jobs):
        raise RuntimeError("crop_faces.py failed")


def resize_file(paths: tuple[str, str]) -> None:
    """Read, resize and write one file."""
    image = cv2.imread(paths[0])
    if image is not None:
        cv2.imwrite(paths[1], cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA))


def baseline_on_all_cores(tar: Path, folder: Path, cores: int) -> None:
    """Unpack the tar, then read, resize and write each file."""
    with tarfile.open(tar) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    files = [path for path in (folder / "unpacked").rglob("*.jpg") if path.stat().st_size > 1000]
    (folder / "resized").mkdir()
    pairs = [(str(path), str(folder / "resized" / path.name)) for path in files]
    with multiprocessing.Pool(cores, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        pool.map(resize_file, pairs, chunksize=64)


def seconds_of(task: Callable[[], None]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def alternate(tasks: dict[str, Callable[[], None]], rounds: int, clean: Callable) -> dict:
    """Median seconds of each task, after a warm-up round."""
    seconds = {name: [] for name in tasks}
    for _ in range(rounds + 1):
        for name, task in tasks.items():
            seconds[name].append(seconds_of(task))
            clean()
    return {name: statistics.median(found[1:]) for name, found in seconds.items()}


def measure_speed(tar: Path, rounds: int, cores: int) -> None:
    """Print both tables of speed."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=tar.parent) as name:
        folder = Path(name)
        members = index(tar, folder)
        with tar.open("rb") as handle:
            photos = [tar_index.read_member(handle, *member[1:]) for member in members]
        halved = [crop.can_be_halved(jpeg.frame_size(data), CropSpec(SIZE)) for data in photos]
        print(f"{len(photos)} photos, {np.mean(halved):.0%} decoded at half their size")

        def clean() -> None:
            for left in ("unpacked", "resized"):
                shutil.rmtree(folder / left, ignore_errors=True)

        print("\none core              seconds   photos/s")
        seconds = alternate(
            {"bare OpenCV loop": lambda: bare(photos, halved), "crop_faces": lambda: ours(folder)},
            rounds,
            clean,
        )
        for task, spent in seconds.items():
            print(f"{task:<20}{spent:>9.2f}{len(photos) / spent:>11,.0f}")
        print(f"crop_faces runs at {seconds['bare OpenCV loop'] / seconds['crop_faces']:.0%}")

        print(f"\n{cores} cores               seconds   photos/s   a core")
        seconds = alternate(
            {
                "unpack, then a pool": lambda: baseline_on_all_cores(tar, folder, cores),
                "index + crop_faces": lambda: ours_on_all_cores(folder, cores),
            },
            rounds,
            clean,
        )
        for task, spent in seconds.items():
            rate = len(photos) / spent
            print(f"{task:<20}{spent:>9.2f}{rate:>11,.0f}{rate / cores:>9,.0f}")
        ratio = seconds["unpack, then a pool"] / seconds["index + crop_faces"]
        print(f"this project is {ratio:.1f} times as fast")


def measure_reduced(tars: list[Path]) -> None:
    """Print the PSNR of faces by reduced decoding against those by full decoding."""
    found = []
    for tar in tars:
        with tar.open("rb") as handle:
            for member in Progress(tar_index.tar_members(tar), desc=tar.name):
                data = tar_index.read_member(handle, member.offset, member.size)
                if jpeg.frame_size(data) and not jpeg.is_truncated(data):
                    found += psnr_by_scale(data)
    found = np.array(found)
    print("scale  pixels left over pixels needed   photos   PSNR in dB: least  5 %  median")
    for scale in REDUCED:
        for low, high in itertools.pairwise(SURPLUSES):
            rows = found[(found[:, 0] == scale) & (found[:, 1] >= low) & (found[:, 1] < high), 2]
            if len(rows):
                least, few, median = np.percentile(rows, [0, 5, 50])
                span = f"{low:g} to {high:g}"
                print(
                    f"1/{scale}    {span:<30}{len(rows):>7}{least:>20.1f}{few:>6.1f}{median:>7.1f}"
                )


def psnr_by_scale(data: bytes) -> list[tuple[int, float, float]]:
    """(scale, surplus of pixels, PSNR) of each scale at which enough pixels are left."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return []
    full, found = crop.resize(image, SIZE), []
    for scale, flags in REDUCED.items():
        reduced = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        surplus = min(reduced.shape[:2]) / max(SIZE)
        if surplus >= 1:
            found.append((scale, surplus, cv2.PSNR(crop.resize(reduced, SIZE), full)))
    return found


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("tars", nargs="+", type=Path, metavar="TAR")
    parser.add_argument("--reduced", action="store_true", help="quality of reduced decoding")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.reduced:
        measure_reduced(arguments.tars)
    else:
        for tar in arguments.tars:
            measure_speed(tar.resolve(), arguments.rounds, arguments.cores)


if __name__ == "__main__":
    main()
