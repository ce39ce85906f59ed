"""Starting the processes of a training by torchrun's launcher, on one machine or on several.

On several, srun starts a launcher on each, in a SLURM job and on a file system that they share.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, record
from torch.distributed.launcher import LaunchConfig, elastic_launch

from renet.common import disk, logs, script
from renet.common.errors import InputError, TrainingInterrupted
from renet.training import loop, processes

JOB_VARIABLE = "SLURM_JOB_ID"
START_AGAIN = "start again to continue from the last checkpoint."


def launch(function: Callable[..., None], *arguments: object, count: int, device: str) -> None:
    """Call `function(*arguments)` in `count` processes of this machine; a single one is this one.

    When one of several fails, or this process receives SIGTERM, the launcher sends SIGTERM to all,
    and SIGKILL after 30 seconds.

    Raises:
        InputError: one of them failed or was killed.
        TrainingInterrupted: SIGTERM came.
    """
    if count == 1:
        function(*arguments)
        return
    # Its name in the network may be unknown to a machine that is alone.
    config = {"rdzv_endpoint": "localhost:0", "local_addr": "localhost", "run_id": "alone"}
    _launch_here(config | {"nproc_per_node": count}, device, function, *arguments)


def launch_on_machines(job: loop.TrainJob) -> None:
    """Train a run in its number of processes, evenly on the machines of this SLURM job."""
    recipe, machines = job.settings.train, job.nodes
    with socket.socket() as probe:  # finds a free port, where the launchers meet
        probe.bind(("", 0))
        endpoint = f"{socket.gethostname()}:{probe.getsockname()[1]}"
    content = json.dumps(vars(job) | {"settings": job.settings.dump()}, default=str)
    # srun does not inherit the cores from the job, and would bind each task to one.
    cores = recipe.processes // machines * recipe.threads
    options = f"--nodes={machines} --ntasks={machines} --ntasks-per-node=1 --cpus-per-task={cores}"
    # After one machine has ended, srun waits for the others, in seconds.
    command = ["srun", *options.split(), "--kill-on-bad-exit=1", "--wait=60"]
    command += [sys.executable, "-m", __name__, logs.log_file() or "", endpoint, content]
    srun = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    # SLURM sends SIGTERM to srun's processes too; this one waits until they have ended.
    with processes.stop_requests() as stop:
        status = srun.wait()
    if status and stop:
        raise TrainingInterrupted(f"The training was stopped; {START_AGAIN}")
    if status:
        raise InputError(
            f"The processes on {machines} machines ended with exit code {status}; the lines above "
            f"have the reason, unless they were killed; {START_AGAIN}"
        )


def main() -> None:
    """Start the processes of one machine; `launch_on_machines` calls this by srun."""
    log_file, endpoint, content = sys.argv[1:]
    logs.start(log_file, logging.WARNING, append=True)
    job = script.as_type(json.loads(content), loop.TrainJob)
    recipe = job.settings.train
    config = {"rdzv_endpoint": endpoint, "run_id": os.environ[JOB_VARIABLE]}
    config |= {"min_nodes": job.nodes, "nproc_per_node": recipe.processes // job.nodes}
    with disk.explained([job.model]):
        _launch_here(config, recipe.device, loop.run_training, job)


def _launch_here(config: dict, device: str, function: Callable[..., None], *given: object) -> None:
    """Call a function in the processes of this machine; `config` is that of torch's launcher."""
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # `_cause` has the one sentence
    machines = config.setdefault("min_nodes", 1)
    with tempfile.TemporaryDirectory() as folder:
        specs = DefaultLogsSpecs(log_dir=folder)
        fixed = {"rdzv_backend": "c10d", "max_restarts": 0, "logs_specs": specs}
        settings = LaunchConfig(max_nodes=machines, **fixed, **config)
        try:
            elastic_launch(settings, _work)(device, logs.log_file(), function, *given)
        except SignalException as error:
            said = f"The training received {error.sigval.name}; {START_AGAIN}"
            raise TrainingInterrupted(said) from error
        except ChildFailedError as error:
            raise _cause(error, machines * settings.nproc_per_node) from None


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
                logging.error("%s", error)  # the launcher, stopped too, knows no more
            if not isinstance(error, InputError):
                # It may follow from another process's death, which the launcher has to see first.
                time.sleep(1)
            raise

    try:
        call_in_group()
    except Exception:  # noqa: BLE001 (the launcher reads it from the file that `record` wrote)
        # Without the interpreter's clean-up, which under NCCL may wait for the other processes.
        os._exit(1)


def _cause(error: ChildFailedError, count: int) -> Exception:
    """Failure of a process as one sentence; a traceback goes to the log."""
    rank, failure = error.get_first_failure()
    process = f"Training process {rank + 1} of {count}"
    if failure.exitcode == -signal.SIGTERM:
        return TrainingInterrupted(f"The training received SIGTERM as it began; {START_AGAIN}")
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


if __name__ == "__main__":
    main()
