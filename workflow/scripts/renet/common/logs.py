"""Logging setup of the scripts: standard error, and the log file of the rule."""

import logging
import os
import re
import sys
from pathlib import Path
from types import TracebackType

from renet.common.errors import InputError, memory_shortage

JOB = "RENET_JOB"  # environment variable with the name of a job; its child processes inherit it
USER_INFO = re.compile(r"(?<=://)[^/?#]*@")
CLEAR_LINE = "\r\x1b[K"  # cursor to the first column, delete the line
NEWS = {"is_news": True}  # `extra` of records that a job also prints without a terminal


def without_user_info(url: str) -> str:
    return USER_INFO.sub("", url)


def public(url: str) -> str:
    """Return a URL without user info, query and fragment, for files that are shared."""
    return re.split("[?#]", without_user_info(url), maxsplit=1)[0]


class Formatter(logging.Formatter):
    """Removes passwords and signatures from the URLs in logs and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return re.sub(r"https?://\S+", lambda url: public(url[0]), super().format(record))


class TerminalHandler(logging.StreamHandler):
    """Writes records with the job's name to standard error; on a terminal, over a progress bar."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if job := os.environ.get(JOB):
            clock, level, text = line.partition(f" {record.levelname} ")
            line = f"{job}: {text}" if is_news(record) else f"{clock}{level}{job}: {text}"
        return CLEAR_LINE + line if self.stream.isatty() else line


def is_news(record: logging.LogRecord) -> bool:
    """Whether a record was logged with `NEWS`."""
    return getattr(record, "is_news", False)


def start(log_file: str | None = None, level: int = logging.INFO, append: bool = False) -> None:
    """Send log records to `log_file`, or to standard error if `log_file` is None.

    With a log file, standard error has only warnings, and `NEWS` if it is no terminal.
    Errors are left out there, because Snakemake prints the log file of a failed job.
    """
    terminal = TerminalHandler(sys.stderr)
    # The project logs to the root logger; records of other packages go only to the log file.
    terminal.addFilter(lambda record: record.name == "root" or record.levelno >= logging.WARNING)
    terminal.setFormatter(Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[terminal], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    if log_file:
        if not append:
            Path(log_file).write_bytes(b"")
        # Not "w", which would write over the lines that child processes have appended.
        in_file = logging.FileHandler(log_file, "a", encoding="utf-8")
        in_file.setFormatter(terminal.formatter)
        logging.root.addHandler(in_file)
        has_bar = sys.stderr.isatty()
        terminal.addFilter(
            lambda record: record.levelno == logging.WARNING or (is_news(record) and not has_bar)
        )


def log_file() -> str | None:
    """Return the log file given to `start` or None; child processes append to this file."""
    handlers = (part for part in logging.root.handlers if isinstance(part, logging.FileHandler))
    return next((handler.baseFilename for handler in handlers), None)


def _log_uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    if isinstance(error, InputError):
        logging.error("%s", error)
    elif isinstance(error, KeyboardInterrupt):
        logging.error("Stopped.%s", " The same command resumes." if log_file() else "")
    elif shortage := memory_shortage(error):
        way_out = "end other programs, compute on the CPU, or lower the batch size of a training"
        logging.error("%s; %s.", shortage, way_out)
    else:
        logging.critical("The script failed.", exc_info=error)
