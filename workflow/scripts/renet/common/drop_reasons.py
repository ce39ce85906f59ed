"""Reasons why a row of the metadata gives no face: the first that applies.

To add a reason: name it here, at its place in the order; decide it where the docstring of its class
says; describe it in docs/files.md. A limit of the config is also a field of `RowFilter` and a
line of datasheet.md.j2.
"""

import enum

KEPT, DROPPED = "kept", "dropped"  # the column `status`
NEAR_DUPLICATES = "near_duplicates"  # a step of the funnel that keeps them in one subset


class RowReason(enum.StrEnum):
    """Reasons in the metadata, in the order in which metadata/row_filter.py checks them."""

    MISSING_FILE = enum.auto()  # not in the archives; parse_metadata.py checks it by their index
    NOT_LABELLED = enum.auto()  # no published table names the photo, or the pattern does not fit
    REPEATED = enum.auto()  # not of a .mat file: an earlier row describes the same face
    GENDER_UNKNOWN = enum.auto()
    NO_FACE = enum.auto()  # no finite score; of whole own photos, no box, or none is detected
    SECOND_FACE = enum.auto()  # by the .mat file; in whole own photos without boxes, detected
    AGE_OUT_OF_RANGE = enum.auto()
    LOW_FACE_SCORE = enum.auto()


class CropReason(enum.StrEnum):
    """Reasons in the photo itself: faces/crop.py raises `RejectedImage`."""

    UNREADABLE = enum.auto()
    TOO_SMALL = enum.auto()
    TOO_LARGE = enum.auto()
    BOX_INVALID = enum.auto()


class SplitReason(enum.StrEnum):
    """Reasons why a face is in no subset (dataset/splits.py)."""

    SHARED_PHOTO = enum.auto()  # the photo also shows a person of another subset


class ExternalReason(enum.StrEnum):
    """Reasons why a face of an external set is not new to the networks (dataset/external.py)."""

    KNOWN_PERSON = enum.auto()
    KNOWN_PHOTO = enum.auto()


class CorrectionReason(enum.StrEnum):
    """Reasons in a person's corrections, after the faces are cropped (dataset/rows.py)."""

    DROPPED_BY_CORRECTION = enum.auto()
