"""The check of a machine's GPU, with the CPU in its place, and what it says where there is none."""

import dataclasses
import json
import sys

import gpu_check
import pytest
import torch

from helpers import python_device
from helpers.project import run_python
from helpers.training import SMALL
from renet.network import batch_norm

STAND_IN = gpu_check.Machine(gpu_check.CPU, 0, SMALL, side=32, faces=80, stands_in=True)
START_PROCESSES = ["graphs, two processes", "runs at once"]
LARGE = ["equality, cnn", "equality, resnet18"]  # of few pixels, gradients in bfloat16 are random
OTHERS = [one for one in gpu_check.CHECKS if one not in [*START_PROCESSES, *LARGE]]


def run_main(monkeypatch, capsys, *checks: str) -> tuple[int, dict]:
    """The exit status and the JSON."""
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--only", *checks])
    with pytest.raises(SystemExit) as ended:
        gpu_check.main(STAND_IN)
    return ended.value.code, json.loads(capsys.readouterr().out)


def report_on_device(names: list[str], side: int) -> dict:
    """The report on the device that Python defines, in a process that has it."""
    if side > STAND_IN.side:  # the CPU's kernels below the device add up many pixels inaccurately
        batch_norm.has_accurate_sums = lambda device: False
    machine = dataclasses.replace(STAND_IN, device=torch.device(python_device.NAME, 0), side=side)
    return gpu_check.report(machine, {name: gpu_check.CHECKS[name] for name in names})


@pytest.mark.slow
@pytest.mark.skipif(python_device.REGISTER is None, reason=python_device.MISSING)
@pytest.mark.parametrize(("names", "side"), [(LARGE, 128), (OTHERS, 32)], ids=["large", "others"])
def test_checks_pass_on_a_device_in_place_of_a_gpu(names, side):
    with python_device.process() as process:
        found = process.submit(report_on_device, names, side).result()
    for name, entry in found["checks"].items():
        assert entry["result"] == ("skipped" if name == "lack of memory" else "passed"), entry
    assert found["result"] == "passed"
    assert found["not checked"] == [name for name in names if name == "lack of memory"]


@pytest.mark.slow
def test_checks_that_start_processes_pass_too(monkeypatch, capsys):
    _, found = run_main(monkeypatch, capsys, *START_PROCESSES)
    for entry in found["checks"].values():
        assert entry["result"] == "passed", entry


@pytest.mark.parametrize("factor", [1.01, torch.nan])
def test_broken_kernel_fails_with_the_difference(monkeypatch, capsys, factor):
    statistics = batch_norm.batch_statistics

    def broken(maps):
        mean, variance = statistics(maps)
        return mean, variance * (factor if maps.dtype == torch.float32 else 1)

    monkeypatch.setattr(batch_norm, "batch_statistics", broken)
    status, found = run_main(monkeypatch, capsys, "equality, tanh")
    assert (status, found["result"]) == (1, "failed")
    assert "in float32 differ by" in found["checks"]["equality, tanh"]["reason"]


def test_check_that_breaks_off_has_failed_and_the_others_run(monkeypatch, capsys):
    def break_off(machine):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(gpu_check.CHECKS, "deterministic", break_off)
    status, found = run_main(monkeypatch, capsys, "deterministic", "equality, tanh")
    assert status == 1
    assert found["checks"]["deterministic"]["reason"] == "ZeroDivisionError: division by zero"
    assert found["checks"]["equality, tanh"]["result"] == "passed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_counts_as_passed(tmp_path):
    skipped = ["graphs on and off", "hidden waits", "graphs, two processes"]
    options = ["--output", tmp_path / "check.json", "--only", *skipped]
    outcome = run_python(gpu_check.__file__, *options)
    assert outcome.returncode == 3, outcome.stderr
    found = json.loads((tmp_path / "check.json").read_text())
    assert found["result"] == "no GPU" and found["not checked"] == skipped
    for entry in found["checks"].values():
        assert entry["result"] == "skipped" and entry["reason"] and "figures" not in entry
