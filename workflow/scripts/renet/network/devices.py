"""Device and precision of a network's computations."""

import ctypes
import dataclasses
import functools
import logging
import os
import tempfile
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from renet.common import locks
from renet.common.errors import InputError

GRANTS = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS")  # set by schedulers that grant GPUs
NVIDIA_DEVICE = Path("/dev/nvidia0")
CPU_FEATURES = Path("/proc/cpuinfo")
BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}  # `bf16`: ARM, the others: x86
BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA's GPUs from Ampere on
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's malloc.h


@dataclasses.dataclass(frozen=True)
class Compute:
    """Settings of a computation; the config's section `train` has the same keys."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if PyTorch finds one, else the CPU"""
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """auto: bfloat16 if the device supports it, else float32"""
    threads: int = 2
    """PyTorch's number of threads on a CPU"""


def granted(device: str, gpus: int | None) -> str:
    """Return `device`, but cpu if Snakemake grants 0 GPUs; `gpus` is None outside Snakemake."""
    return "cpu" if gpus == 0 else device


def choose(name: str, threads: int, local_rank: int = 0) -> torch.device:
    """Set PyTorch's number of threads; return this process's device, a GPU by `local_rank`."""
    if threads < 1:
        raise InputError(f"`threads` is {threads}; set it to at least 1.")
    torch.set_num_threads(threads)
    device, details = torch.device(device_type(name)), f"{threads} threads"
    if (name, device.type) == ("auto", "cpu"):
        _check_unused_gpu(warns=local_rank == 0)  # once in a training
    if device.type == "cuda":
        device = torch.device("cuda", own_gpu(local_rank))
        torch.cuda.set_device(device)
        details = torch.cuda.get_device_name(device)
    logging.info("Device: %s (%s)", device, details)
    return device


def device_type(name: str) -> str:
    """Return the type, cpu or cuda, of a `device` setting such as auto, without locking a GPU."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def _check_unused_gpu(warns: bool) -> None:
    """Warn of a GPU that PyTorch cannot use; raise an InputError if this job was granted a GPU."""
    version = torch.__version__
    reason = f"PyTorch {version} cannot use it: install the build for this machine's driver"
    for variable in GRANTS:
        if os.environ.get(variable, "-1") not in ("", "-1", "NoDevFiles"):
            raise InputError(
                f"A GPU was granted to this job ({variable}={os.environ[variable]}), but {reason}, "
                "or set `train.device: cpu` (predict.py: --compute.device cpu)."
            )
    if warns and NVIDIA_DEVICE.exists():
        logging.warning("This machine has a GPU, but %s. The CPU is used.", reason)


@functools.cache
def own_gpu(local_rank: int) -> int:
    """Lock a GPU until this process ends; return the GPU's number, if possible `local_rank`.

    The lock file has the GPU's UUID in its name, so that all processes of this user on the machine
    share it. With two ranks, rank 0 chooses from the even numbers and rank 1 from the odd numbers.
    """
    count, ranks = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if local_rank >= count:
        raise InputError(
            f"GPU number {local_rank} (from 0) is needed, but PyTorch sees {count} GPUs; set "
            "`train.device` or -b to cpu, lower `train.processes`, or install PyTorch for GPUs."
        )
    numbers = range(local_rank % ranks, count, ranks)
    for number in sorted(numbers, key=lambda number: number < local_rank):
        uuid = torch.cuda.get_device_properties(number).uuid
        path = Path(tempfile.gettempdir(), f"renet-gpu-{uuid}-{os.getuid()}.lock")
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT)
        if locks.take(descriptor):  # the descriptor stays open
            return number
        os.close(descriptor)
    tried = ", ".join(map(str, numbers))
    logging.warning("Other jobs use GPU %s; this job shares GPU %d.", tried, local_rank)
    return local_rank


@functools.cache  # to log the choice once
def chosen_precision(precision: str, device: str) -> str:
    """Resolve `auto` to bfloat16 if all devices of this type support it, else to float32."""
    if precision == "float32":
        return precision
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        numbers = range(torch.cuda.device_count())
        capabilities = [torch.cuda.get_device_capability(number) for number in numbers]
        has_it = min(capabilities) >= BFLOAT16_CAPABILITY
    else:
        words = CPU_FEATURES.read_text().split() if CPU_FEATURES.exists() else []
        has_it = not BFLOAT16_FEATURES.isdisjoint(words)
    named, reason = "GPU" if on_gpu else "CPU", "has" if has_it else "lacks"
    if precision == "auto":
        precision = "bfloat16" if has_it else "float32"
        logging.info("Precision: %s, because the %s %s bfloat16", precision, named, reason)
    elif not has_it:
        logging.warning(
            "The %s lacks bfloat16 and converts it: this is slower than float32, which "
            "`train.precision: auto` chooses here.", named,
        )  # fmt: skip
    return precision


def choose_algorithms(device: torch.device, deterministic: bool) -> None:
    """Restrict a GPU to deterministic algorithms, or let cuDNN choose the fastest by timing."""
    if device.type != "cuda":
        return
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:  # cuBLAS reads the variable at its first use
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, in float32 and in the memory format channels_last."""
    if device.type == "cpu":
        _keep_freed_memory()
        torch.backends.mkldnn.matmul.fp32_precision = float32_products()
    torch.backends.cudnn.allow_tf32 = False  # convolutions in float32, not in TF32
    return model.to(device, torch.float32, memory_format=torch.channels_last)


def _keep_freed_memory() -> None:
    """Have malloc keep freed large blocks, so that the next step reuses them.

    Otherwise, the system zeroes each page again, which takes a fifth of the time on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # glibc
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)  # never
        mallopt(M_ARENA_MAX, 1)


@functools.cache  # to log the choice once
def float32_products() -> Literal["bf16", "none"]:
    """Return PyTorch's `fp32_precision` of this CPU: bf16 on AMD with AVX-512, else none.

    bf16 replaces MKL, which is slow on AMD, by oneDNN. A test product must have other bits than by
    MKL, and a relative error of at most 1e-5. A choice by timing would not be reproducible.
    """
    words = CPU_FEATURES.read_text().split() if CPU_FEATURES.exists() else []
    if not {"AuthenticAMD", "avx512f"}.issubset(words):
        return "none"
    random = torch.Generator().manual_seed(0)
    # The size of the first sweep's input product in the course's network.
    factors = [torch.randn(size, generator=random) for size in ((8, 256, 1024), (8, 1024, 512))]
    exact, by_mkl = torch.bmm(*(factor.double() for factor in factors)), torch.bmm(*factors)
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    by_onednn = torch.bmm(*factors)
    torch.backends.mkldnn.matmul.fp32_precision = "none"
    error = (by_onednn - exact).norm() / exact.norm()
    if torch.equal(by_onednn, by_mkl) or error > 1e-5:
        return "none"
    logging.info("Float32 products: by oneDNN, which is faster than MKL on this CPU")
    return "bf16"


def precision_context(precision: str, device: torch.device) -> torch.autocast:
    """Return autocast for a forward pass, enabled if `precision` resolves to bfloat16."""
    is_enabled = chosen_precision(precision, device.type) == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=is_enabled)
