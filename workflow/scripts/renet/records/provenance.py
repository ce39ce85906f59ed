"""Record of a training: training.json."""

import importlib.metadata
import logging
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import torch

from renet.common import files
from renet.dataset import hdf5
from renet.network import devices

COMPUTED = {"precision", "threads", "processes"}  # keys of `train`
CODE = "workflow", "envs", "Snakefile"
DIFF = "diff", "--no-ext-diff", "--no-color", "HEAD", "--"


def training_record(settings: Any, faces: Iterable[Path], code: str) -> dict:
    """Return the content of training.json; `settings` has the decided precision, never `auto`."""
    recipe = settings.train
    device = devices.device_type(recipe.device)  # allocates no GPU: the training is over
    start = files.file_digest(recipe.start_files[0]) if recipe.start_from else None
    return {
        "config": settings.dump(),
        "code": {"train": code, **revision(Path(__file__).parents[4])},
        "faces": {path.stem: hdf5.read(path).digest for path in faces},
        "start_from": start,
        "computed": {"device": device} | recipe.model_dump(include=COMPUTED),
        "hardware": hardware(),
        "software": {
            "python": platform.python_version(),
            "system": platform.platform(),
            # The build, such as +cpu, which the metadata of the package may lack.
            "packages": installed_packages() | {"torch": torch.__version__},
        },
    }


def installed_packages() -> dict[str, str]:
    """Return each package's version; of two installed copies, the first, which Python imports."""
    packages = reversed([*importlib.metadata.distributions()])
    named = [(package.metadata["Name"], package.version) for package in packages]
    return dict(sorted({name.lower(): version for name, version in named if name}.items()))


def hardware() -> dict:
    """Return the hardware that the bits of a result can depend on, and the machine's size."""
    cpuinfo = Path("/proc/cpuinfo")
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "cpu": cpu_name(cpuinfo.read_text() if cpuinfo.exists() else ""),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
    }


def cpu_name(cpuinfo: str) -> str:
    """Return the CPU's name in Linux's /proc/cpuinfo, or ARM's numbers of implementer and part."""
    found = dict(re.findall(r"^(model name|CPU implementer|CPU part)\s*: (.+)", cpuinfo, re.M))
    numbers = ", ".join(map(" ".join, found.items()))
    return found.get("model name") or numbers or platform.processor() or platform.machine()


def revision(folder: Path) -> dict:
    """Return a folder's git commit and the differences from it; each value is None without git."""
    unknown = dict.fromkeys(("revision", "modified", "diff", "untracked"))
    try:
        described = _git(folder, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    except FileNotFoundError:  # compute nodes may lack git
        return unknown
    except subprocess.CalledProcessError as error:
        if (folder / ".git").exists():  # git says how to make a folder of another user safe
            fault = " ".join(error.stderr.decode().split())
            logging.warning("The git revision of %s is not recorded: %s", folder, fault)
        return unknown
    commit, *dirty = described.decode().strip().split("-")
    listed = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)
    untracked = listed.decode(errors="replace").split("\0")[:-1]
    return {
        "revision": commit,
        "modified": bool(dirty or untracked),
        "diff": _git(folder, *DIFF, *CODE).decode(errors="replace") if dirty else None,
        "untracked": untracked,
    }


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout
