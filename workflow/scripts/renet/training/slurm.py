"""A training on several machines: srun starts a launcher on each, which starts the processes.

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
from renet.training import launch, run
from renet.training.run import TrainJob
from renet.training.stop_request import stop_requests

JOB_VARIABLE = "SLURM_JOB_ID"
WAIT_SECONDS = 60  # for the other machines, after one has ended


def machine_count(nodes: int) -> int:
    """The number of machines of a job that has the resource `nodes`; one outside of SLURM."""
    return nodes if JOB_VARIABLE in os.environ else 1


def launch_job(job: TrainJob) -> None:
    """Train a run in its number of processes, evenly on the machines of this SLURM job.

    Raises:
        TrainingInterrupted: the job received SIGTERM or SIGINT.
        InputError: a process failed or was killed; the log file has the reason.
    """
    recipe, machines = job.settings.train, job.nodes
    with socket.socket() as probe:  # finds a free port, where the launchers meet
        probe.bind(("", 0))
        endpoint = f"{socket.gethostname()}:{probe.getsockname()[1]}"
    content = dataclasses.asdict(job) | {"log_file": logs.log_file(), "endpoint": endpoint}
    srun = subprocess.Popen(
        [
            *("srun", f"--nodes={machines}", f"--ntasks={machines}", "--ntasks-per-node=1"),
            # srun does not inherit this from the job, and would bind each task to one core.
            f"--cpus-per-task={recipe.processes // machines * recipe.threads}",
            *("--kill-on-bad-exit=1", f"--wait={WAIT_SECONDS}"),
            *(sys.executable, "-m", __name__, json.dumps(content, default=str)),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    # SLURM sends SIGTERM to srun's processes too; this one waits until they have ended.
    with stop_requests() as stop:
        status = srun.wait()
    if status and stop:
        raise TrainingInterrupted("The training was stopped; start it again to continue.")
    if status:
        raise InputError(
            f"The processes on {machines} machines ended with exit code {status}; the lines above "
            "have the reason, unless they were killed. Start again to continue from the last "
            "checkpoint."
        )


def main() -> None:
    """Start the processes of one machine."""
    content = json.loads(sys.argv[1])
    log_file, endpoint = content.pop("log_file"), content.pop("endpoint")
    logs.start(log_file, logging.WARNING, append=True)
    job = script.as_type(content, TrainJob)
    recipe = job.settings.train
    config = {
        "machines": job.nodes,
        "nproc_per_node": recipe.processes // job.nodes,
        "rdzv_endpoint": endpoint,
        "run_id": os.environ[JOB_VARIABLE],
    }
    launch.launch_on_machines(config, recipe.device, run.run_training, job)


if __name__ == "__main__":
    main()
