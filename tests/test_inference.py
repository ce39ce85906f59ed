"""What the network answers is written one row a sample, and summed up rightly."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_script
from test_training import SMALL, write_faces

from renet import inference, metrics, models
from renet.devices import choose


@pytest.fixture
def run(tmp_path):
    """A model, and 150 faces (more than a batch) with the table beside them."""
    faces = write_faces(tmp_path / "test.h5", 150)
    table = pd.DataFrame(
        {
            "id": [f"wiki:{number}" for number in range(150)], "subset": "test", "source": "wiki",
            "path": [f"00/{number}.jpg" for number in range(150)], "subject": "NA",
            "target": faces.targets, "age": 30, "year": 2000, "face_score": 3.5,
            "crop_width": 90, "crop_height": 91, "grey": 0,
        }
    )  # fmt: skip
    table.loc[3, "age"] = np.nan
    table.to_csv(tmp_path / "test.csv", index=False)
    model = models.ReNet((3, 32, 32), SMALL)
    models.initialise(model, 3)
    model(torch.from_numpy(np.array(faces.pixels[:50])))  # moves the running statistics
    models.save(tmp_path / "model.pt", model.eval())
    return tmp_path, model, faces


def infer(folder):
    return run_script(
        "infer.py", folder / "model.pt", folder / "test.h5", folder / "test.csv",
        "-o", folder / "inference.csv", "--seed-format", folder / "inference.txt",
    )  # fmt: skip


def test_every_sample_has_a_row_with_its_own_answer(run):
    folder, model, faces = run
    outcome = infer(folder)
    assert outcome.returncode == 0, outcome.stderr
    answers = pd.read_csv(folder / "inference.csv", keep_default_na=False)
    with torch.no_grad():
        expected = model(torch.from_numpy(np.array(faces.pixels))).double().softmax(1).numpy()
    assert np.allclose(answers[["p_female", "p_male"]], expected, atol=1e-6)
    assert answers.target.tolist() == faces.targets.tolist()
    assert (answers.predicted == expected.argmax(1)).all()
    assert (answers.correct == (answers.predicted == answers.target)).all()
    assert answers.columns.tolist() == [
        "id", "path", "source", "subject", "subset", "target", "p_female", "p_male", "predicted",
        "correct", "age", "year", "face_score", "crop_width", "crop_height", "grey",
    ]  # fmt: skip
    assert answers.subject[0] == "NA" and answers.age[3] == ""


def test_seeds_format_pairs_outputs_with_their_own_targets(run):
    folder, _, faces = run
    infer(folder)
    lines = (folder / "inference.txt").read_text().splitlines()
    assert lines[0] == "inference, target" and len(lines) == 151
    rows = [json.loads(f"[{line}]") for line in lines[1:]]
    assert [target for _, target in rows] == faces.targets.tolist()
    assert np.allclose(np.sum([confidences for confidences, _ in rows], axis=1), 1, atol=1e-6)


def test_table_of_other_faces_is_refused(run):
    folder = run[0]
    table = pd.read_csv(folder / "test.csv")
    table.assign(target=1 - table.target).to_csv(folder / "test.csv", index=False)
    outcome = infer(folder)
    assert outcome.returncode == 1 and "does not describe the faces" in outcome.stderr
    assert not (folder / "inference.csv").exists()


def test_no_faces_give_no_answers():
    model = models.ReNet((3, 32, 32), SMALL)
    answers = inference.logits(model, np.zeros((0, 3, 32, 32), np.uint8), choose("cpu"))
    assert answers.shape == (0, 2)


def answers_of(targets: list[int], predicted: list[int]) -> pd.DataFrame:
    male = np.where(np.array(predicted) == 1, 0.8, 0.2)
    return pd.DataFrame(
        {"target": targets, "predicted": predicted, "p_female": 1 - male, "p_male": male}
    )


def test_figures_agree_with_a_count_by_hand():
    figures = metrics.summarise(answers_of([0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0]))
    assert figures["n"] == 6
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert figures["recall"] == {"female": 0.5, "male": 0.75}
    assert figures["balanced_accuracy"] == pytest.approx(0.625)
    assert figures["confusion_matrix"] == [[1, 1], [1, 3]]
    assert figures["majority_baseline"] == {"class": "male", "accuracy": pytest.approx(4 / 6)}
    assert figures["loss"] == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.2)) / 6)
    assert figures["answers_one_class"] is False


def test_network_that_says_the_same_of_every_face_is_called_out():
    figures = metrics.summarise(answers_of([0, 1, 1, 1], [1, 1, 1, 1]))
    assert figures["answers_one_class"] is True
    assert figures["accuracy"] == 0.75 and figures["balanced_accuracy"] == 0.5


def test_subset_of_one_class_still_has_figures():
    figures = metrics.summarise(answers_of([1, 1], [1, 0]))
    assert figures["recall"] == {"male": 0.5} and figures["balanced_accuracy"] == 0.5


def test_evaluation_prints_the_accuracy_as_the_course_does_and_warns(tmp_path):
    answers_of([0, 1, 1], [1, 1, 1]).to_csv(tmp_path / "inference.csv", index=False)
    (tmp_path / "history.csv").write_text(
        "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n"
        "1,0.01,0.7,0.5,,\n2,0.01,0.6,0.6,0.65,0.55\n"
    )
    for attempt in ("a", "b"):
        outcome = run_script(
            "evaluate.py", tmp_path / "inference.csv", tmp_path / "inference.csv",
            tmp_path / "history.csv", "-o", tmp_path / f"{attempt}.json",
            "--learning-curve", tmp_path / f"{attempt}.svg",
            "--confusion-matrix", tmp_path / f"{attempt}-matrix.svg",
        )  # fmt: skip
        assert outcome.returncode == 0, outcome.stderr
    assert "Accuracy = 66.7%" in outcome.stderr
    assert "same answer to every face" in outcome.stderr
    for name in ("json", "svg"):
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["test"]["n"] == 3
