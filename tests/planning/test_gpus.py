"""How many GPUs the jobs of one machine may use at a time."""

import pytest

from helpers.dry_run import plan
from helpers.project import ROOT
from renet.planning import before_start


@pytest.mark.parametrize(
    ("granted", "count"),
    [(None, 3), ("", 0), ("-1", 0), ("NoDevFiles", 0), ("2", 1), ("1, 0", 2),
     ("GPU-5ebe9f43,MIG-a1", 2)],
)  # fmt: skip
def test_gpus_are_those_that_cuda_would_see(monkeypatch, tmp_path, granted, count):
    monkeypatch.setattr(before_start, "DEVICES", tmp_path)
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if granted is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", granted)
    assert before_start.visible_gpus() == count


@pytest.mark.parametrize(
    ("options", "found", "granted"),
    [
        pytest.param(["--cores", 2], "0,1", 2, id="those found"),
        pytest.param(["--executor", "slurm", "--jobs", 4], "0,1", 4, id="a cluster has its own"),
        pytest.param(["--cores", 2, "--resources", "gpu=3", "downloads=2"], "0,1", 3,
                     id="those named", marks=pytest.mark.slow),
        pytest.param(["--cores", 2], "", 4, id="none found", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_training_is_granted_what_this_machine_has(tmp_path, monkeypatch, options, found, granted):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", found)
    wanted = ["results/runs/renet/model.pt", "--config", "train={processes: 4}"]
    said = plan(ROOT, "--directory", tmp_path, *wanted, *options)
    train = said.split("rule train:")[1].split("rule ")[0]
    assert f"gpu={granted}" in train
