"""Why a row of a .mat file does not become a face: one reason a row, the first that holds."""

MISSING_FILE = "missing_file"
GENDER_UNKNOWN = "gender_unknown"
NO_FACE = "no_face"
SECOND_FACE = "second_face"
AGE_OUT_OF_RANGE = "age_out_of_range"
LOW_FACE_SCORE = "low_face_score"
UNREADABLE = "unreadable"
TOO_SMALL = "too_small"
TOO_LARGE = "too_large"
BOX_INVALID = "box_invalid"

OF_METADATA = [
    MISSING_FILE, GENDER_UNKNOWN, NO_FACE, SECOND_FACE, AGE_OUT_OF_RANGE, LOW_FACE_SCORE,
]  # fmt: skip
OF_CROPPING = [UNREADABLE, TOO_SMALL, TOO_LARGE, BOX_INVALID]

KEPT, DROPPED = "kept", "dropped"  # the column `status`
