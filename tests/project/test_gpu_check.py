"""The check of a machine's GPU, with a device in its place, and what it says without one."""

import dataclasses
import io
import unittest

import gpu_check
import pytest
import torch

from helpers import python_device
from helpers.project import run_python
from helpers.training import SMALL
from renet.network import batch_norm

STAND_IN = gpu_check.Machine(gpu_check.CPU, 2, SMALL, side=32, faces=80)
RENET, OTHER_KINDS = (
    f"Kernels.test_update_of_{networks}_is_that_of_a_cpu" for networks in ("renet", "other_kinds")
)


def checked(machine: gpu_check.Machine, *names: str) -> tuple[bool, int, str]:
    """Whether the checks pass, how many are skipped, and what they print."""
    gpu_check.OnGpu.machine = machine
    checks = unittest.defaultTestLoader.loadTestsFromNames(names, gpu_check)
    result = unittest.TextTestRunner(printed := io.StringIO(), failfast=True).run(checks)
    gpu_check.OnGpu.machine = None
    return result.wasSuccessful(), len(result.skipped), printed.getvalue()


def checked_on_device(names: list[str], side: int) -> tuple[bool, int, str]:
    """The outcome on the device that Python defines, in a process that has it."""
    if side > STAND_IN.side:  # the CPU's kernels below the device add up many pixels inaccurately
        batch_norm.has_accurate_sums = lambda device: False
    device = torch.device(python_device.NAME, 0)
    return checked(dataclasses.replace(STAND_IN, device=device, side=side), *names)


@pytest.mark.slow
@pytest.mark.skipif(python_device.REGISTER is None, reason=python_device.MISSING)
# Of few pixels, gradients in bfloat16 are random.
@pytest.mark.parametrize(
    ("names", "side"), [([OTHER_KINDS], 128), ([RENET, "Updates", "Trainings"], 32)]
)
def test_checks_pass_on_a_device_in_place_of_a_gpu(names, side):
    with python_device.process() as process:
        passed, skipped, printed = process.submit(checked_on_device, names, side).result()
    assert passed, printed
    assert skipped == ("Trainings" in names)  # the check that would fill the memory


@pytest.mark.slow
def test_checks_that_start_processes_pass_too():
    passed, skipped, printed = checked(STAND_IN, "TwoGpus")
    assert passed and not skipped, printed


@pytest.mark.parametrize("factor", [1.01, torch.nan])
def test_broken_kernel_fails_with_the_difference(monkeypatch, factor):
    statistics = batch_norm.batch_statistics

    def broken(maps):
        mean, variance = statistics(maps)
        return mean, variance * (factor if maps.dtype == torch.float32 else 1)

    monkeypatch.setattr(batch_norm, "batch_statistics", broken)
    passed, _, printed = checked(STAND_IN, RENET)
    assert not passed and "tanh in float32 differ by" in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_counts_as_passed():
    outcome = run_python(gpu_check.__file__)
    assert outcome.returncode in (1, 5), outcome.stderr  # 5 from Python 3.12 on, if no test ran
    assert "PyTorch sees no GPU" in outcome.stderr and "Ran 0 tests" in outcome.stderr
