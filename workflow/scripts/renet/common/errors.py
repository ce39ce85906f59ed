"""Errors that the user can fix; each message names the file or key, the broken rule and the fix."""


class InputError(ValueError):
    """Something given to the workflow (a file, a URL, a setting) cannot be used as it is.

    The message is a full sentence for the user; scripts show it without a traceback. Bugs of the
    program stay ordinary exceptions, with a traceback.
    """


class TrainingInterrupted(InputError):
    """The training was stopped by SIGTERM and has saved a checkpoint."""
