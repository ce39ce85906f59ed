"""The check of a machine's GPU finds a broken kernel, and says what it lacks without one."""

import io
import unittest

import gpu_check
import pytest
import torch

from helpers.project import run_python
from helpers.training import SMALL
from renet.network import batch_norm

STAND_IN = gpu_check.Machine(gpu_check.CPU, 2, SMALL, side=32, faces=80)
RENET = "Kernels.test_update_of_renet_is_that_of_a_cpu"


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
