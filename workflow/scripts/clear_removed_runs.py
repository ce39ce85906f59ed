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

from renet.common import script

TRACE = "logs/train/{run}.trace.json"  # with `resources.profile_steps`, of no rule
WILDCARD = re.compile(r"{\w+}")


def clear_removed_runs(removed: list[str], *, results: Path, records: list[str] = ()) -> None:
    """Delete the folders, logs and benchmarks of runs.

    Args:
        removed: names of the runs.
        results: folder of the results.
        records: patterns of logs and benchmarks in it, such as logs/train/{run}.log.
    """
    for run in removed:
        folder = results / "runs" / run
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
        for pattern in [*records, TRACE]:
            for path in results.glob(WILDCARD.sub("*", pattern.replace("{run}", run))):
                path.unlink()
                if path.parent.name == run:  # a folder for each run
                    with contextlib.suppress(OSError):  # not empty yet
                        path.parent.rmdir()
        logging.info("%s is deleted (%.1f MB).", folder, size / 1e6)
    if not removed:
        logging.info("All runs in %s are in the config.", results / "runs")


if __name__ == "__main__":
    script.run(clear_removed_runs)
