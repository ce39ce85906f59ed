"""How far cropping scales: measured on this machine, and simulated for a cluster.

    python benchmarks/rehearsal.py crops FOLDER --rows 6000
    python benchmarks/scaling.py FOLDER/imdb_crop.tar
    python benchmarks/scaling.py FOLDER/imdb_crop.tar --slurm   # overheads too (root, Debian)

**Measured**: photos per second with 1, 2 and 4 parallel jobs of crop_faces.py, each on its shard of
the tar, in turns after a warm-up round; medians. With `--slurm` also the overhead of a job on a
real SLURM on this machine, from jobs with a few photos.

**Simulated**: all crop jobs of IMDB and WIKI. Snakemake submits one after the other. A job starts
as soon as a slot is free, and takes the overhead of a job plus the time for its photos at the speed
of a single job. The simulation ignores the file system, which many readers may slow down.
"""

import argparse
import heapq
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import crop

PHOTOS = 523_051  # in IMDB's and WIKI's archives
JOBS = (1, 2, 4)
SLOTS = (1, 2, 4, 8, 16, 32, 64)
SHARDS = (8, 16, 32, 40, 64, 128, 256)
SHARDS_TO_MEASURE = 6
OVERHEAD, SUBMISSION = 5.5, 0.01  # seconds, as measured with --slurm; see scaling.md


def simulate(
    shards: int, slots: int, photos: int, speed: float, overhead: float, submission: float
) -> float:
    """Seconds until the last of `shards` equal jobs ends, on so many slots.

    Args:
        speed: photos per second of one job.
        overhead: seconds that a job takes without its photos.
        submission: seconds between two submissions.
    """
    free = [0.0] * slots
    for number in range(shards):
        start = max(heapq.heappop(free), (number + 1) * submission)
        heapq.heappush(free, start + overhead + photos / shards / speed)
    return max(free)


def crop_all(folder: Path, jobs: int) -> float:
    """Seconds in which so many parallel jobs crop all photos of the folder's table."""
    started = time.perf_counter()
    running = []
    for shard in range(1, jobs + 1):
        command = [sys.executable, crop.SCRIPTS / "crop_faces.py", folder / "receipt.json"]
        command += ["--photos", folder / "photos.csv", "--shard", shard, "--shards", jobs]
        command += ["-o", folder / f"{shard}.npy", "--table", folder / f"{shard}.csv"]
        running.append(subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL))
    if any(job.wait() for job in running):
        raise RuntimeError("crop_faces.py failed")
    return time.perf_counter() - started


def measure(tar: Path, rounds: int) -> tuple[int, dict[int, float]]:
    """Number of photos, and median seconds with each number of jobs."""
    seconds: dict[int, list[float]] = {jobs: [] for jobs in JOBS}
    with tempfile.TemporaryDirectory() as name:
        photos = len(crop.index(tar, Path(name)))
        for turn in range(rounds + 1):
            for jobs in JOBS:
                taken = crop_all(Path(name), jobs)
                if turn:
                    seconds[jobs].append(taken)
    return photos, {jobs: statistics.median(taken) for jobs, taken in seconds.items()}


def measure_slurm() -> tuple[float, float]:
    """Median seconds of a crop job's overhead on SLURM, and between two submissions."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    from helpers import slurm_cluster
    from helpers.slurm_workflow import SlurmWorkflow
    from helpers.workflow import copy_project, write_config

    with tempfile.TemporaryDirectory() as name:
        Path(name, "project").mkdir()
        project = copy_project(Path(name, "project"))
        write_config(project, sample={"photos": 60, "shards": SHARDS_TO_MEASURE})
        Path(name, "slurm").mkdir()
        faces = [
            f"results/data/sample/faces/{number}-of-{SHARDS_TO_MEASURE}.npy"
            for number in range(1, SHARDS_TO_MEASURE + 1)
        ]
        with slurm_cluster.running(Path(name, "slurm")):
            # One at a time: the machine has few cores.
            work = SlurmWorkflow(project, *faces, "--group-components", "crops=1", "--jobs", 1)
            work.finish()
            runs = [seconds_of_job(job) for job in work.jobs("group_crops")]
            started = time.perf_counter()
            for _ in range(SHARDS_TO_MEASURE):
                slurm_cluster.ask("sbatch", "--hold", "--output=/dev/null", "--wrap", "true")
            submission = (time.perf_counter() - started) / SHARDS_TO_MEASURE
    return statistics.median(runs), submission


def seconds_of_job(job: str) -> float:
    """The run time of a SLURM job."""
    from helpers import slurm_cluster

    described = slurm_cluster.ask("scontrol", "show", "job", job)
    hours, minutes, seconds = map(int, re.search(r"RunTime=(\d+):(\d+):(\d+)", described).groups())
    return 3600 * hours + 60 * minutes + seconds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("tar", type=Path, help="crops, as rehearsal.py makes them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slurm", action="store_true", help="measure the overhead of a SLURM job")
    arguments = parser.parse_args()
    photos, seconds = measure(arguments.tar, arguments.rounds)
    print(f"\nMeasured: {photos} photos, {os.cpu_count()} cores, {arguments.rounds} rounds\n")
    print("| jobs | seconds | photos/s | speedup |\n| --- | --- | --- | --- |")
    for jobs, taken in seconds.items():
        gain = seconds[1] / taken
        print(f"| {jobs} | {taken:.1f} | {photos / taken:.0f} | {gain:.2f} |")
    overhead, submission = measure_slurm() if arguments.slurm else (OVERHEAD, SUBMISSION)
    speed = photos / seconds[1]
    print(
        f"\nSimulated: {PHOTOS} photos at {speed:.0f} photos/s per job, {overhead:.1f} s overhead "
        f"per job, {submission:.2f} s per submission. Seconds until the last job ends:\n"
    )
    print("| slots |", " | ".join(f"{shards} shards" for shards in SHARDS), "| best |")
    print("| --- |" + " --- |" * (len(SHARDS) + 1))
    for slots in SLOTS:
        times = [simulate(n, slots, PHOTOS, speed, overhead, submission) for n in SHARDS]
        best = SHARDS[times.index(min(times))]
        print(f"| {slots} |", " | ".join(f"{taken:.0f}" for taken in times), f"| {best} |")


if __name__ == "__main__":
    main()
