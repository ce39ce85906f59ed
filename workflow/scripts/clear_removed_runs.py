"""Delete what the runs that are no longer in the config have left.

Reads: the folder of the results.
Writes: nothing.
Decides: nothing; it deletes the folder, the logs and the benchmarks of each run that it is given.
The index lists these runs until the workflow runs again.
"""

import logging
import shutil
from pathlib import Path

from renet.common import script


def clear_removed_runs(removed: list[str], *, results: Path) -> None:
    """Delete the folders, logs and benchmarks of runs.

    Args:
        removed: names of the runs.
        results: folder of the results.
    """
    for run in removed:
        folder = results / "runs" / run
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
        for path in [*results.glob(f"logs/*/{run}.log"), *results.glob(f"benchmarks/*/{run}.tsv")]:
            path.unlink()
        for kind in ("logs", "benchmarks"):
            for path in results.glob(f"{kind}/*_external/{run}"):
                shutil.rmtree(path)
        logging.info("%s is deleted (%.1f MB).", folder, size / 1e6)
    if not removed:
        logging.info("All runs in %s are in the config.", results / "runs")


if __name__ == "__main__":
    script.run(clear_removed_runs)
