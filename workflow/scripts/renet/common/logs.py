"""How a rule script speaks: to standard error, and to the rule's own log file."""

import logging
import sys
from types import TracebackType

from renet.common.errors import InputError

LINE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
TIME_FORMAT = "%H:%M:%S"


def start(log_file: str | None = None, level: int = logging.INFO, append: bool = False) -> None:
    """Send log lines to standard error, and to `log_file` where one is given.

    An `InputError` that ends the script is shown as its sentence alone, any other exception with
    its traceback; both stand in the log file, where Snakemake and its users look for them.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file:
        handlers.append(logging.FileHandler(log_file, "a" if append else "w", encoding="utf-8"))
    logging.basicConfig(
        level=level, format=LINE_FORMAT, datefmt=TIME_FORMAT, handlers=handlers, force=True
    )
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def log_file() -> str | None:
    """Where `start` sends the log lines, for a process that is to write there too."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return handler.baseFilename
    return None


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, InputError):
        logging.error("%s", error)
    elif issubclass(kind, KeyboardInterrupt):
        logging.error("Interrupted.")
    else:
        logging.critical("The script failed.", exc_info=(kind, error, traceback))
