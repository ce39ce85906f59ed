"""A real SLURM on this machine, with two node daemons.

It needs root on a Debian or Ubuntu that is not part of a cluster, where it installs the package
slurm-wlm if that is missing. The nodes have more cores than the machine, for scheduling only. There
is no accounting database.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

CONFIG_FOLDER = Path("/etc/slurm")
CONFIG_FILES = ("slurm.conf", "slurm.key")
NODES = ("n1", "n2")
SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=26817
AuthType=auth/slurm
CredType=cred/slurm
AuthInfo=use_client_ids
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
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
NodeName=DEFAULT CPUs=6 RealMemory=16000
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=26818
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=26819
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def install() -> None:
    """Install SLURM's programs, or skip the test with the reason."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("SLURM was not tested: its daemons need root on Debian or Ubuntu")
    if not shutil.which("slurmctld"):
        subprocess.run(["apt-get", "-qq", "update"], check=False)
        command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "slurm-wlm"]
        if subprocess.run(command, check=False).returncode:
            pytest.skip("SLURM was not tested: apt-get cannot install it")
    if left := [one for one in map(CONFIG_FOLDER.joinpath, CONFIG_FILES) if one.exists()]:
        pytest.skip(f"SLURM was not tested: {left[0]} is of a cluster or of a killed test")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Configure and start the daemons with all their files in `folder`; stop them at the end."""
    install()
    (folder / "slurm.conf").write_text(SLURM_CONF.format(host=os.uname().nodename, folder=folder))
    (folder / "slurm.key").touch(mode=0o600)
    (folder / "slurm.key").write_bytes(os.urandom(1024))
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir()
    links = [CONFIG_FOLDER / name for name in CONFIG_FILES]
    CONFIG_FOLDER.mkdir(exist_ok=True)
    for link in links:
        link.unlink(missing_ok=True)
        link.symlink_to(folder / link.name)
    try:
        subprocess.run(["slurmctld", "-c"], check=True)
        wait_for(lambda: "is UP" in ask("scontrol", "ping"), "The controller")
        for name in NODES:
            _start_node(name)
        yield folder
    finally:
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld"):
            with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
                daemon = psutil.Process(int((folder / f"{name}.pid").read_text()))
                daemon.terminate()
                daemon.wait()
        for link in links:
            link.unlink()


def _start_node(name: str) -> None:
    """Start a node's daemon; on a busy machine it may exit at once without a message."""
    query = ["sinfo", "--noheader", "--nodes", name, "--format=%T"]
    for seconds in (10, 10, 30):
        subprocess.run(["slurmd", "-N", name], check=False)
        with contextlib.suppress(TimeoutError):
            return wait_for(lambda: ask(*query).strip() == "idle", f"Node {name}", seconds)
    raise TimeoutError(f"Node {name} is not ready")


def wait_for(ready: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not ready after {seconds} seconds")
        time.sleep(0.2)


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
