"""Logging setup of the scripts: standard error, and the log file of the rule."""

import logging
import sys
from types import TracebackType

from renet.common.errors import InputError

LINE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
TIME_FORMAT = "%H:%M:%S"


def start(log_file: str | None = None, level: int = logging.INFO, append: bool = False) -> None:
    """Send log records to `log_file`, or to standard error without one.

    With a log file, standard error has only the warnings: Snakemake prints the log file of a failed
    job, so that its error appears once. An `InputError` that ends the script is logged as its
    message alone, any other exception with its traceback.
    """
    terminal = logging.StreamHandler(sys.stderr)
    handlers: list[logging.Handler] = [terminal]
    if log_file:
        terminal.addFilter(lambda record: record.levelno == logging.WARNING)
        handlers.append(logging.FileHandler(log_file, "a" if append else "w", encoding="utf-8"))
    logging.basicConfig(
        level=level, format=LINE_FORMAT, datefmt=TIME_FORMAT, handlers=handlers, force=True
    )
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught


def log_file() -> str | None:
    """The log file given to `start`, for child processes that append to it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return handler.baseFilename
    return None


def _log_uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    if isinstance(error, InputError):
        logging.error("%s", error)
    elif isinstance(error, KeyboardInterrupt):
        logging.error("Interrupted.")
    else:
        logging.critical("The script failed.", exc_info=error)
