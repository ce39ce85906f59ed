"""The benchmarks run, and the one for bare GPU machines needs no more than they have."""

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


@pytest.mark.parametrize("name", ["train.py", "gpu_check.py"])
def test_benchmark_for_bare_gpu_machines_needs_torch_and_numpy_alone(name):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = {line.split(">")[0] for line in lines if line and not line.startswith("#")}
    absent = {IMPORTED_AS.get(name, name) for name in packages - {"torch", "numpy"}}
    program = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({absent!r}))  # importing one of them is an ImportError
sys.argv = [{name!r}, "--help"]
runpy.run_path("benchmarks/{name}", run_name="__main__")
"""
    assert len(absent) > 8 and run("-c", program).startswith("usage: ")


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmark_says_what_it_measures(benchmark):
    assert run(benchmark, "--help").startswith("usage: ")


@pytest.mark.slow
def test_training_benchmark_prints_rates_ratios_and_the_ceiling():
    quick = ("--warm-up", 1, "--repeats", 1, "--rounds", 1)
    printed = run(ROOT / "benchmarks/train.py", *quick)
    assert printed.count("x plain") == 6 and printed.count("of the ceiling") == 6
    shared = ("--shared", 1, "--precision", "bfloat16")
    printed = run(ROOT / "benchmarks/train.py", *quick, *shared)
    lines = 4 + 3  # in training, and in inference, whose threads are not bound
    assert printed.count("x plain") == printed.count("of alone, at worst") == lines


@pytest.mark.slow
def test_reader_benchmark_compares_four_ways():
    assert run(ROOT / "benchmarks/reader.py", "--faces", 600, "--rounds", 1).count("img/s") == 8
