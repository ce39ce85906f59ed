"""Declaration of metrics.json, for the scripts, the pages and the schema.

Fractions are from 0 to 1. None means that the set does not define a value, such as the recall of a
class without faces. tools/write_config.py writes workflow/schemas/metrics.schema.json from this.
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
    """A part of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ByClass(Record):
    """A metric of each class."""

    female: Fraction | None
    male: Fraction | None


class Claim(Record):
    """Metric of a run minus metric of the baseline."""

    difference: Difference
    interval: Interval
    p: Fraction
    """two-sided and uncorrected; 1 also where the metric is hardly above the baseline"""
    above: bool
    """whether it is significant as the only test, at the 5 % level"""


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
    """Metrics of always predicting the class that most faces of the set have."""

    majority: Literal["female", "male"] = Field(alias="class")


class SetSummary(Metrics):
    """Metrics of one set."""

    n: Annotated[int, Field(ge=1)]
    subjects: Annotated[int, Field(ge=1)]
    """people, and photos without a recorded person"""
    unnamed_photos: Count
    """photos without a recorded person"""
    effective_people: Annotated[float, Field(ge=0)]
    """Kish's effective number"""
    effective_faces: Annotated[float, Field(ge=0)]
    """independent faces that would give an equally wide interval of the accuracy"""
    classes: tuple[Literal["female"], Literal["male"]]
    """names of the classes 0 and 1"""
    loss: Annotated[float, Field(ge=0)]
    """mean cross-entropy with the natural logarithm"""
    confusion_matrix: tuple[tuple[Count, Count], tuple[Count, Count]]
    """rows are labels, columns are predictions"""
    intervals: dict[str, Interval]
    """by the metric, such as recall_female; docs/statistics.md has the methods"""
    small: bool
    """fewer than 30 faces, or an effective number of fewer than 10 people"""
    few: bool
    """small, or fewer than 100 faces, so that a cross-validation leads"""
    male_minus_female: Gap
    above_baseline: dict[ByMetric, Claim | None]
    """None for a set of one class"""
    majority_baseline: Baseline
    constant_prediction: bool
    """whether the network predicts one class for all faces"""


class Composition(Record):
    """The data set, from split.csv."""

    faces: dict[str, Count]
    """by subset; `train` are the faces that the model is trained on"""
    subjects: Count
    unnamed_photos: Count
    male_fraction: Fraction
    """fraction of male faces in the training set"""
    first_year: int | None
    last_year: int | None


class GroupConclusions(Record):
    """Conclusions on the slices of the set `test`, by the p-values of slices.csv."""

    metric: ByMetric
    """by which a slice is compared with the other faces"""
    tested: Groups
    below: Groups
    """significantly below the others, the largest difference first"""
    compared: Groups
    """whose recalls of female and male are compared"""
    gaps: Groups
    """with a significant difference of these, the largest first"""


class Calibration(Record):
    """Temperature scaling: the logits are divided by the temperature."""

    temperature: Annotated[float, Field(gt=0)]
    """1 if it is unfitted"""
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
    """Threshold of "unsure", chosen on the validation set, where its error bound holds over people
    (one photo of each) and over photos."""

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
    """people of the validation set above the threshold, by one photo each"""
    errors: Count
    upper_bound: Fraction | None
    """of the error over people and over photos, corrected for the choice of the threshold"""
    test: Accepted


class Leakage(Record):
    """What faces of different subsets share; what the split's settings forbid is an error."""

    split_by: Literal["subject", "image"]
    in_two_subsets: dict[Literal["people", "photos", "pixels", "near-duplicates"], Count]
    test_samples_of_training_subjects: Count
    faces_of_initial_weights: dict[str, Count] | None = None
    """of each subset, near-duplicates of faces that the initial weights were trained on"""


class Stated(Record):
    """What the run reaches on the set that leads; keys as in runs.csv."""

    set: Literal["test", "out_of_fold"]
    metric: ByMetric
    faces: Count
    value: Fraction
    low: Fraction
    high: Fraction
    baseline: Fraction
    above: bool | None
    """significantly above the baseline, by the p-value that is multiplied by the number of ranked
    runs on the out-of-fold set; None for a set of one class"""


class ChosenByFew(Record):
    """Numbers of independent faces that choose the epoch, and the rest; None from 100 on."""

    epoch: int | None
    others: int | None


class Summary(Record):
    """Metrics of a run; for another set, the set is `test`, and the last keys are missing."""

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
    """of the weights; None for a kind of network that is fitted without"""
    advice: Literal["few_updates", "not_learnt", "few_photos", "few_test_faces"] | None = None
    """what may help; if the run is above its baseline, few_photos or None"""
    chosen_by_few: ChosenByFew | None = None

    def for_predictor(self) -> dict:
        """Keys of predictor.json that the metrics decide."""
        abstention, calibration = self.abstention, self.calibration
        return {
            "temperature": None if calibration.unfitted else calibration.temperature,
            "unsure": abstention.model_dump(include={"threshold", "max_error", "level"}),
            "stated": self.stated and self.stated.model_dump(),
        }


def read(path: Path) -> Summary:
    """Content of a file metrics.json; an InputError if another version wrote it."""
    try:
        return Summary.model_validate(files.read_json(path))
    except ValidationError as error:
        fault = f"{path} is of another version of the workflow; delete it to make it again."
        raise InputError(fault) from error


def write(path: Path, summary: Summary) -> None:
    """Write metrics.json."""
    files.write_json(path, summary.model_dump(by_alias=True, exclude_unset=True))
