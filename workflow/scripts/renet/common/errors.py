"""Errors that the user can fix; each message names the file or key, the broken rule and the fix."""


class InputError(ValueError):
    """A file, a URL or a setting cannot be used; scripts show the message without a traceback."""


class TrainingInterrupted(InputError):
    """The training was stopped by SIGTERM or Ctrl-C and has saved a checkpoint."""


def memory_shortage(error: BaseException) -> str | None:
    """Return the start of a message if an error means too little memory, else None."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    signs = "MemoryError", "out of memory", "can't allocate memory", "ALLOC_FAILED"  # no own class
    if isinstance(error, MemoryError | RuntimeError) and any(sign in text for sign in signs):
        return f"This machine or its GPU has too little memory ({text[:200]})"
    return None
