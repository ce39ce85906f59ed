"""Reasons why a row of the metadata has no face in the data set; the first that applies counts.

To add a reason: name it here, at its place in the order; decide it in the module that the docstring
of its class names; describe it in docs/files.md. If the config sets a limit, add the limit as a
field of `RowFilter` and as a line of datasheet.md.j2.
"""

import enum

KEPT, DROPPED = "kept", "dropped"  # the column `status`
NEAR_DUPLICATES = "near_duplicates"  # a step of the funnel: near-duplicates stay in one subset


class RowReason(enum.StrEnum):
    """Reasons in the metadata, in the order in which metadata/row_filter.py checks them."""

    MISSING_FILE = enum.auto()  # parse_metadata.py does not find the photo in the archives
    NOT_LABELLED = enum.auto()  # no published table names the photo, or the pattern does not fit
    REPEATED = enum.auto()  # tables only: an earlier row describes the same face
    GENDER_UNKNOWN = enum.auto()
    NO_FACE = enum.auto()  # no finite score in the .mat file, no box, or no detected face
    SECOND_FACE = enum.auto()  # in the .mat file, or detected
    AGE_OUT_OF_RANGE = enum.auto()
    LOW_FACE_SCORE = enum.auto()


class CropReason(enum.StrEnum):
    """Reasons in the photo itself: faces/crop.py raises `RejectedImage`."""

    UNREADABLE = enum.auto()
    TOO_SMALL = enum.auto()
    TOO_LARGE = enum.auto()
    BOX_INVALID = enum.auto()


class FaceReason(enum.StrEnum):
    """Reasons after the faces are cropped (dataset/splits.py, dataset/rows.py)."""

    SHARED_PHOTO = enum.auto()  # the photo also shows a person of another subset
    DROPPED_BY_CORRECTION = enum.auto()  # a row of the table `corrections` drops the face


class ExternalReason(enum.StrEnum):
    """Reasons why a face of an external set is not new to the networks (dataset/external.py)."""

    KNOWN_PERSON = enum.auto()
    KNOWN_PHOTO = enum.auto()
