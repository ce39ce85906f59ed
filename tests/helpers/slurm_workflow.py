"""The workflow on the SLURM of `slurm_cluster`."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# What the small cluster of the tests needs on top of the profile.
OPTIONS = [
    *("--profile", "profiles/slurm", "--configfile", "small.yaml", "--latency-wait", "10"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
    *("--slurm-partition-config", "profiles/slurm/partitions.yaml"),
]
TIMEOUT_SECONDS = 300
TIMEOUT_OF_ALL = 1200


class SlurmWorkflow:
    """A running Snakemake that submits its jobs to SLURM, and its output."""

    def __init__(self, project: Path, *arguments: object):
        """Start Snakemake in a project's folder."""
        self.project, self.log = project, project / "snakemake.txt"
        command = [sys.executable, "-m", "snakemake", *OPTIONS, *map(str, arguments)]
        with self.log.open("w") as handle:
            self.process = subprocess.Popen(command, cwd=project, stdout=handle, stderr=handle)

    def jobs(self, name: str) -> list[str]:
        """SLURM's numbers of the jobs that were submitted for rule_<rule> or group_<group>."""
        pattern = rf"SLURM jobid (\d+) \(log: \S*/{name}[\w.]*/"
        return re.findall(pattern, self.log.read_text())

    def wait_for(self, ready: Callable[[], object], what: str) -> None:
        """Wait for a condition; `what` is the error's text without it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{what}: {self.log.read_text()}"
            time.sleep(0.05)

    def finish(self) -> None:
        """Wait for the end of the workflow."""
        assert self.process.wait(timeout=TIMEOUT_OF_ALL) == 0, self.log.read_text()
