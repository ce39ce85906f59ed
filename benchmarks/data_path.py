"""Time and peak anonymous memory of each rule, from archives to HDF5 files.

    python benchmarks/rehearsal.py crops FOLDER [--rows 50000]
    python benchmarks/data_path.py FOLDER --work WORK

Snakemake runs the workflow up to its HDF5 files in WORK, on the archives in FOLDER or, with --url,
on those that `rehearsal.py serve` serves. Fifty times a second the memory of each rule's process
with all its children is read: RssAnon of /proc/<pid>/status, which does not count pages of mapped
files, because the kernel frees these when it needs memory. Seconds are Snakemake's own, from
results/benchmarks. An interrupted measurement can be resumed.

At the end, write_hdf5 alternates with a plain copy of the shards' bytes, from a cold and from a
warm cache, and a dry run of the finished workflow is timed.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"
SAMPLE_SECONDS = 0.02
RULES = ["download", "index_archive", "parse_metadata", "crop_faces", "shuffle", "write_hdf5"]
SUBSETS = ["train", "validation", "test"]
COPY_BYTES = 4 << 20


class MemoryWatch(threading.Thread):
    """Records the peak anonymous memory of each rule's script below this process."""

    SCRIPT = re.compile(rb"\.snakemake/scripts/[^/\0]*?(" + "|".join(RULES).encode() + rb")\.py")

    def __init__(self, known: dict[str, int]):
        super().__init__(daemon=True)
        self.peaks = defaultdict(int, known)
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            self._measure(os.getpid())

    def _measure(self, pid: int) -> int:
        """The memory of a process and its descendants, in kB."""
        try:
            script = self.SCRIPT.search(Path(f"/proc/{pid}/cmdline").read_bytes())
            status = Path(f"/proc/{pid}/status").read_text()
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            children = {int(child) for task in tasks for child in
                        (task / "children").read_text().split()}  # fmt: skip
        except OSError:
            return 0  # it ended meanwhile
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        total = (int(found[1]) if found else 0) + sum(map(self._measure, children))
        if script:
            name = script[1].decode()
            self.peaks[name] = max(self.peaks[name], total)
        return total


def write_overlay(folder: Path, url: str | None, work: Path) -> Path:
    """The config of the rehearsal: the default one with other URLs of the archives."""
    base = url or folder.resolve().as_uri()
    archives = {
        source: {"url": f"{base}/{source}_crop.tar", "md5": None} for source in ("wiki", "imdb")
    }
    overlay = work / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"sources": ["wiki", "imdb"], "archives": archives}))
    return overlay


def snakemake(work: Path, overlay: Path, *arguments: object) -> None:
    """Run Snakemake up to the HDF5 files."""
    targets = [f"results/data/{subset}.h5" for subset in SUBSETS]
    command = [sys.executable, "-m", "snakemake", *targets, "--directory", work, *arguments]
    command += ["--rerun-incomplete", "--configfile", overlay]
    with (work / "snakemake.log").open("a") as log:
        subprocess.run([*map(str, command)], cwd=ROOT, stdout=log, stderr=log, check=True)


def measure_rules(work: Path, overlay: Path, cores: int) -> dict[str, int]:
    """Run the workflow; returns the peaks of all rules so far, in kB."""
    peaks_file = work / "peaks.json"
    watch = MemoryWatch(json.loads(peaks_file.read_text()) if peaks_file.exists() else {})
    watch.start()
    try:
        snakemake(work, overlay, "--cores", cores)
    finally:
        watch.over.set()
        watch.join()
        peaks_file.write_text(json.dumps(watch.peaks))
    return watch.peaks


def print_table(work: Path, peaks: dict[str, int]) -> None:
    """Print seconds and memory of each rule, and how many rows there were."""
    rows = sum(len(pd.read_csv(path, usecols=["row"])) for path in
               (work / "results" / "data").glob("*/metadata.csv"))  # fmt: skip
    faces = len(pd.read_csv(work / "results" / "data" / "split.csv", usecols=["row"]))
    print(f"{rows:,} rows, {faces:,} faces\n")
    print("rule             jobs   seconds in all   longest job   peak anonymous MB")
    for rule in RULES:
        files = sorted((work / "results" / "benchmarks" / rule).rglob("*.tsv"))
        if files:
            seconds = [float(pd.read_csv(path, sep="\t").s.iloc[0]) for path in files]
            print(
                f"{rule:<17}{len(files):>4}{sum(seconds):>17.1f}{max(seconds):>14.1f}"
                f"{peaks.get(rule, 0) / 1024:>20.0f}"
            )


def measure_dry_run(work: Path, overlay: Path) -> None:
    """Time a dry run of the finished workflow."""
    started = time.perf_counter()
    snakemake(work, overlay, "-n")
    print(f"\nsnakemake -n, all done: {time.perf_counter() - started:.1f} s")


def forget(paths: list[Path]) -> None:
    """Drop the pages of files from the cache."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def copy_bytes(shards: list[Path], target: Path, length: int) -> float:
    """Copy the first `length` bytes of the shards into one file; returns the seconds."""
    started = time.perf_counter()
    with target.open("wb") as out:
        for shard in shards:
            with shard.open("rb") as handle:
                while length and (block := handle.read(min(COPY_BYTES, length))):
                    out.write(block)
                    length -= len(block)
    return time.perf_counter() - started


def write_again(shards: list[Path], work: Path, target: Path) -> float:
    """Write train.h5 once more, as the rule does; returns the seconds."""
    command = [sys.executable, SCRIPTS / "write_hdf5.py", work / "results" / "data" / "split.csv"]
    command += [*shards, "--subset", "train", "-o", target, "--table", target.with_suffix(".csv")]
    started = time.perf_counter()
    subprocess.run([*map(str, command)], stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure_write(work: Path, rounds: int, cold: bool) -> None:
    """Alternate write_hdf5 with a plain copy of as many bytes from the same shards."""
    data = work / "results" / "data"
    shards = sorted(data.glob("*/faces/*.npy"))
    length, targets = (data / "train.h5").stat().st_size, [work / "again.h5", work / "copy"]
    seconds = {"copy": [], "write_hdf5": []}
    for _ in range(rounds):
        for task, found in seconds.items():
            for target in targets:
                target.unlink(missing_ok=True)
            os.sync()
            if cold:
                forget([*shards, data / "train.h5"])
            if task == "copy":
                found.append(copy_bytes(shards, targets[1], length))
            else:
                found.append(write_again(shards, work, targets[0]))
    for target in [*targets, targets[0].with_suffix(".csv")]:
        target.unlink(missing_ok=True)
    rates = {task: length / statistics.median(found) / 1e6 for task, found in seconds.items()}
    print(
        f"train.h5, {length / 1e9:.1f} GB, {'cold' if cold else 'warm'} cache: write_hdf5 "
        f"{rates['write_hdf5']:,.0f} MB/s, plain copy {rates['copy']:,.0f} MB/s, ratio "
        f"{rates['write_hdf5'] / rates['copy']:.0%}"
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("folder", type=Path, help="with wiki_crop.tar and imdb_crop.tar")
    parser.add_argument("--work", type=Path, required=True, help="where everything is made")
    parser.add_argument("--url", help="of the folder, to download the archives from there")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3, help="of write_hdf5 and copy")
    parser.add_argument("--delete", action="store_true", help="delete WORK in the end")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    overlay = write_overlay(arguments.folder, arguments.url, work)
    print_table(work, measure_rules(work, overlay, arguments.cores))
    measure_dry_run(work, overlay)
    for cold in (True, False):
        measure_write(work, arguments.rounds, cold)
    if arguments.delete:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
