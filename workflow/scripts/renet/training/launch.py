"""Starting the processes of a training by torchrun's launcher, on one machine or on several."""

import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import (
    ChildFailedError,
    ProcessFailure,
    record,
)
from torch.distributed.launcher import LaunchConfig, elastic_launch

from renet.common import logs
from renet.common.errors import InputError, TrainingInterrupted
from renet.training import processes

# A process waits so long after an unexpected error, which may only follow from the `InputError` of
# another process: the launcher has to see that one first.
SECONDS_BEFORE_THE_END = 1.0
START_AGAIN = "start again to continue from the last checkpoint."


def launch(function: Callable[..., None], *arguments: object, count: int, device: str) -> None:
    """Call `function(*arguments)` in `count` processes of this machine, and wait for them.

    One process is this one. Several are spawned, so that function and arguments have to be
    importable and picklable. When one of them fails, or this process receives SIGTERM, the launcher
    sends SIGTERM to all, and kills those that have not ended after 30 seconds.

    Raises:
        InputError: one of them failed or was killed.
        TrainingInterrupted: SIGTERM came.
    """
    if count == 1:
        function(*arguments)
    else:
        # Its name in the network may be unknown to a machine that is alone.
        config = {"rdzv_endpoint": "localhost:0", "local_addr": "localhost", "run_id": "alone"}
        launch_on_machines(config | {"nproc_per_node": count}, device, function, *arguments)


def launch_on_machines(
    config: dict, device: str, function: Callable[..., None], *arguments: object
) -> None:
    """Call a function in processes of several machines, each of which calls this; see `launch`.

    Args:
        config: of torch's `LaunchConfig`: machines, processes, and their rendezvous.
        device: of the settings.
    """
    machines = config.pop("machines", 1)
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # `_cause` has the one sentence
    with tempfile.TemporaryDirectory() as folder:
        settings = LaunchConfig(
            min_nodes=machines,
            max_nodes=machines,
            rdzv_backend="c10d",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            **config,
        )
        try:
            elastic_launch(settings, _work)(device, logs.log_file(), function, *arguments)
        except SignalException as error:
            raise TrainingInterrupted(
                f"The training received {error.sigval.name}; {START_AGAIN}"
            ) from error
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            count = machines * settings.nproc_per_node
            raise _cause(f"Training process {rank + 1} of {count}", failure) from None


def _work(
    device: str, log_file: str | None, function: Callable[..., None], *arguments: object
) -> None:
    """Call the function in a process of the group."""
    if os.environ["RANK"] == "0":
        logs.start(log_file, append=True)

    @record
    def call_in_group() -> None:
        try:
            with processes.group(device):
                function(*arguments)
        except TrainingInterrupted as error:
            if processes.is_main():
                logging.error("%s", error)  # the launcher, which is stopped too, knows no more
            raise
        except InputError:
            raise
        except Exception:
            time.sleep(SECONDS_BEFORE_THE_END)
            raise

    try:
        call_in_group()
    except Exception:  # noqa: BLE001 (the launcher reads it from the file that `record` wrote)
        # Without the interpreter's clean-up, which under NCCL may wait for the other processes.
        os._exit(1)


def _cause(process: str, failure: ProcessFailure) -> InputError:
    """The failure of a process as one sentence; a traceback goes to the log."""
    if failure.exitcode == -signal.SIGTERM:
        return TrainingInterrupted(f"The training received SIGTERM as it began; {START_AGAIN}")
    if isinstance(failure.message, str):  # no exception was recorded
        how = failure.signal_name() if failure.exitcode < 0 else f"exit code {failure.exitcode}"
        return InputError(
            f"{process} ended with {how}, possibly because the machine ran out of memory; "
            f"{START_AGAIN}"
        )
    kind, _, text = failure.message["message"].partition(": ")
    for known in (InputError, TrainingInterrupted):
        if kind == known.__name__:
            return known(text)
    logging.error("%s", failure.message["extraInfo"]["py_callstack"])
    reason = f"{kind}: {text.splitlines()[0] if text else '-'}"
    return InputError(f"{process} failed with {reason}; the log has the traceback.")
