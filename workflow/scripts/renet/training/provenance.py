"""How a run was made, as far as the training job knows it: training.json."""

import dataclasses
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import torch

from renet.dataset import hdf5
from renet.network import devices
from renet.training.run import RunJob


def of_training(job: RunJob, machines: int) -> dict:
    """The content of training.json, of processes that ran on that number of machines."""
    recipe = job.settings.train
    device = devices.choose(recipe.device, recipe.threads)
    faces = {"train": job.train, "validation": job.validation}
    packages = {
        package.metadata["Name"].lower(): package.version
        for package in importlib.metadata.distributions()
        if package.metadata["Name"]
    }
    return {
        "config": dataclasses.asdict(job.settings),
        "code": {"train": job.code, **revision(Path(__file__).parent)},
        "faces": {name: hdf5.read(path).digest for name, path in faces.items()},
        "computed": {
            "device": device.type,
            "precision": effective_precision(recipe.precision, device),
            "threads": recipe.threads,
            "processes": recipe.processes,
            "machines": machines,
        },
        "hardware": hardware(),
        "software": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "packages": dict(sorted(packages.items())),
        },
    }


def effective_precision(precision: str, device: torch.device) -> str:
    """The precision that is computed in: on a CPU, tf32 is float32."""
    return "float32" if precision == "tf32" and device.type == "cpu" else precision


def hardware() -> dict:
    """What the bits of a result can depend on, and the size of the machine."""
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory_mb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6),
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def revision(folder: Path) -> dict:
    """The git commit of a folder, and whether its files differ from it; None outside of git."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"revision": commit, "modified": None if commit is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # compute nodes may lack git
        return None
    return outcome.stdout.strip() if outcome.returncode == 0 else None
