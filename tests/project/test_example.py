"""The example that trains another network on the faces of an HDF5 file."""

import os
import subprocess
import sys

import pytest

from helpers.project import ROOT, SCRIPTS
from helpers.training import write_faces


@pytest.mark.slow
def test_example_trains_another_network(tmp_path):
    (tmp_path / "results/data").mkdir(parents=True)
    write_faces(tmp_path / "results/data/train.h5", 40)
    write_faces(tmp_path / "results/data/validation.h5", 12, 1)
    outcome = subprocess.run(
        [sys.executable, ROOT / "docs/examples/train_resnet18.py"], cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.endswith(" of 12 faces of the validation set are predicted correctly\n")
