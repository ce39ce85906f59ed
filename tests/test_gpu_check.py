"""The check of a machine's GPU, with the CPU in its place, and what it says where there is none."""

import json
import subprocess
import sys

import gpu_check
import pytest
import torch

from helpers.training import SMALL
from renet.network import batch_norm

STAND_IN = gpu_check.Machine(gpu_check.CPU, 0, SMALL, side=32, faces=80, stands_in=True)
QUICK = [
    *(f"equality, {cell}" for cell in gpu_check.CELLS),
    "graphs on and off", "resident and streamed", "validation by CUDA graph", "stop and continue",
    "other device", "overhead of an epoch",
]  # fmt: skip


def run_main(monkeypatch, capsys, *checks: str) -> tuple[int, dict]:
    """The exit status and the JSON."""
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--only", *checks])
    with pytest.raises(SystemExit) as ended:
        gpu_check.main(STAND_IN)
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_checks_pass_on_a_cpu_in_place_of_a_gpu(monkeypatch, capsys):
    status, found = run_main(monkeypatch, capsys, *QUICK)
    results = {name: entry["result"] for name, entry in found["checks"].items()}
    assert results == dict.fromkeys(QUICK, "passed"), found
    assert (status, found["verdict"]) == (0, "passed")


@pytest.mark.slow
def test_checks_that_start_processes_or_take_time_pass_too(monkeypatch, capsys):
    others = [name for name in gpu_check.CHECKS if name not in QUICK]
    _, found = run_main(monkeypatch, capsys, *others)
    for name, entry in found["checks"].items():
        only_cuda = name in ("hidden waits", "lack of memory")
        assert entry["result"] == ("skipped" if only_cuda else "passed"), entry


@pytest.mark.parametrize("factor", [1.01, torch.nan])
def test_broken_kernel_fails_with_the_difference(monkeypatch, capsys, factor):
    statistics = batch_norm.batch_statistics

    def broken(maps):
        mean, variance = statistics(maps)
        return mean, variance * (factor if maps.dtype == torch.float32 else 1)

    monkeypatch.setattr(batch_norm, "batch_statistics", broken)
    status, found = run_main(monkeypatch, capsys, "equality, tanh")
    assert (status, found["verdict"]) == (1, "failed")
    assert "in float32 differ by" in found["checks"]["equality, tanh"]["reason"]


def test_check_that_breaks_off_has_failed_and_the_others_run(monkeypatch, capsys):
    def break_off(machine):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(gpu_check.CHECKS, "deterministic", break_off)
    status, found = run_main(monkeypatch, capsys, "deterministic", "resident and streamed")
    assert status == 1
    assert found["checks"]["deterministic"]["reason"] == "ZeroDivisionError: division by zero"
    assert found["checks"]["resident and streamed"]["result"] == "passed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_nothing_counts_as_passed(tmp_path):
    skipped = ["graphs on and off", "hidden waits", "one and two GPUs"]
    command = [sys.executable, gpu_check.__file__, "--output", tmp_path / "check.json", "--only"]
    outcome = subprocess.run([*command, *skipped], capture_output=True, text=True, check=False)
    assert outcome.returncode == 3, outcome.stderr
    found = json.loads((tmp_path / "check.json").read_text())
    assert found["verdict"] == "no GPU" and list(found["checks"]) == skipped
    for entry in found["checks"].values():
        assert entry["result"] == "skipped" and entry["reason"] and "figures" not in entry
