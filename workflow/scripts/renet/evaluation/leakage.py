"""Whether somebody, or some photo, stands in two subsets."""

import pandas as pd

from renet.common.errors import InputError

TRAIN = "train"


def check(split: pd.DataFrame, by: str, split_file: str) -> dict:
    """Count the people and photos in two subsets, and refuse those that must not be there.

    Args:
        split: split.csv, at least `subset`, `subject` and `digest`.
        by: `split.by` of the config.
        split_file: its name, for the error.

    Returns:
        `split_by`, `subjects_in_two_subsets`, `photos_in_two_subsets` and `test_samples_seen`, the
        number of test samples whose subject is in the training set.

    Raises:
        InputError: photos with the same pixels, or with `by="subject"` people, are in two subsets.
    """
    subjects, photos = (
        int((split.groupby(column).subset.nunique() > 1).sum()) for column in ("subject", "digest")
    )
    for count, what, forbidden in (
        (subjects, "people", by == "subject"),
        (photos, "photos with the same pixels", True),
    ):
        if count and forbidden:
            raise InputError(
                f"{split_file} has {count} {what} in more than one subset, so that no figure on "
                "the test set could be trusted; delete the file to have the split made again."
            )
    test = split[split.subset == "test"]
    return {
        "split_by": by,
        "subjects_in_two_subsets": subjects,
        "photos_in_two_subsets": photos,
        "test_samples_seen": int(seen(test.subject, split).sum()),
    }


def seen(subjects: pd.Series, split: pd.DataFrame) -> pd.Series:
    """Whether each of these subjects has photos in the training set."""
    return subjects.isin(split.subject[split.subset == TRAIN])
