"""Device and the precision in which a network computes."""

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
BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, the last one ARM
BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA's GPUs from Ampere on
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's malloc.h


@dataclasses.dataclass(frozen=True)
class Compute:
    """Settings of a computation, those of the config's section `train`."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if PyTorch finds one, else the CPU"""
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """auto: bfloat16 if the device supports it, else float32"""
    threads: int = 2
    """of PyTorch, on a CPU"""


def granted(device: str, gpus: int | None) -> str:
    """Device of the settings; cpu if Snakemake grants no GPU (None: not under Snakemake)."""
    return "cpu" if gpus == 0 else device


def choose(name: str, threads: int, local_rank: int = 0) -> torch.device:
    """Set PyTorch's number of threads, and choose the device of a process of this machine."""
    if threads < 1:
        raise InputError(f"`threads` is {threads}, and must be at least 1.")
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
    """The type, cpu or cuda, of a device in the settings; no GPU is reserved."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def _check_unused_gpu(warns: bool) -> None:
    """Warn that PyTorch cannot use a GPU of this machine; raise if the job was granted one."""
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
    """Lock a GPU for this process until it ends, and return its number, if possible `local_rank`.

    The lock is on a file named by the GPU's UUID, so that all processes of this user on the machine
    take part. Of two ranks of a training, one chooses from the even and one from the odd numbers.
    """
    count, ranks = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if local_rank >= count:
        raise InputError(
            f"GPU number {local_rank} (from 0) is needed, but PyTorch sees {count}: use -b cpu, or "
            "`train.device: cpu`, or fewer `train.processes`, or install a PyTorch for this GPU."
        )
    numbers = range(local_rank % ranks, count, ranks)
    for number in sorted(numbers, key=lambda number: number < local_rank):
        uuid = torch.cuda.get_device_properties(number).uuid
        path = Path(tempfile.gettempdir(), f"renet-gpu-{uuid}-{os.getuid()}.lock")
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT)
        if locks.take(descriptor):  # which stays open
            return number
        os.close(descriptor)
    tried = ", ".join(map(str, numbers))
    logging.warning("Other jobs use GPU %s; this one shares GPU %d.", tried, local_rank)
    return local_rank


@functools.cache  # so that the log has it once
def chosen_precision(precision: str, device: str) -> str:
    """The precision on a type of device; auto: bfloat16 where all GPUs, or the CPU, have it."""
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
    """Let a GPU use deterministic algorithms only, or let cuDNN time them; a CPU has no others."""
    if device.type != "cuda":
        return
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:  # cuBLAS reads it when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, with the dtype and the memory format that it computes in."""
    if device.type == "cpu":
        _keep_freed_memory()
        torch.backends.mkldnn.matmul.fp32_precision = float32_products()
    torch.backends.cudnn.allow_tf32 = False  # a GPU's float32 is float32 in convolutions, too
    return model.to(device, torch.float32, memory_format=torch.channels_last)


def _keep_freed_memory() -> None:
    """Have malloc keep large blocks that are freed, for the next step of any thread to reuse.

    Without it, the system zeroes each page again: a fifth of the training time on a CPU.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # other C libraries do not have it
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)  # never
        mallopt(M_ARENA_MAX, 1)


@functools.cache  # so that the log has it once
def float32_products() -> Literal["bf16", "none"]:
    """The setting of float32 products on a CPU: oneDNN's on AMD with AVX-512, where MKL is slow.

    For them, PyTorch has to permit bfloat16. The permission stays only if oneDNN then computes,
    which other bits show, and does not round to bfloat16. No clock decides: one machine has one
    result.
    """
    words = CPU_FEATURES.read_text().split() if CPU_FEATURES.exists() else []
    if not {"AuthenticAMD", "avx512f"}.issubset(words):
        return "none"
    random = torch.Generator().manual_seed(0)
    # As large as the product of all inputs of the course's first sweep.
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
    """A context for a forward pass, in which bfloat16 is that of products and convolutions."""
    is_enabled = chosen_precision(precision, device.type) == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=is_enabled)
