"""The benchmarks run, those for bare GPU machines with what these have, and find faults."""

import io
import re
import subprocess
import unittest

import gpu_check
import mutation
import pandas as pd
import pytest
import recompute
import torch

from helpers.project import ROOT, run_python
from helpers.training import SMALL
from renet.network import batch_norm

IMPORTED_AS = {"opencv-python-headless": "cv2", "scikit-learn": "sklearn", "pyyaml": "yaml"}
STAND_IN = gpu_check.Machine(gpu_check.CPU, 2, SMALL, side=32, faces=80)
RENET = "Kernels.test_update_of_renet_is_that_of_a_cpu"


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


@pytest.mark.parametrize("factor", [1.01, torch.nan])
def test_broken_kernel_fails_with_the_difference(monkeypatch, factor):
    statistics = batch_norm.batch_statistics

    def broken(maps):
        mean, variance = statistics(maps)
        return mean, variance * (factor if maps.dtype == torch.float32 else 1)

    monkeypatch.setattr(batch_norm, "batch_statistics", broken)
    monkeypatch.setattr(gpu_check.OnGpu, "machine", STAND_IN)
    checks = unittest.defaultTestLoader.loadTestsFromName(RENET, gpu_check)
    result = unittest.TextTestRunner(printed := io.StringIO(), failfast=True).run(checks)
    assert not result.wasSuccessful() and "tanh in float32 differ by" in printed.getvalue()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_counts_as_passed():
    outcome = run_python(gpu_check.__file__)
    assert outcome.returncode in (1, 5), outcome.stderr  # 5 from Python 3.12 on, if no test ran
    assert "PyTorch sees no GPU" in outcome.stderr and "Ran 0 tests" in outcome.stderr
