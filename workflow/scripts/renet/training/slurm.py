"""A training on several machines: srun starts one torchrun on each, which starts the processes.

It runs in a SLURM job on these machines, and needs a file system that they share.
"""

import dataclasses
import json
import logging
import os
import socket
import subprocess
import sys

from renet.common import logs, script
from renet.common.errors import InputError, TrainingInterrupted
from renet.training import process_group, run
from renet.training.run import RunJob

JOB_VARIABLE = "SLURM_JOB_ID"


def machine_count(nodes: int) -> int:
    """The number of machines of a job that has the resource `nodes`; one outside of SLURM."""
    return nodes if JOB_VARIABLE in os.environ else 1


def launch(machines: int, job: RunJob) -> None:
    """Train a run in its number of processes, evenly on the machines of this SLURM job.

    Raises:
        TrainingInterrupted: the job received SIGTERM.
        InputError: a process failed or was killed; the log file has the reason.
    """
    recipe = job.settings.train
    per_machine = recipe.processes // machines
    content = json.dumps(dataclasses.asdict(job) | {"log_file": logs.log_file()}, default=str)
    srun = subprocess.Popen(
        [
            *("srun", f"--nodes={machines}", f"--ntasks={machines}", "--ntasks-per-node=1"),
            # srun does not inherit this from the job, and would bind each task to one core.
            f"--cpus-per-task={per_machine * recipe.threads}",
            *("--kill-on-bad-exit=1", f"--wait={process_group.GRACE_SECONDS}"),
            *(sys.executable, "-m", "torch.distributed.run"),
            *(f"--nnodes={machines}", f"--nproc-per-node={per_machine}"),
            *("--rdzv-backend=c10d", f"--rdzv-endpoint={_rendezvous_endpoint()}"),
            f"--rdzv-id={os.environ[JOB_VARIABLE]}",
            *("-m", __name__, content),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    signals: list[int] = []
    # SLURM sends SIGTERM to srun's processes too; this one waits until they have ended.
    with process_group.on_sigterm(lambda number, frame: signals.append(number)):
        status = srun.wait()
    if status and signals:
        raise TrainingInterrupted("The training received SIGTERM; start it again to continue.")
    if status:
        raise InputError(
            f"The processes on {machines} machines ended with exit code {status}; the lines above "
            "have the reason, unless they were killed. Start again to continue from the last "
            "checkpoint."
        )


def _rendezvous_endpoint() -> str:
    """This machine's name and a free port."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return f"{socket.gethostname()}:{probe.getsockname()[1]}"


def main() -> None:
    """Train as one of the processes that torchrun starts."""
    content = json.loads(sys.argv[1])
    log_file = content.pop("log_file")
    is_main = os.environ["RANK"] == "0"
    logs.start(log_file if is_main else None, append=True)
    if not is_main:
        logging.getLogger().setLevel(logging.WARNING)
    job = script.as_type(content, RunJob)
    with process_group.from_torchrun(job.settings.train.device) as group:
        run.run_training(group, job)


if __name__ == "__main__":
    main()
