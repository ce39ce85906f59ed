"""The example that trains another network on the faces of an HDF5 file."""

import pickle

import pytest
import torch

from helpers.project import ROOT, run_python
from helpers.training import write_faces
from renet.training.face_dataset import FaceDataset


def test_a_process_of_a_data_loader_is_given_the_path_and_not_the_pixels(tmp_path):
    write_faces(tmp_path / "train.h5", 40)
    faces = FaceDataset(tmp_path / "train.h5")
    sent = pickle.dumps(faces)
    (face, target), (again, of_again) = faces[3], pickle.loads(sent)[3]  # noqa: S301
    assert len(faces) == 40 and len(sent) < 1000
    assert torch.equal(face, again) and target == of_again
    assert face.shape == (3, 32, 32) and face.dtype == torch.uint8


@pytest.mark.slow
def test_example_trains_another_network(tmp_path):
    (tmp_path / "results/data").mkdir(parents=True)
    write_faces(tmp_path / "results/data/train.h5", 40)
    write_faces(tmp_path / "results/data/validation.h5", 12, 1)
    outcome = run_python(ROOT / "docs/examples/train_resnet18.py", folder=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.endswith(" of 12 faces of the validation set are predicted correctly\n")
