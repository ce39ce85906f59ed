"""A real SLURM on this machine: two node daemons, two partitions, memory limits and GPUs.

It needs root on a Debian or Ubuntu that is not part of a cluster, where it installs the package
slurm-wlm if that is missing. The nodes have more cores than the machine, and their GPUs are device
files without a device: both serve scheduling only. There is no accounting database.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CONFIG_FOLDER = Path("/etc/slurm")
CONFIG_FILES = ("slurm.conf", "gres.conf", "slurm.key")
NODES = ("n1", "n2")
CORES, MEMORY_MB, GPUS = 6, 16000, 2  # of each node, independent of the machine
PORT = 26817
SECONDS_TO_START, TRIES = 30, 3

SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/slurm
CredType=cred/slurm
AuthInfo=use_client_ids
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=100000
ReturnToService=2
MinJobAge=3600
KillWait=20
MailProg=/bin/true
SlurmUser=root
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cores} "
    "RealMemory={memory} Gres=gpu:toy:{gpus} State=UNKNOWN"
)
GRES = "NodeName={name} Name=gpu Type=toy File={folder}/nvidia[0-{last}] Flags=nvidia_gpu_env"


def install() -> None:
    """Install SLURM's programs, or skip the test with the reason."""
    if os.geteuid() != 0:
        pytest.skip("SLURM was not tested: its daemons need root")
    if not shutil.which("slurmctld"):
        if not shutil.which("apt-get"):
            pytest.skip("SLURM was not tested: it is not installed, and there is no apt-get")
        for command in (["update"], ["install", "-y", "--no-install-recommends", "slurm-wlm"]):
            outcome = subprocess.run(
                ["apt-get", "-qq", *command], capture_output=True, text=True, check=False
            )
        if outcome.returncode:
            pytest.skip(f"SLURM was not tested: apt-get cannot install it: {outcome.stderr[-300:]}")
    if any(_is_in_use(CONFIG_FOLDER / name) for name in CONFIG_FILES):
        pytest.skip(f"SLURM was not tested: {CONFIG_FOLDER} belongs to a cluster")


def _is_in_use(config_file: Path) -> bool:
    """Whether a cluster uses this file; a killed test leaves links without a controller."""
    controller = config_file.resolve().parent / "slurmctld.pid"
    if config_file.is_symlink() and controller.exists():
        return Path("/proc", controller.read_text().strip()).exists()
    return config_file.exists()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Configure and start the daemons with all their files in `folder`; stop them at the end."""
    install()
    _configure(folder)
    links = [CONFIG_FOLDER / name for name in CONFIG_FILES]
    CONFIG_FOLDER.mkdir(exist_ok=True)
    for link in links:
        link.unlink(missing_ok=True)
        link.symlink_to(folder / link.name)
    try:
        subprocess.run(["slurmctld", "-c"], check=True)
        _wait_for(lambda: "is UP" in ask("scontrol", "ping"), "The controller")
        for name in NODES:
            _start_node(name)
        yield folder
    finally:
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld"):
            _stop(folder / f"{name}.pid")
        for link in links:
            link.unlink()


def _configure(folder: Path) -> None:
    host = os.uname().nodename
    nodes = [
        NODE.format(
            name=name, host=host, port=PORT + number, cores=CORES, memory=MEMORY_MB, gpus=GPUS
        )
        for number, name in enumerate(NODES, 1)
    ]
    text = SLURM_CONF.format(host=host, port=PORT, folder=folder, nodes="\n".join(nodes))
    (folder / "slurm.conf").write_text(text)
    gres = [GRES.format(name=name, folder=folder, last=GPUS - 1) for name in NODES]
    (folder / "gres.conf").write_text("\n".join(gres) + "\n")
    key = folder / "slurm.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    for number in range(GPUS):
        null_device = os.makedev(1, 3)
        os.mknod(folder / f"nvidia{number}", 0o600 | 0o020000, null_device)


def _start_node(name: str) -> None:
    """Start a node's daemon; on a busy machine it may exit at once without a message."""

    def is_idle() -> bool:
        return ask("sinfo", "--noheader", "--nodes", name, "--format=%T").strip() == "idle"

    for _ in range(TRIES - 1):
        subprocess.run(["slurmd", "-N", name], check=False)
        with contextlib.suppress(TimeoutError):
            return _wait_for(is_idle, f"Node {name}", SECONDS_TO_START / TRIES)
    subprocess.run(["slurmd", "-N", name], check=True)
    return _wait_for(is_idle, f"Node {name}")


def _wait_for(ready: Callable[[], bool], what: str, seconds: float = SECONDS_TO_START) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not ready after {seconds} seconds")
        time.sleep(0.2)


def _stop(pid_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.1)


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout


def requeue(job: str) -> None:
    """Requeue a job, without the two minutes that SLURM waits before it starts it again."""
    ask("scontrol", "requeue", job)
    _wait_for(lambda: "JobState=PENDING" in ask("scontrol", "show", "job", job), f"Job {job}")
    ask("scontrol", "update", f"JobId={job}", "StartTime=now")
