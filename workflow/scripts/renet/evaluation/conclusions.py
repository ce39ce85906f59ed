"""Conclusions on a run: on its slices, on the leading set, and on what may improve the run."""

import pandas as pd

from renet.evaluation import run_table
from renet.evaluation.inference_table import OUT_OF_FOLD
from renet.evaluation.summary import ByMetric, ChosenByFew, Stated, Summary
from renet.evaluation.tables import ALPHA, FEWEST_INDEPENDENT

FEW_UPDATES = 100  # training steps; on 80 faces, renet and cnn needed up to 60
LEARNT = 0.8  # training error / baseline's error; a network above this ratio has not learnt
MEMORISED = 0.25  # a network below this ratio has memorised the training faces
GAP = 0.1  # training accuracy - test accuracy; above this difference, there are too few photos


def of_groups(slices: pd.DataFrame, metric: str) -> dict:
    """Return section `groups` of metrics.json (`GroupConclusions`), from the table `SLICES`."""
    ordered = slices.sort_values("difference", kind="stable")
    by_gap = slices.sort_values("gap", key=abs, ascending=False, kind="stable")

    def named(rows: pd.DataFrame) -> list[list[str]]:
        return rows[["slice", "value"]].to_numpy().tolist()

    return {
        "metric": metric,
        "tested": named(slices[slices.p_holm.notna()]),
        "below": named(ordered[(ordered.p_holm <= ALPHA) & (ordered.difference < 0)]),
        "compared": named(slices[slices.gap_p_holm.notna()]),
        "gaps": named(by_gap[by_gap.gap_p_holm <= ALPHA]),
    }


def of_run(
    summary: Summary, history: pd.DataFrame, batch_size: int | None, metric: ByMetric, ranked: int
) -> Summary:
    """Return the summary of a run with the keys from `stated` on; other sets have no such keys.

    Args:
        batch_size: of the training; None for a kind of network that is fitted without batches.
        metric: the metric of `stated`; `ranked` is the number of ranked runs.
    """
    is_out_of_fold = summary.calibration.fitted_on == OUT_OF_FOLD
    leads = OUT_OF_FOLD if is_out_of_fold and summary.test.few else "test"
    led = summary.validation if leads == OUT_OF_FOLD else summary.test
    p = run_table.p_value(leads, led, metric, ranked)
    above = None if p is None else p <= ALPHA
    faces, updates = summary.data.faces, None
    if batch_size:
        updates = int(history.epoch.iloc[-1]) * -(-faces.get("train", 0) // batch_size)
    male = summary.data.male_fraction
    kind = advise(updates, float(history.accuracy.iloc[-1]), max(male, 1 - male), led.accuracy)
    needed = led.constant_prediction or above is False
    choosing = summary.validation.effective_faces
    epoch_by = choosing
    if is_out_of_fold:  # only some out-of-fold faces, perhaps 0, validate the run's own model
        share = faces.get("validation", 0) / summary.validation.n
        epoch_by = choosing * share or FEWEST_INDEPENDENT
    counts = {"epoch": round(epoch_by), "others": round(choosing)}
    few = {what: count if count < FEWEST_INDEPENDENT else None for what, count in counts.items()}
    return summary.model_copy(update={
        "stated": Stated(**run_table.reached(led, metric) | {"set": leads, "above": above}),
        "updates": updates,
        "advice": kind if needed or kind == "few_photos" else None,
        "chosen_by_few": ChosenByFew(**few),
    })  # fmt: skip


def advise(updates: int | None, training: float, majority: float, test: float) -> str:
    """Return what may improve a run; above the baseline, only few_photos applies.

    Args:
        updates: steps of the optimizer; None for a kind of network that is fitted without steps.
        training: accuracy on the training faces in the last epoch; `test`: on the leading set.
        majority: fraction of the majority class in the training set.
    """
    is_gap = training > test + GAP
    if is_gap and 1 - training < MEMORISED * (1 - majority):
        return "few_photos"
    if updates is not None and updates < FEW_UPDATES:
        return "few_updates"
    if updates is not None and 1 - training > LEARNT * (1 - majority):
        return "not_learnt"
    return "few_photos" if is_gap else "few_test_faces"
