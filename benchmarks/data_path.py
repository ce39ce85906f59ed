"""Time and peak anonymous memory of each rule, from archives to HDF5 files.

    python benchmarks/rehearsal.py FOLDER [--rows 50000]
    python benchmarks/data_path.py FOLDER --work WORK

Snakemake runs the workflow up to its HDF5 files in WORK, on the archives in FOLDER. The script
reads the memory of each rule's process and its children 50 times a second: RssAnon of
/proc/<pid>/status, which does not count pages of mapped files, because the kernel can reclaim them.
The seconds are those of Snakemake, from .snakemake/metadata. The same command resumes an
interrupted measurement.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import measuring
import pandas as pd
import yaml

SAMPLE_SECONDS = 0.02
RULES = ["download", "index_archive", "parse_metadata", "crop_faces", "shuffle", "write_hdf5"]
TARGETS = [f"results/data/{subset}.h5" for subset in ("train", "validation", "test")]


class MemoryWatch(threading.Thread):
    """Records the peak anonymous memory of each rule's script below this process, in kB."""

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


def write_overlay(folder: Path, work: Path) -> None:
    """The config of the rehearsal: the default one with other URLs of the archives."""
    archives = {
        source: {"url": (folder / f"{source}_crop.tar").resolve().as_uri(), "md5": None}
        for source in ("wiki", "imdb")
    }
    overlay = {"sources": ["wiki", "imdb"], "archives": archives}
    (work / "overlay.yaml").write_text(yaml.safe_dump(overlay))


def snakemake(work: Path, cores: int) -> None:
    """Run Snakemake up to the HDF5 files."""
    command = [sys.executable, "-m", "snakemake", *TARGETS, "--directory", work, "--cores", cores]
    command += ["--rerun-incomplete", "--configfile", work / "overlay.yaml"]
    with (work / "snakemake.log").open("a") as log:
        subprocess.run([*map(str, command)], cwd=measuring.ROOT, stdout=log, stderr=log, check=True)


def measure_rules(work: Path, cores: int) -> dict[str, int]:
    """Run the workflow; returns the peaks of all rules so far, in kB."""
    peaks_file = work / "peaks.json"
    watch = MemoryWatch(json.loads(peaks_file.read_text()) if peaks_file.exists() else {})
    watch.start()
    try:
        snakemake(work, cores)
    finally:
        watch.over.set()
        watch.join()
        peaks_file.write_text(json.dumps(watch.peaks))
    return watch.peaks


def seconds_of_jobs(work: Path, rule: str) -> list[float]:
    """The seconds of each job of a rule, from Snakemake's record of its last output."""
    notes = [path for path in (work / ".snakemake" / "metadata").rglob("*") if path.is_file()]
    records = [record for note in notes if (record := json.loads(note.read_text()))["rule"] == rule]
    seconds = defaultdict(float)
    for record in records:
        taken = record["endtime"] - record["starttime"]
        seconds[record["log"][0]] = max(seconds[record["log"][0]], taken)
    return list(seconds.values())


def report(work: Path, peaks: dict[str, int]) -> None:
    """Print seconds and memory of each rule, and how many rows there were."""
    data = work / "results" / "data"
    rows = sum(len(pd.read_csv(path, usecols=["row"])) for path in data.glob("*/metadata.csv"))
    faces = pd.read_csv(data / "split.csv", usecols=["phash"], dtype=str).phash
    print(f"{rows:,} rows, {len(faces):,} faces with {faces.nunique():,} perceptual hashes\n")
    table = []
    for rule in RULES:
        seconds = seconds_of_jobs(work, rule)
        total = f"{sum(seconds):.1f} ({max(seconds):.1f})"
        table.append((rule, len(seconds), total, round(peaks.get(rule, 0) / 1024)))
    measuring.print_table(["rule", "jobs", "total seconds (longest job)", "peak MiB"], table)


def main() -> None:
    """Measure what the command line asks for."""
    parser = measuring.parser(__doc__)
    parser.add_argument("folder", type=Path, help="with wiki_crop.tar and imdb_crop.tar")
    parser.add_argument("--work", type=Path, required=True, help="where everything is made")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    write_overlay(arguments.folder, work)
    report(work, measure_rules(work, arguments.cores))


if __name__ == "__main__":
    main()
