"""The benchmarks run, and the one for bare GPU machines needs no more than they have."""

import re
import subprocess

import mutation
import pandas as pd
import pytest
import recompute

from helpers.project import ROOT, run_python

IMPORTED_AS = {"opencv-python-headless": "cv2", "scikit-learn": "sklearn", "pyyaml": "yaml"}


@pytest.mark.parametrize("name", ["train.py", "gpu_check.py"])
def test_benchmark_for_bare_gpu_machines_needs_torch_numpy_and_pydantic_alone(name):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = {line.split(">")[0] for line in lines if line and not line.startswith("#")}
    absent = {IMPORTED_AS.get(name, name) for name in packages - {"torch", "numpy", "pydantic"}}
    program = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({absent!r}))  # importing one of them is an ImportError
sys.path[0], sys.argv = "benchmarks", [{name!r}, "--help"]
runpy.run_path("benchmarks/{name}", run_name="__main__")
"""
    outcome = run_python("-c", program, folder=ROOT)
    assert len(absent) > 8 and outcome.stdout.startswith("usage: "), outcome.stderr


def test_recomputing_finds_a_changed_number_and_nothing_else(changed):
    files = dict(recompute.recomputed(changed, own=pd.DataFrame()))
    assert [recompute.check(*one) for one in files.items()] == 14 * [0]
    for name in ("runs/slow/external/portraits/metrics.json", "runs/again/tables/slices.csv",
                 "comparison/runs.csv", "comparison/comparison.csv"):  # fmt: skip
        path = changed / name
        path.write_text(re.sub(r"\b0\.\d+", "0.123", path.read_text(), count=1))
        assert recompute.check(path, files[path]) == 1


@pytest.mark.parametrize("patch", mutation.PATCHES, ids=lambda patch: patch.stem)
def test_committed_mutation_applies_to_a_module_that_has_tests(patch):
    assert mutation.module_of(patch) in mutation.TESTS
    subprocess.run(["git", "apply", "--check", "-C0", patch], cwd=ROOT, check=True)
