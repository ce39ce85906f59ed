"""The table metadata.csv, and the filter that keeps each row, or drops it for a reason."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from renet.common.drop_reasons import DROPPED, KEPT, RowReason
from renet.common.imdb_wiki import BOX_COLUMNS
from renet.common.table import Table
from renet.config.filter import RowFilter

# metadata.csv: every row of the .mat file or table, in its order. Unknown numbers are NaN or NA.
METADATA = Table(
    {
        "row": int, "id": str, "path": str, "source": str, "subject": str, "name": str,
        "gender": "Int64", "age": "Int64", "dob": str, "photo_taken": "Int64", "face_score": float,
        "second_face_score": float, **dict.fromkeys(BOX_COLUMNS, float), "status": str,
        "reason": str, "subset": str,
    }
)  # fmt: skip


def dropped(
    rows: pd.DataFrame, limits: RowFilter, *, whole: bool, by_table: bool
) -> dict[RowReason, pd.Series]:
    """For each reason, return which of the `rows` (from `describe`) it applies to.

    Args:
        whole: whether faces are cropped by their boxes.
        by_table: whether a CSV, which lacks scores and maybe ages, describes the faces.
    """
    # NaN is neither class: a public pipeline read NaN as "not 1", and labelled 2,643 men women.
    unknown = ~rows.gender.isin([0, 1])
    in_range = rows.age.between(limits.min_age, limits.max_age)
    reasons = {RowReason.NOT_LABELLED: rows.not_labelled, RowReason.GENDER_UNKNOWN: unknown}
    if by_table:
        return reasons | {
            RowReason.REPEATED: rows.repeated,
            RowReason.NO_FACE: rows[BOX_COLUMNS].isna().any(axis=1) & whole,
            RowReason.AGE_OUT_OF_RANGE: rows.age.notna() & ~in_range,
        }
    return reasons | {
        RowReason.NO_FACE: ~np.isfinite(rows.face_score),
        RowReason.SECOND_FACE: rows.second_face_score.notna() & (not limits.allow_second_face),
        RowReason.AGE_OUT_OF_RANGE: ~in_range,
        RowReason.LOW_FACE_SCORE: ~(rows.face_score >= limits.min_face_score),
    }


def metadata_table(rows: pd.DataFrame, dropped: Mapping[RowReason, pd.Series]) -> pd.DataFrame:
    """Add the columns `row`, `status` and `reason`, the first that applies, for metadata.csv."""
    order = [reason for reason in RowReason if reason in dropped]
    reason = np.select([dropped[name] for name in order], [name.value for name in order], "")
    status = np.where(reason == "", KEPT, DROPPED)
    return rows.assign(row=np.arange(len(rows)), reason=reason, status=status)


def funnel(reasons: pd.Series, order: Iterable[str]) -> pd.DataFrame:
    """Count the rows that each reason in `order` drops, and the rows that remain; "" means kept."""
    steps = ["rows", *order]
    dropped = reasons.value_counts().reindex(steps, fill_value=0).to_numpy()
    remaining = len(reasons) - dropped.cumsum()
    return pd.DataFrame({"step": steps, "dropped": dropped, "remaining": remaining})
