"""The faces of an HDF5 file as a PyTorch data set, and the example that trains with them."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from helpers.project import ROOT, SCRIPTS
from helpers.training import write_faces
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.training.face_dataset import FaceDataset


def test_faces_and_classes_are_those_of_the_file_in_its_order(tmp_path):
    write_faces(tmp_path / "train.h5", 10)
    stored, dataset = hdf5.read(tmp_path / "train.h5"), FaceDataset(tmp_path / "train.h5")
    assert len(dataset) == 10
    faces, classes = zip(*dataset, strict=True)
    assert torch.equal(torch.stack(faces), torch.from_numpy(np.array(stored.pixels)))
    assert list(classes) == stored.targets.tolist()
    doubled = FaceDataset(tmp_path / "train.h5", lambda face: face.float() * 2)
    assert torch.equal(doubled[3][0], faces[3].float() * 2)


def test_processes_of_a_data_loader_map_the_file_anew(tmp_path):
    write_faces(tmp_path / "train.h5", 10)
    dataset = FaceDataset(tmp_path / "train.h5")
    given = {"batch_size": 4, "num_workers": 1, "multiprocessing_context": "spawn"}
    faces = torch.cat([batch for batch, _ in DataLoader(dataset, **given)])
    assert torch.equal(faces, torch.stack([face for face, _ in dataset]))
    assert len(dataset.__reduce__()[1]) == 2  # path and transform, no pixels


def test_file_of_another_layout_is_one_sentence(tmp_path):
    (tmp_path / "train.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"train\.h5 is not an HDF5 file with the datasets"):
        FaceDataset(tmp_path / "train.h5")


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
