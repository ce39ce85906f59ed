"""Why a row of the metadata gives no face: one reason a row, the first that applies.

To add a reason: name it here, at its place in the order; decide it in metadata/row_filter.py (a
row's reason) or raise `RejectedImage` with it in faces/crop.py (a photo's reason); describe it in
results/README.md. Funnel, pages and datasheet take it from here.
"""

import enum

KEPT, DROPPED = "kept", "dropped"  # the column `status`


class RowReason(enum.StrEnum):
    """Reasons that the metadata show, in the order in which they are checked."""

    MISSING_FILE = enum.auto()
    GENDER_UNKNOWN = enum.auto()
    NO_FACE = enum.auto()
    SECOND_FACE = enum.auto()
    AGE_OUT_OF_RANGE = enum.auto()
    LOW_FACE_SCORE = enum.auto()


class CropReason(enum.StrEnum):
    """Reasons that the photo itself shows when its face is cropped."""

    UNREADABLE = enum.auto()
    TOO_SMALL = enum.auto()
    TOO_LARGE = enum.auto()
    BOX_INVALID = enum.auto()
