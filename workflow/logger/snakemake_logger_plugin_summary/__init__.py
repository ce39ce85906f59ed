"""A logger for Snakemake that prints one line for each rule: seconds and result of its jobs.

The line also has the number of finished jobs, and the result is the last line of the job's own
log. Without a terminal, which would show progress bars, the logger also prints a line each minute
with the number of finished jobs and the running jobs.

`make` uses the logger: PYTHONPATH=workflow/logger snakemake --logger summary. Snakemake's own lines
are in .snakemake/log as always. An error is printed once, and Ctrl-C results in a single line.
"""

import logging
import re
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

# Lines around an error's sentence: its type, and its places in the Snakefiles.
WHERE = re.compile(r'^WorkflowError.*:\n|\n  File "[^"]*", line \d+, in .*')
CLEAR_LINE = "\r\x1b[K"  # cursor to the first column, delete the line


class LogHandler(LogHandlerBase):
    """Prints a line when the last job of a rule is done."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    _page: str | None = None  # index.html, once it is written

    def __post_init__(self) -> None:
        self._planned: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._jobs: dict[int, dict] = {}  # running jobs, by id
        self._seconds: defaultdict[str, float] = defaultdict(float)  # by rule
        self._failed = self._stopped = False
        if not sys.stderr.isatty():
            threading.Thread(target=self._show_running, daemon=True).start()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._failed = self._stopped = True
        sys.excepthook = lambda *_: None  # Snakemake plans jobs without catching it
        signal.default_int_handler(number, frame)

    def emit(self, record: logging.LogRecord) -> None:
        """Print what a user should see of a record; most records are only for the log file."""
        details = vars(record)
        match details.get("event"):
            case LogEvent.RUN_INFO:
                self._planned.update(details["stats"])
                for name in ("all", "total"):
                    del self._planned[name]
            case LogEvent.JOB_INFO:
                self._jobs[details["jobid"]] = details | {"began": time.monotonic()}
            case LogEvent.JOB_FINISHED:
                self._finish(self._jobs.pop(details["job_id"]))
            case LogEvent.JOB_ERROR if not self._stopped:
                self._failed = True
                self._jobs.pop(details["jobid"], None)
                self._print(f"{details['rule_name']} failed: {last_error(details['log'])}")
            case LogEvent.ERROR if details["exception"] != "RuleException" and not self._failed:
                self._print(WHERE.sub("", record.getMessage()))
            case None if record.levelno >= logging.WARNING and not self._failed:
                self._print(record.getMessage())
            case None if record.getMessage().startswith("Nothing to be done"):
                self._print("Nothing to be done: the results are up to date.")

    def close(self) -> None:
        """Print the path of the results' page, or after Ctrl-C how to resume."""
        if self._stopped:
            self._print("Stopped. The same command resumes.")
            self._stopped = False
        elif self._page:  # last: other rules may end after the report
            self._print(f"Open {self._page}")
            self._page = None
        super().close()

    def _show_running(self) -> None:
        while not self._stopped:
            time.sleep(60)
            if running := ", ".join(map(described, list(self._jobs.values()))):
                done, total = self._finished.total(), self._planned.total()
                self._print(f"{done} of {total} jobs are done. Running: {running}")

    def _finish(self, job: dict) -> None:
        rule = job["rule_name"]
        self._seconds[rule] += time.monotonic() - job["began"]
        self._finished[rule] += 1
        if self._finished[rule] != self._planned[rule] or not job["log"]:
            return
        jobs = f" ({self._planned[rule]} jobs)" if self._planned[rule] > 1 else ""
        total = self._planned.total()
        done = f"{self._finished.total():>{len(str(total))}} of {total} jobs"
        result = filter(None, [" ".join(job["wildcards"].values()), last_message(job["log"])])
        self._print(f"{rule + jobs:<24} {self._seconds[rule]:>6.1f} s  {done}  {': '.join(result)}")
        for page in job["output"]:
            if rule == "report" and page.endswith("/index.html"):
                self._page = page

    def _print(self, text: str) -> None:
        """Print a text; on a terminal, over the progress bar that a job has drawn."""
        start = CLEAR_LINE if sys.stderr.isatty() else ""
        sys.stderr.write(f"{start}{text}\n")  # in one piece, since jobs write there too
        sys.stderr.flush()


def described(job: dict) -> str:
    """Return a job's rule, wildcards and run time: `train renet (14 min)`."""
    name = " ".join([job["rule_name"], *job["wildcards"].values()])
    return f"{name} ({(time.monotonic() - job['began']) / 60:.0f} min)"


def last_message(log: list[str]) -> str:
    """Return the message in the last line of a job's log."""
    lines = read_lines(log)
    return parse_message(lines[-1]) if lines else ""


def last_error(log: list[str]) -> str:
    """Return the last error in a job's log, and the path of the log."""
    errors = [line for line in read_lines(log) if " ERROR " in line or " CRITICAL " in line]
    where = f" (log: {log[0]})" if log else ""
    return (parse_message(errors[-1]) if errors else "the job left no message") + where


def read_lines(log: list[str]) -> list[str]:
    """Return the lines of a job's log; an empty list if the job has no log."""
    # Snakemake writes a file's flag in brackets behind the path.
    path = Path(re.sub(r" \([^()]*\)$", "", log[0])) if log else None
    return path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []


def parse_message(line: str) -> str:
    """Return a line of a log without its time and level."""
    parts = line.split(" ", 2)
    return parts[2] if len(parts) == 3 and parts[0].count(":") == 2 else line
