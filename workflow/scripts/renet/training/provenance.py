"""Where a result comes from, as far as the job knows that computes it."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import torch

from renet.dataset import hdf5
from renet.network import devices


def of_training(settings: dict, faces: dict[str, str], machines: int, code: str) -> dict:
    """What a training was made from and by, as the training itself knows it: training.json.

    Args:
        settings: the run's sections `model` and `train`, with the device that was granted.
        faces: the HDF5 files `train` and `validation`.
        machines: that shared the training.
        code: digest of the training's code.
    """
    device = devices.choose(devices.Compute(settings["train"]["device"]))
    return {
        "config": settings,
        "code": {"train": code, **revision(Path(__file__).parent)},
        "faces": {name: hdf5.read(path).digest for name, path in faces.items()},
        "computed": {
            "device": device.type,
            "precision": precision_that_ran(settings["train"]["precision"], device),
            "threads": settings["train"]["threads"],
            "processes": settings["train"]["processes"],
            "machines": machines,
        },
        "hardware": hardware(),
        "software": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "packages": packages(),
        },
    }


def precision_that_ran(precision: str, device: torch.device) -> str:
    """On a CPU tf32 is float32."""
    return "float32" if precision == "tf32" and device.type == "cpu" else precision


def hardware() -> dict:
    """The machine, by what can change the bits of a result, and by what can hold it."""
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


def packages() -> dict[str, str]:
    """The version of every package that is installed where this runs."""
    found = {
        (package.metadata["Name"] or "").lower(): package.version
        for package in importlib.metadata.distributions()
    }
    return {name: found[name] for name in sorted(found) if name}


def revision(folder: Path) -> dict:
    """The git revision of a folder, and whether its files differ from it; null outside of git."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"revision": commit, "modified": None if commit is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a compute node need not have git
        return None
    return outcome.stdout.strip() if outcome.returncode == 0 else None
