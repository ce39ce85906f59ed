"""What the figures of a run show."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from helpers.predictions import predictions_of
from helpers.project import run_python
from renet.evaluation import calibration, run_plots
from renet.evaluation.metrics import summarise
from renet.evaluation.run_plots import Evaluation
from renet.evaluation.summary import SetSummary

# The confidence, the number of faces and the number of wrong predictions of each bin.
BINS = [(0.52, 30, 15), (0.63, 26, 8), (0.77, 30, 5), (0.98, 34, 0)]


@pytest.fixture
def evaluation():
    p_male = np.concatenate([[confidence] * n for confidence, n, _ in BINS])
    targets = np.concatenate([[0] * wrong + [1] * (n - wrong) for _, n, wrong in BINS])
    predictions = predictions_of(targets, p_male)
    scaling = SimpleNamespace(temperature=1.0, unfitted=None)
    test = SetSummary(**summarise(predictions))
    summary = SimpleNamespace(test=test, calibration=scaling)
    yield Evaluation(predictions, summary, pd.DataFrame())
    plt.close("all")


def test_reliability_diagram_has_the_accuracy_and_the_number_of_faces_of_each_bin(evaluation):
    axis, counts = run_plots.reliability(evaluation).axes
    lines = {line.get_label(): line for line in axis.lines}
    accuracies = [(n - wrong) / n for _, n, wrong in BINS]
    np.testing.assert_allclose(lines["uncalibrated"].get_ydata(), accuracies)
    for histogram in counts.patches:  # without a temperature, and at one of 1
        assert histogram.get_data().values.tolist() == [30, 0, 26, 0, 0, 30, 0, 0, 0, 34]
    evaluation.metrics.calibration.unfitted = "unclear"
    assert len(run_plots.reliability(evaluation).axes[0].lines) == len(lines) - 1
    few = dataclasses.replace(evaluation, predictions=evaluation.predictions.head(49))
    axis = run_plots.reliability(few).axes[0]
    assert axis.get_title() == "fewer than 50 faces: no curve"
    assert len(axis.lines[1].get_xdata()) == 0


def test_bins_of_the_reliability_diagram_have_equal_numbers_of_faces():
    confidence = np.random.default_rng(1).uniform(0.9, 1, 357)  # few of ten equal widths
    faces = predictions_of([1] * 357, confidence)
    bins = calibration.reliability_bins(confidence, faces)
    assert len(bins) == 10 and set(bins.n) == {35, 36} and bins.confidence.is_monotonic_increasing
    assert calibration.reliability_bins(confidence[:60], faces.head(60)).n.tolist() == [30, 30]
    assert calibration.reliability_bins(np.ones(357), faces).n.tolist() == [357]


def test_curve_of_the_unsure_predictions_ends_at_the_error_of_all(evaluation):
    found = SimpleNamespace(coverage=0.5, error=0.01, accepted=20)
    evaluation.metrics.abstention = SimpleNamespace(max_error=0.03, threshold=0.9, test=found)
    (axis,) = run_plots.risk_coverage(evaluation).axes
    curve, _, threshold = axis.lines
    assert (threshold.get_xdata(), threshold.get_ydata()) == ([0.5], [0.01])
    assert curve.get_ydata()[-1] == pytest.approx(1 - evaluation.metrics.test.accuracy)


@pytest.mark.parametrize("losses", [[0.7], [0.7, 0.6999, 0.7001]])
def test_markers_of_losses_that_hardly_differ_are_inside_of_the_figure(evaluation, losses):
    epochs = range(1, len(losses) + 1)
    history = {"epoch": epochs, "loss": losses, "validation_loss": losses}
    history |= {"accuracy": losses, "validation_accuracy": losses}
    evaluation = dataclasses.replace(evaluation, history=pd.DataFrame(history))
    loss, accuracy = run_plots.training_curves(evaluation).axes
    assert loss.get_ylim()[0] == 0 and loss.get_ylim()[1] > 1.04 * max(losses)
    assert accuracy.get_ylim()[0] < min(losses) - 0.01 and accuracy.get_ylim()[1] == 1.02
    for axis in (loss, accuracy):
        assert all(tick == round(tick) for tick in axis.get_xticks())


def test_backend_of_a_notebook_which_its_terminal_names_is_not_used():
    code = "import evaluate, matplotlib; print(matplotlib.get_backend())"
    outcome = run_python("-c", code, MPLBACKEND="module://of_a_notebook")
    assert outcome.stdout == "svg\n", outcome.stderr
