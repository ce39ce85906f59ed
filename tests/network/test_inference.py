"""The predictions of a network are written one row for each face, in the order of the file."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from helpers.cropped import exchanged, samples_of_faces
from helpers.faces import write_hdf5
from helpers.project import call_script
from helpers.training import new_network, write_faces
from renet.common.errors import InputError
from renet.evaluation import inference_table
from renet.network import inference, model_file


@pytest.fixture
def run(tmp_path):
    """A model, and 150 faces (more than a batch) with the table beside them."""
    faces = write_faces(tmp_path / "test.h5", 150)
    table = samples_of_faces(faces, people=1).assign(subset="test", subject="NA")
    table.loc[3, "age"] = np.nan
    table.to_csv(tmp_path / "test.csv", index=False)
    model = new_network(seed=3)
    model(torch.from_numpy(np.array(faces.pixels[:50])))  # moves the running statistics
    model_file.save(tmp_path / "model.pt", model.eval())
    return tmp_path, model, faces


def infer(folder):
    call_script(
        "infer", model=folder / "model.pt", faces=folder / "test.h5", table=folder / "test.csv",
        inference=folder / "inference.csv", course_format=folder / "inference.txt",
    )  # fmt: skip


def test_every_face_has_a_row_with_its_own_prediction_also_in_the_courses_format(run):
    folder, model, faces = run
    infer(folder)
    predictions = pd.read_csv(folder / "inference.csv", keep_default_na=False)
    with torch.no_grad():
        expected = model(torch.from_numpy(np.array(faces.pixels))).double().softmax(1).numpy()
    assert np.allclose(predictions[["p_female", "p_male"]], expected, atol=1e-6)
    assert predictions.target.tolist() == faces.targets.tolist()
    assert (predictions.predicted == expected.argmax(1)).all()
    assert (predictions.correct == (predictions.predicted == predictions.target)).all()
    assert predictions.columns.tolist() == [
        "id", "path", "source", "subject", "subset", "target", "p_female", "p_male", "predicted",
        "correct", "age", "year", "face_score", "crop_width", "crop_height", "grey",
    ]  # fmt: skip
    assert predictions.subject[0] == "NA" and predictions.age[3] == ""
    lines = (folder / "inference.txt").read_text().splitlines()
    assert lines[0] == "inference, target" and len(lines) == 151
    rows = [json.loads(f"[{line}]") for line in lines[1:]]
    assert [target for _, target in rows] == faces.targets.tolist()
    assert np.allclose([confidences for confidences, _ in rows], expected, atol=1e-6)


@pytest.mark.fault("damaged-table")
@pytest.mark.parametrize(
    "change",
    [
        exchanged,
        lambda table: table.assign(target=1 - table.target),
        lambda table: table[:0],
        lambda table: table[:-1],
        lambda table: pd.concat([table, table[:1]]),
    ],
    ids=["exchanged rows", "other classes", "no row", "a row less", "a row more"],
)
def test_table_of_other_faces_is_refused(run, tmp_path, change):
    change(pd.read_csv(tmp_path / "test.csv")).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(InputError, match=r"test\.csv and .* do not belong together"):
        infer(tmp_path)
    assert not (tmp_path / "inference.csv").exists()


def test_faces_of_another_size_than_the_network_has_learnt_are_refused(run, tmp_path):
    write_hdf5(tmp_path / "test.h5", np.zeros((150, 3, 64, 64), np.uint8), run[2].targets)
    with pytest.raises(InputError, match=r"\(3, 64, 64\), but .*model\.pt needs \(3, 32, 32\)"):
        infer(tmp_path)


@pytest.mark.fault("damaged-faces")
def test_damaged_faces_are_not_predicted(run, tmp_path):
    with h5py.File(tmp_path / "test.h5", "a") as store:
        store["input"][3, :9] = 0
    with pytest.raises(InputError, match=r"test\.h5 is damaged"):
        infer(tmp_path)
    assert not (tmp_path / "inference.csv").exists()


def test_no_faces_give_no_predictions():
    none = np.zeros((0, 3, 32, 32), np.uint8)
    assert inference.logits(new_network(), none, torch.device("cpu")).shape == (0, 2)


def test_equal_probabilities_count_for_the_lower_class(run, tmp_path):
    samples = pd.read_csv(tmp_path / "test.csv").iloc[:3].assign(target=[0, 1, 1])
    probabilities = np.array([[0.5, 0.5], [0.5, 0.5], [0.4, 0.6]])
    predictions = inference_table.build(samples, probabilities)
    assert predictions.predicted.tolist() == [0, 0, 1]
    assert predictions.correct.tolist() == [1, 0, 1]
