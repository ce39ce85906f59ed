"""Inference tables with given predictions, and the files by which a run predicts photos."""

from pathlib import Path

import numpy as np
import pandas as pd

from renet.common import files
from renet.evaluation import conclusions, run_metrics
from renet.evaluation.summary import Summary
from renet.faces.detection import BoxMap
from renet.prediction import predictor, training_photos

STATED = {"set": "test", "metric": "balanced_accuracy", "faces": 90, "value": 0.8, "low": 0.7,
          "high": 0.9, "baseline": 0.5, "above": True}  # fmt: skip


def metrics_of_run(test: pd.DataFrame, validation: pd.DataFrame) -> Summary:
    """What metrics.json has of a run with these predictions, after one epoch on two faces."""
    split = pd.DataFrame({"subset": "train", "subject": ["x", "y"], "target": [0, 1], "year": 2000})
    leaks = {"split_by": "subject", "in_two_subsets": {}, "test_samples_of_training_subjects": 0}
    content, *_ = run_metrics.evaluate(test, validation, split, 0.02, "balanced_accuracy")
    found = Summary.model_validate(content | {"leakage": leaks})
    history = pd.DataFrame({"epoch": [1], "accuracy": [0.5]})
    return conclusions.of_run(found, history, 32, "balanced_accuracy", 1)


def describe_run(
    run: Path, faces: np.ndarray, margin: float, evaluated: dict, sources=("a",), **archive
) -> dict:
    """Write what rule predictor writes beside model.pt; returns the content of predictor.json.

    The faces are too few to fit the detector's box.
    """
    crops = {"database": "wiki", "photos": "crop", "detected": None} | archive
    settings = {"crop": {"size": 32, "margin": margin}, "archives": dict.fromkeys(sources, crops)}
    measured = {"stated": STATED, "detector": BoxMap().as_detector()}
    hashes = run / training_photos.FILE
    training_photos.write(hashes, training_photos.hashes(faces))
    content = predictor.describe(run / "model.pt", measured | evaluated, faces, hashes, settings)
    files.write_json(run / predictor.FILE, content)
    return content


def predictions_of(targets, p_male, subjects=None, **columns) -> pd.DataFrame:
    """An inference table of predictions with these probabilities."""
    targets, p_male = np.array(targets), np.array(p_male, dtype=float)
    predicted = (p_male > 0.5).astype(int)
    count = len(targets)
    table = {
        "id": [f"wiki:{number}" for number in range(count)],
        "path": [f"00/{number}.jpg" for number in range(count)],
        "source": "wiki", "subset": "test",
        "subject": [f"p{number}" for number in range(count)] if subjects is None else subjects,
        "target": targets, "p_female": 1 - p_male, "p_male": p_male,
        "predicted": predicted, "correct": (predicted == targets).astype(int),
        "age": 30, "year": 2000, "face_score": 3.5, "crop_width": 90, "crop_height": 91,
        "grey": 0,
    }  # fmt: skip
    return pd.DataFrame(table | columns)


def predictions_with(female: tuple[int, int], male: tuple[int, int]) -> pd.DataFrame:
    """Predictions with so many correct of so many faces of each label."""
    p_male = [*np.repeat([0.2, 0.8], [female[0], female[1] - female[0]]),
              *np.repeat([0.8, 0.2], [male[0], male[1] - male[0]])]  # fmt: skip
    return predictions_of(np.repeat([0, 1], [female[1], male[1]]), p_male)
