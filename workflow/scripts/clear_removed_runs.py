"""Delete what the runs that are no longer in the config have left.

Reads: the folder of the results.
Writes: nothing.
Decides: nothing; it deletes the folder, the logs and the benchmarks of each run that it is given.
The index lists these runs until the workflow runs again.
"""

import contextlib
import logging
import re
import shutil
from pathlib import Path

from renet.common import locks, script
from renet.common.errors import InputError

TRACE = "logs/train/{run}.trace.json"  # with `resources.profile_steps`, of no rule
WILDCARD = re.compile(r"{\w+}")


def clear_removed_runs(
    removed: list[str], *, results: Path, kept: list[str] = (), records: list[str] = ()
) -> None:
    """Delete the folders, logs and benchmarks of runs.

    Args:
        removed: names of the runs.
        results: folder of the results.
        kept: names of the other runs.
        records: patterns of logs and benchmarks in it, such as logs/train/{run}.log.

    Raises:
        InputError: a process works in the folder of one of the runs; nothing is deleted.
    """
    for run in removed:
        folder = results / "runs" / run
        if process := locks.owner(folder):
            raise InputError(
                f"{folder} is in use by {process}, perhaps a job that outlived its Snakemake: wait "
                "for it to end, or stop it, and start again. Nothing was deleted."
            )
    found = {run: records_of(run, results, records) for run in [*removed, *kept]}
    for run in removed:
        folder = results / "runs" / run
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if folder.is_symlink():  # to a folder that may be used elsewhere
            folder.unlink()
        else:
            shutil.rmtree(folder)
        # Of the runs wide and wide.2, both patterns fit to wide.2.onnx.log.
        longer = [paths for other, paths in found.items() if len(other) > len(run)]
        for path in found[run].difference(*longer):
            path.unlink()
            if path.parent.name == run:  # a folder for each run
                with contextlib.suppress(OSError):  # not empty yet
                    path.parent.rmdir()
        logging.info("%s is deleted (%.1f MB).", folder, size / 1e6)
    if not removed:
        logging.info("All runs in %s are in the config.", results / "runs")


def records_of(run: str, results: Path, records: list[str]) -> set[Path]:
    """The logs and benchmarks that may be those of a run, by their names."""
    patterns = [WILDCARD.sub("*", record.replace("{run}", run)) for record in [*records, TRACE]]
    return {path for pattern in patterns for path in results.glob(pattern)}


if __name__ == "__main__":
    script.run(clear_removed_runs)
