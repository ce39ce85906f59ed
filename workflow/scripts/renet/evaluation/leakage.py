"""Leakage between the subsets: people or photos that are in more than one."""

import pandas as pd

from renet.common.errors import InputError


def check(split: pd.DataFrame, by: str, split_file: str) -> dict:
    """Count the people and photos in more than one subset, and refuse a split that leaks.

    Args:
        split: split.csv, at least `subset`, `subject` and `digest`.
        by: `split.by` of the config.
        split_file: its name, for the error.

    Raises:
        InputError: photos with the same pixels, or people with `by="subject"`, are in more than one
            subset.
    """
    subjects, photos = (
        int((split.groupby(column).subset.nunique() > 1).sum()) for column in ("subject", "digest")
    )
    people = subjects if by == "subject" else 0
    for count, what in ((people, "people"), (photos, "photos with the same pixels")):
        if count:
            raise InputError(
                f"{split_file} has {count} {what} in more than one subset, so that the metrics of "
                "the test set would be too high; delete the file to have the split made again."
            )
    test, known = (split.subject[split.subset == subset] for subset in ("test", "train"))
    return {
        "split_by": by,
        "subjects_in_two_subsets": subjects,
        "photos_in_two_subsets": photos,
        "test_samples_of_training_subjects": int(test.isin(known).sum()),
    }
