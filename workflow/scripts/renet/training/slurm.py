"""A training on several machines: srun starts a torchrun on each, and these the processes.

It runs within a SLURM job that was granted the machines, and needs a file system that they share.
"""

import contextlib
import dataclasses
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

from renet.common import logs
from renet.common.errors import InputError, TrainingInterrupted
from renet.training import process_group, run
from renet.training.run import RunFiles

JOB_VARIABLE = "SLURM_JOB_ID"


def count_of(resources: Mapping[str, int]) -> int:
    """The machines that a rule's resources name; outside of SLURM's jobs this one does all."""
    return resources.get("nodes", 1) if JOB_VARIABLE in os.environ else 1


def train(nodes: int, count: int, paths: RunFiles, settings: dict, code: str) -> None:
    """Train one run in `count` processes, the same number on each of the job's machines.

    Raises:
        TrainingInterrupted: the job was told to stop.
        InputError: a process failed or was killed; the log file says why.
    """
    job = {"paths": dataclasses.asdict(paths), "settings": settings, "code": code}
    spread = subprocess.Popen(
        [
            *("srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"),
            # srun takes nothing over from the job, and would bind each task to one core.
            f"--cpus-per-task={count // nodes * settings['train']['threads']}",
            *("--kill-on-bad-exit=1", f"--wait={process_group.GRACE_SECONDS}"),
            *(sys.executable, "-m", "torch.distributed.run"),
            *(f"--nnodes={nodes}", f"--nproc-per-node={count // nodes}"),
            *("--rdzv-backend=c10d", f"--rdzv-endpoint={_meeting_point()}"),
            f"--rdzv-id={os.environ[JOB_VARIABLE]}",
            *("-m", __name__, json.dumps(job | {"log_file": logs.log_file()})),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with _sigterm_noted() as came:
        status = spread.wait()
    if status and came:
        raise TrainingInterrupted("The training was told to stop; start it again to go on.")
    if status:
        raise InputError(
            f"The processes on {nodes} machines ended with exit code {status}; the lines above say "
            "why, where one of them could. Start again to go on from the last checkpoint."
        )


def _meeting_point() -> str:
    """This machine and a port that is free."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return f"{socket.gethostname()}:{probe.getsockname()[1]}"


@contextlib.contextmanager
def _sigterm_noted() -> Iterator[list[int]]:
    """SIGTERM does not end this process before the others, which SLURM tells by itself."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> None:
    """Take part in a training, as one of the processes that torchrun starts."""
    job = json.loads(sys.argv[1])
    is_first = os.environ["RANK"] == "0"
    logs.start(job["log_file"] if is_first else None, append=True)
    if not is_first:
        logging.getLogger().setLevel(logging.WARNING)
    with process_group.joined(job["settings"]["train"]["device"]) as world:
        run.train(world, RunFiles(**job["paths"]), job["settings"], job["code"])


if __name__ == "__main__":
    main()
