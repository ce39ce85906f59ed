"""Why a row of the metadata gives no face: one reason a row, the first that applies.

To add a reason: name it here, at its place in the order; decide it in metadata/row_filter.py (a
row's reason) or, where it needs the archives' index, in parse_metadata.py; raise `RejectedImage` in
faces/crop.py (a photo's); or assign it in dataset/rows.py (a correction's) or dataset/external.py
(an external set's). Describe it in results/README.md and in the docstring of parse_metadata.py,
crop_faces.py or external_set.py. A limit of the config is a field of `RowFilter`, too.
"""

import enum

KEPT, DROPPED = "kept", "dropped"  # the column `status`


class RowReason(enum.StrEnum):
    """Reasons that the metadata show, in the order in which they are checked."""

    MISSING_FILE = enum.auto()
    REPEATED = enum.auto()  # own photos alone: an earlier row describes the same face
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


class ExternalReason(enum.StrEnum):
    """Reasons why a face of an external test set is not new to the networks."""

    KNOWN_PERSON = enum.auto()
    KNOWN_PHOTO = enum.auto()


class CorrectionReason(enum.StrEnum):
    """Reasons that a person's corrections give, after the faces are cropped."""

    DROPPED_BY_CORRECTION = enum.auto()
