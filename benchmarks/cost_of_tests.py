"""CPU seconds of each test file, with those of the processes that its tests start and wait for.

    python benchmarks/cost_of_tests.py --output costs.csv
    python benchmarks/cost_of_tests.py -- -m slow tests/workflow/test_slurm.py

Words after `--` are pytest's; without them the quick tests run, as in `make test`. A fixture that
many files share counts for the file that made it. `(total)` is the whole of pytest: collection and
imports are its difference to the sum of the files.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

FOLDER = "COST_OF_TESTS"  # names the folder to which the processes of pytest write
QUICK = ["-m", "not slow", "-n", "2", "--dist", "loadfile"]


def _seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure a test with its fixtures."""
    start = _seconds()
    try:
        return (yield)
    finally:
        with Path(os.environ[FOLDER], f"{os.getpid()}.csv").open("a") as file:
            file.write(f"{item.path.name},{_seconds() - start}\n")


def main() -> None:
    """Run the tests and print the table, the most expensive file first."""
    import measuring  # not before (the tests' processes import this module as a plugin)

    parser = measuring.parser(__doc__)
    parser.add_argument("words", nargs="*", help="of pytest (default: those of `make test`)")
    parser.add_argument("--output", type=Path, help="CSV of the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {FOLDER: folder, "PYTHONPATH": str(Path(__file__).parent)}
        plugin = ["-p", Path(__file__).stem]
        command = [sys.executable, "-m", "pytest", *plugin, *(options.words or QUICK)]
        status = subprocess.run(command, cwd=measuring.ROOT, env=environment, check=False)
        rows = pd.concat(
            pd.read_csv(file, names=["file", "seconds"]) for file in Path(folder).iterdir()
        )
    table = rows.groupby("file").agg(cases=("seconds", "size"), cpu_seconds=("seconds", "sum"))
    table = table.sort_values("cpu_seconds", ascending=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    table.loc["(total)"] = [len(rows), used.ru_utime + used.ru_stime]
    table = table.astype({"cases": int}).round(1)
    print(table.to_string())
    if options.output:
        table.to_csv(options.output)
    sys.exit(status.returncode)


if __name__ == "__main__":
    main()
