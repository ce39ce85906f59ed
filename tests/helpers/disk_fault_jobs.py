"""Runs the jobs of a workflow, the first of each script on a disk that it cannot write to, too.

Each job is a child of this process; see forked_jobs.py. The first job of each script runs
undisturbed, then in each fault, and at last with enough space in the project but hardly any for
temporary files. As Snakemake does, the outputs are deleted before each start.

    python disk_fault_jobs.py <jobs.json> <project> <temporary>

takes the jobs that list_jobs.py lists, the project and a folder for temporary files, each of which
is a disk of its own, the latter with one page. It prints {script: problems} as JSON: the faults in
which the job ended neither well nor with one sentence, or left other files.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helpers import disks, forked_jobs
from helpers.workflow import MAY_DIFFER

PLENTY = 1 << 28  # bytes
READ_ONLY, FORBIDDEN, NO_TEMPORARY_FILES = "read-only", "forbidden", "no temporary files"
FOLDERS = ("results", "resources")
CAUSES = ("No space left on device", "bytes, but only", "Read-only file system",
          "Permission denied")  # fmt: skip
CAPABILITY_VERSION = 0x20080522  # capset(2)
LEFT_ON_PURPOSE = ("checkpoint.pt", "previous.pt", ".lock")  # how the names begin


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the jobs run.

    Attributes:
        project: a disk.
        temporary: a disk with one page.
        log: in a folder that can be written to where the project cannot.
    """

    project: Path
    temporary: Path
    log: Path

    def run(self, job: dict, fault: str, free: int) -> tuple[int, str]:
        """Run a job in a fault; returns its status and what it said."""
        forked_jobs.delete_outputs(job)
        Path(job["log"][0]).unlink(missing_ok=True)
        if fault in (READ_ONLY, FORBIDDEN):  # with its log there, too, the job would not even start
            job = job | {"log": [str(self.log)]}
        with self.in_fault(fault, free):
            status = forked_jobs.end_of(forked_jobs.start(job, lambda: self.prepare(fault)))
        return status, forked_jobs.said(job)

    @contextlib.contextmanager
    def in_fault(self, fault: str, free: int) -> Iterator[None]:
        """The disk of the project has so many free bytes, and cannot be written in some faults."""
        disks.leave_free(self.project, free)
        if fault == READ_ONLY:
            disks.make_read_only(self.project)
        if fault == FORBIDDEN:
            set_mode_of_folders(0o555)
        yield
        disks.leave_free(self.project, PLENTY)
        set_mode_of_folders(0o755)

    def prepare(self, fault: str) -> None:
        """What the process of a job does first in a fault."""
        if fault == FORBIDDEN:  # without capabilities, root obeys permissions
            ctypes.CDLL(None).capset(struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24))
        if fault == NO_TEMPORARY_FILES:
            os.environ["TMPDIR"], tempfile.tempdir = str(self.temporary), None


def run(jobs: list[dict], place: Place) -> dict[str, list[str]]:
    """Run all jobs, and the first of each script in all faults, too."""
    scripts: dict[str, list[str]] = {}
    for job in jobs:
        before = files()
        status, said = place.run(job, "", PLENTY)
        if status:
            raise RuntimeError(said)
        if (script := Path(job["script"]).stem) not in scripts:
            scripts[script] = problems_of(job, place, before)
    return scripts


def problems_of(job: dict, place: Place, before: set[Path]) -> list[str]:
    """What is wrong with how a job ends in each fault; it has run undisturbed before.

    Args:
        before: the files that were there before it ran; the others are deleted.
    """
    new = files() - before
    size = size_of(new)
    whole = {path: path.read_bytes() for path in new}
    for path in new:
        path.unlink()
    sizes = {"full": 0, "a page": disks.PAGE, "half": size // 2, "most": size * 7 // 8}
    faults = sizes | dict.fromkeys((READ_ONLY, FORBIDDEN, NO_TEMPORARY_FILES), PLENTY)
    problems = []
    for fault, free in faults.items():
        status, said = place.run(job, fault, free)
        now = files() - before
        differ = {path for path in now | new if may_differ(path)}
        other = {path for path in (now & new) - differ if path.read_bytes() != whole[path]}
        left = {path for path in now - new - differ if not path.name.startswith(LEFT_ON_PURPOSE)}
        missing = new - now - differ
        ended_well = fault not in ("full", READ_ONLY, FORBIDDEN) and status == 0 and not missing
        failed_well = fault != NO_TEMPORARY_FILES and status == 1 and is_one_sentence(said)
        found = [f"{path} has other bytes" for path in other] + [
            f"{path} was left" for path in left
        ]
        if not (ended_well or failed_well):
            found.append(f"status {status}, without {missing}, after\n{said}")
        problems += [f"{fault}: {problem}" for problem in found]
    return problems


def is_one_sentence(said: str) -> bool:
    """Whether a job said one error, which names a file and the cause."""
    error, *more = [line for line in said.splitlines() if " ERROR " in line] or [""]
    is_named = any(cause in error for cause in CAUSES) and any(
        "/" in word for word in error.split()
    )
    return is_named and not more and "Traceback" not in said


def may_differ(path: Path) -> bool:
    """Whether a file has times in it, as the note has that an archive was checked."""
    return bool(MAY_DIFFER.keys() & set(path.parts)) or path.suffix == ".checked"


def files() -> set[Path]:
    """The files of the jobs in the current folder, without their logs."""
    found = (path for folder in FOLDERS for path in Path(folder).rglob("*"))
    return {path for path in found if path.is_file() and "logs" not in path.parts}


def set_mode_of_folders(mode: int) -> None:
    """Set the permissions of all folders of the results."""
    for folder in FOLDERS:
        for path in (Path(folder), *Path(folder).rglob("*/")):
            path.chmod(mode)


def size_of(paths: set[Path]) -> int:
    """Bytes on the disk; a file with several names counts once."""
    return 512 * sum({stat.st_ino: stat.st_blocks for stat in map(Path.stat, paths)}.values())


if __name__ == "__main__":
    listed, project, temporary = map(Path, sys.argv[1:])
    forked_jobs.import_all()
    place = Place(project, temporary, Path("job.log").absolute())
    jobs = json.loads(listed.read_text())
    os.chdir(project)
    print(json.dumps(run(jobs, place)))
