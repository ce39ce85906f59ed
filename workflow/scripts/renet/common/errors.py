"""Errors that the user can fix; each message names the file or key, the broken rule and the fix."""


class InputError(ValueError):
    """A file, a URL or a setting cannot be used; scripts show the message without a traceback."""


class TrainingInterrupted(InputError):
    """The training was stopped by SIGTERM and has saved a checkpoint."""
