"""The examples in Python: another network on the faces of an HDF5 file, and predictions."""

import contextlib
import pickle

import numpy as np
import pytest
import torch

from helpers.examples import code_of, predicted, write_photos
from helpers.project import ROOT, run_python
from helpers.training import new_network, write_faces
from renet.network import model_file
from renet.training.face_dataset import FaceDataset


def test_a_process_of_a_data_loader_is_given_the_path_and_not_the_pixels(tmp_path):
    write_faces(tmp_path / "train.h5", 40)
    faces = FaceDataset(tmp_path / "train.h5")
    sent = pickle.dumps(faces)
    (face, target), (again, of_again) = faces[3], pickle.loads(sent)[3]  # noqa: S301
    assert len(faces) == 40 and len(sent) < 1000
    assert torch.equal(face, again) and target == of_again
    assert face.shape == (3, 32, 32) and face.dtype == torch.uint8
    assert faces.targets[3] == target and faces.classes[target] in ("female", "male")
    with pytest.raises(TypeError, match="has no slices; use torch"):
        faces[:2]


def test_example_of_predictions_in_python_predicts_what_the_command_predicts(tmp_path):
    run = tmp_path / "results/runs/renet"
    for folder in (run, tmp_path / "results/data"):
        folder.mkdir(parents=True)
    photos, network = write_photos(tmp_path / "photos"), new_network()
    faces = write_faces(tmp_path / "results/data/test.h5", 12)
    network(torch.from_numpy(faces.pixels.copy()))  # moves the running statistics
    model_file.save(run / "model.pt", network)
    found: dict = {}
    with contextlib.chdir(tmp_path):
        exec(code_of(ROOT / "docs/predict.md"), found)  # noqa: S102
    expected = predicted(run, photos, tmp_path)
    np.testing.assert_allclose(found["predictions"][["p_female", "p_male"]], expected, atol=1e-4)
    np.testing.assert_allclose(found["p_female"] + found["p_male"], np.ones(8))


@pytest.mark.slow
def test_example_trains_another_network(tmp_path):
    (tmp_path / "results/data").mkdir(parents=True)
    write_faces(tmp_path / "results/data/train.h5", 40)
    write_faces(tmp_path / "results/data/validation.h5", 12, 1)
    outcome = run_python(ROOT / "docs/examples/train_resnet18.py", folder=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.endswith(" of 12 faces of the validation set are predicted correctly\n")
