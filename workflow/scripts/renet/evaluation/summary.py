"""Declaration of metrics.json, for the scripts, the pages and the schema.

Fractions are from 0 to 1. None means that the set does not define a value, such as the recall of a
class without faces. tools/write_config.py writes workflow/schemas/metrics.schema.json from here.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from renet.common import files
from renet.common.errors import InputError

Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Difference = Annotated[float, Field(ge=-1, le=1)]
Interval = tuple[float, float] | None  # low and high end, 95 %
Groups = list[tuple[str, str]]  # slice and value
ByMetric = Literal["accuracy", "balanced_accuracy"]


class Record(BaseModel):
    """A part of metrics.json; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ByClass(Record):
    """A metric for each class."""

    female: Fraction | None
    male: Fraction | None


class Claim(Record):
    """Metric of a run minus metric of the baseline."""

    difference: Difference
    interval: Interval
    p: Fraction
    """two-sided and uncorrected; 1 if the metric is below or hardly above the baseline's metric"""
    above: bool
    """whether p is at most 0.05, so that the difference is significant as the only test"""


class Gap(Record):
    """Recall of male minus recall of female."""

    value: Difference | None
    interval: Interval
    significant: bool
    """whether the interval excludes 0"""


class Metrics(Record):
    """Metrics of a set, or of its baseline."""

    accuracy: Fraction
    balanced_accuracy: Fraction
    """mean recall of the classes that have faces"""
    recall: ByClass
    precision: ByClass
    roc_auc: Fraction | None


class Baseline(Metrics):
    """Metrics of the baseline, which always predicts the class of most faces of the set."""

    majority: Literal["female", "male"] = Field(alias="class")


class SetSummary(Metrics):
    """Metrics of one set."""

    n: Annotated[int, Field(ge=1)]
    subjects: Annotated[int, Field(ge=1)]
    """people, and photos without a recorded person"""
    unnamed_photos: Count
    """photos without a recorded person"""
    effective_people: Annotated[float, Field(ge=0)]
    """Kish's effective number of people"""
    effective_faces: Annotated[float, Field(ge=0)]
    """number of independent faces that would have an equally wide interval of the accuracy"""
    classes: tuple[Literal["female"], Literal["male"]]
    """names of the classes 0 and 1"""
    loss: Annotated[float, Field(ge=0)]
    """mean cross-entropy with the natural logarithm"""
    confusion_matrix: tuple[tuple[Count, Count], tuple[Count, Count]]
    """rows are labels, columns are predictions"""
    intervals: dict[str, Interval]
    """of each metric, such as recall_female; docs/statistics.md has the methods"""
    small: bool
    """fewer than 30 faces, or an effective number of fewer than 10 people"""
    few: bool
    """small, or fewer than 100 faces; if the run has folds, the out-of-fold set then leads"""
    male_minus_female: Gap
    above_baseline: dict[ByMetric, Claim | None]
    """None for a set of one class"""
    majority_baseline: Baseline
    constant_prediction: bool
    """whether the network predicts one class for all faces of a set with two classes"""


class Composition(Record):
    """The data set, from split.csv."""

    faces: dict[str, Count]
    """number of faces in each subset; the model is trained on the faces of `train`"""
    subjects: Count
    unnamed_photos: Count
    male_fraction: Fraction
    """fraction of male faces in the training set"""
    first_year: int | None
    last_year: int | None


class GroupConclusions(Record):
    """Conclusions on the slices of the set `test`, by the p-values of slices.csv."""

    metric: ByMetric
    """metric by which a slice is compared with the other faces of the set"""
    tested: Groups
    below: Groups
    """slices significantly below the other faces, the largest difference first"""
    compared: Groups
    """slices whose recalls of female and male are compared"""
    gaps: Groups
    """slices with significantly different recalls, the largest difference first"""


class Calibration(Record):
    """Temperature scaling: the logits are divided by the temperature."""

    temperature: Annotated[float, Field(gt=0)]
    """1 if `unfitted` is not None"""
    interval: Interval
    fitted_on: Literal["validation", "out_of_fold"]
    unfitted: Literal["small", "limit", "unclear"] | None
    """why no fit is applied: a small set, a limit of the search, or an inconclusive test"""
    confidences: Literal["too_high", "too_low", "no_error_found", "inconclusive"]


class Accepted(Record):
    """Predictions on the set `test` with a confidence above the threshold."""

    accepted: Count
    coverage: Fraction
    error: Fraction | None
    error_interval: Interval
    error_of_all: Fraction


class Abstention(Record):
    """Threshold of "unsure", chosen on the validation set. Its error bound is computed over people
    (one photo of each) and over all photos, and the higher bound counts."""

    max_error: Fraction
    """highest error rate of the accepted predictions, from the config"""
    level: Fraction
    """confidence of the bound"""
    threshold: Fraction | None
    """None if no threshold reaches max_error; 0 if all predictions are accepted"""
    people: Count
    needed: Count
    """fewest people, all predicted correctly, for which there can be a threshold"""
    few_people: bool
    accepted: Count
    """people of the validation set of whom one random photo is above the threshold"""
    errors: Count
    upper_bound: Fraction | None
    """higher bound of the error, corrected for the choice of the threshold"""
    test: Accepted


class Leakage(Record):
    """What faces of different subsets share; a leak that `split` forbids is an error."""

    split_by: Literal["subject", "image"]
    in_two_subsets: dict[Literal["people", "photos", "pixels", "near-duplicates"], Count]
    test_samples_of_training_subjects: Count
    faces_of_initial_weights: dict[str, Count] | None = None
    """of each subset, faces with a near-duplicate that the initial weights were trained on"""


class Stated(Record):
    """Metric of the run on the leading set; keys as in runs.csv."""

    set: Literal["test", "out_of_fold"]
    metric: ByMetric
    faces: Count
    value: Fraction
    low: Fraction
    high: Fraction
    baseline: Fraction
    above: bool | None
    """whether the metric is significantly above the baseline; on the out-of-fold set, the p-value
    is first multiplied by the number of ranked runs; None for a set of one class"""


class ChosenByFew(Record):
    """Effective numbers of faces by which the epoch and all other values, such as the temperature,
    are chosen; None for 100 faces and more."""

    epoch: int | None
    others: int | None


class Summary(Record):
    """Metrics of a run; for another set, `test` is this set, without the keys from `stated` on."""

    data: Composition
    test: SetSummary
    validation: SetSummary
    """of the validation set, or of the out-of-fold set of a run with folds"""
    groups: GroupConclusions
    calibration: Calibration
    abstention: Abstention
    leakage: Leakage
    stated: Stated | None = None
    updates: Count | None = None
    """updates of the weights in the training; None for a kind of network without such updates"""
    advice: Literal["few_updates", "not_learnt", "few_photos", "few_test_faces"] | None = None
    """what may improve the run; if the run is above its baseline, few_photos or None"""
    chosen_by_few: ChosenByFew | None = None

    def for_predictor(self) -> dict:
        """Return the keys of predictor.json that depend on the metrics."""
        abstention, calibration = self.abstention, self.calibration
        return {
            "temperature": None if calibration.unfitted else calibration.temperature,
            "unsure": abstention.model_dump(include={"threshold", "max_error", "level"}),
            "stated": self.stated and self.stated.model_dump(),
        }


def read(path: Path) -> Summary:
    """Read metrics.json; raise an InputError if another version of the workflow wrote the file."""
    try:
        return Summary.model_validate(files.read_json(path))
    except ValidationError as error:
        fault = f"{path} is of another version of the workflow; delete it and run the workflow."
        raise InputError(fault) from error


def write(path: Path, summary: Summary) -> None:
    files.write_json(path, summary.model_dump(by_alias=True, exclude_unset=True))
