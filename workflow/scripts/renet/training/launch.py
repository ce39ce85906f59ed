"""Start of a training's processes by torchrun's launcher."""

import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, record
from torch.distributed.launcher import LaunchConfig, elastic_launch

from renet.common import disk, logs
from renet.common.errors import InputError, TrainingInterrupted
from renet.training import processes

START_AGAIN = "run the workflow again to continue from the last checkpoint."


def launch(function: Callable[..., None], *arguments: object, count: int, device: str) -> None:
    """Call `function(*arguments)` in `count` processes of this machine, or for 1 in this process.

    When a process fails, or this process receives SIGTERM, the launcher sends SIGTERM to all, and
    SIGKILL after 30 seconds. A failure raises InputError or OSError, SIGTERM TrainingInterrupted.
    """
    if count == 1:
        function(*arguments)
        return
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # `_cause` has the one sentence
    # Without a network, a machine may not resolve its own name.
    place = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "local_addr": "localhost"}
    with tempfile.TemporaryDirectory() as folder:
        settings = LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=count, run_id="alone", max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=folder), **place,
        )  # fmt: skip
        try:
            elastic_launch(settings, _work)(device, logs.log_file(), function, *arguments)
        except SignalException as error:
            said = f"The training received {error.sigval.name}; {START_AGAIN}"
            raise TrainingInterrupted(said) from error
        except ChildFailedError as error:
            raise _cause(error, count) from None


def _work(device: str, log_file: str | None, function: Callable[..., None], *given: object) -> None:
    """Call the function in a process of the group."""
    if os.environ["RANK"] == "0":
        logs.start(log_file, append=True)

    @record
    def call_in_group() -> None:
        try:
            with processes.group(device):
                function(*given)
        except Exception as error:
            if isinstance(error, TrainingInterrupted) and processes.is_main():
                logging.error("%s", error)  # the launcher receives SIGTERM, too, and cannot log
            if not isinstance(error, InputError):
                # If another process's death is the cause, the launcher has to see that first.
                time.sleep(1)
            raise

    try:
        call_in_group()
    except Exception:  # noqa: BLE001 (the launcher reads it from the file that `record` wrote)
        # The interpreter's clean-up could wait for other processes under NCCL.
        os._exit(1)


def _cause(error: ChildFailedError, count: int) -> Exception:
    """Return an exception that describes a process's failure in a sentence; log its traceback."""
    rank, failure = error.get_first_failure()
    process = f"Training process {rank + 1} of {count}"
    if failure.exitcode == -signal.SIGTERM:
        return TrainingInterrupted(f"The training received SIGTERM at its start; {START_AGAIN}")
    if isinstance(failure.message, str):  # no exception was recorded
        how = failure.signal_name() if failure.exitcode < 0 else f"exit code {failure.exitcode}"
        reason = "possibly because the machine ran out of memory"
        return InputError(f"{process} ended with {how}, {reason}; {START_AGAIN}")
    kind, _, text = failure.message["message"].partition(": ")
    for known in (InputError, TrainingInterrupted):
        if kind == known.__name__:
            return known(text)
    if disk.fault(unknown := OSError(text), []):  # which the caller explains by its outputs
        return unknown
    logging.error("%s", failure.message["extraInfo"]["py_callstack"])
    reason = f"{kind}: {text.splitlines()[0] if text else '-'}"
    return InputError(f"{process} failed with {reason}; the log has the traceback.")
