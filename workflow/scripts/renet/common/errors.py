"""The error that a user can mend: its message names the file, the broken rule and the way out."""


class InputError(ValueError):
    """Something given to the workflow (a file, a URL, a setting) cannot be used as it is.

    The message is a full sentence for the user; scripts show it without a traceback.
    Faults of the program itself stay ordinary exceptions, with theirs.
    """


class TrainingInterrupted(InputError):
    """The training received SIGTERM and has written a checkpoint."""
