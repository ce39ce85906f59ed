"""The benchmarks run, and the one for bare GPU machines needs no more than they have."""

import re
import subprocess
import sys

import pytest

from helpers.project import ROOT

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
IMPORTED_AS = {"opencv-python-headless": "cv2", "scikit-learn": "sklearn", "pyyaml": "yaml"}


def run(*command: object) -> str:
    outcome = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def table_rows(printed: str) -> list[list[str]]:
    """The cells of all rows of the printed tables, without the lines below the names of columns."""
    rows = re.findall(r"^\| (.*) \|$", printed, re.MULTILINE)
    return [row.split(" | ") for row in rows if not row.startswith("---")]


@pytest.mark.parametrize("name", ["train.py", "gpu_check.py"])
def test_benchmark_for_bare_gpu_machines_needs_torch_and_numpy_alone(name):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = {line.split(">")[0] for line in lines if line and not line.startswith("#")}
    absent = {IMPORTED_AS.get(name, name) for name in packages - {"torch", "numpy"}}
    program = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({absent!r}))  # importing one of them is an ImportError
sys.path[0], sys.argv = "benchmarks", [{name!r}, "--help"]
runpy.run_path("benchmarks/{name}", run_name="__main__")
"""
    assert len(absent) > 8 and run("-c", program).startswith("usage: ")


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmark_says_what_it_measures(benchmark):
    assert run(benchmark, "--help").startswith("usage: ")


@pytest.mark.slow
def test_training_benchmark_prints_rates_ratios_and_the_upper_bound():
    quick = ("--warm-up", 1, "--repeats", 1, "--rounds", 1, "--shared", 1)
    rows = table_rows(run(ROOT / "benchmarks/train.py", *quick))
    names = [row[0] for row in rows]
    assert len(names) == 16 and names.count("this project, bfloat16") == 4
    of_upper_bound = [row[3] for row in rows if re.fullmatch(r"\d+% of [\d,]+", row[3])]
    assert len(of_upper_bound) == 6
    assert all(float(cell.replace(",", "")) > 0 for row in rows[1:4] for cell in row[1:3])
