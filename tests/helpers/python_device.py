"""A device that Python defines, whose tensors hold tensors of the CPU, in place of a GPU.

An operation that mixes it with the CPU is an error. Copies to it, and operations for which the host
waits, are counted; a copy from memory that is not pinned is both. It has neither streams nor
graphs: a replay runs the function again.
"""

import collections
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

from renet.network import inference
from renet.training import loop, train_step

NAME = "stand"
REGISTER = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
MISSING = "this PyTorch does not let Python define a device"
aten = torch.ops.aten
READS = {  # the host learns a value or a size
    aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select,
    aten._unique2, aten.unique_dim, aten.unique_consecutive, aten.bincount, aten.repeat_interleave,
}  # fmt: skip
counts: collections.Counter[str] = collections.Counter()


def compute(_, operation, types, arguments: tuple = (), options: dict | None = None) -> object:
    """The result of an operation, on the device if its arguments are or if `device` names it."""
    options = options or {}
    given = [one for one in tree_leaves((arguments, options)) if isinstance(one, Tensor)]
    ours = [isinstance(tensor, DeviceTensor) for tensor in given]
    asked = torch.device(options["device"]).type if options.get("device") else None
    if not any(ours) and asked != NAME:
        return operation(*arguments, **options)
    packet = operation.overloadpacket
    is_copy, waits = packet in (aten._to_copy, aten.copy_), packet in READS
    returns_ours = asked == NAME or (not asked and ours[0] if is_copy else asked != "cpu")
    if packet in (aten.index, aten.index_put_):  # whose length is that of a mask
        waits = any(one is not None and one.dtype == torch.bool for one in arguments[1])
    if is_copy and ours[-1] != returns_ours:
        is_pinned = getattr(given[-1], "is_in_pinned_memory", given[-1].dim() == 0)
        waits = not (returns_ours and is_pinned)
        counts["copies"] += returns_ours
    elif not is_copy and any(t.dim() for t, own in zip(given, ours, strict=True) if not own):
        raise RuntimeError(f"{operation} mixes the device with tensors of the CPU")
    counts["waits"] += waits
    held_arguments, held = tree_map_only(DeviceTensor, lambda one: one.held, (arguments, options))
    result = operation(*held_arguments, **held | ({"device": "cpu"} if asked else {}))
    if not returns_ours:
        return arguments[0] if packet is aten.copy_ else result
    result = tree_map_only(Tensor, DeviceTensor, result)
    return return_and_correct_aliasing(operation, arguments, options, result)


class DeviceTensor(Tensor):
    """A tensor of the device; `held` is the one of the CPU that computes."""

    __torch_dispatch__ = classmethod(compute)

    @staticmethod
    def __new__(cls, held: Tensor):
        return Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip

    def __init__(self, held: Tensor):
        self.held = held

    def tolist(self) -> object:
        return self.cpu().tolist()


class OnDevice(TorchDispatchMode):
    """Sees operations without a tensor of the device, such as a copy to it."""

    __torch_dispatch__ = compute


def process() -> ProcessPoolExecutor:
    """A process that has the device, which would be there until the end of this one."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), register)


def register() -> None:
    """Put the device in the place of a GPU, in this process until its end."""
    REGISTER(NAME)
    getattr(torch, NAME).get_amp_supported_dtype = lambda: [torch.bfloat16]
    tensor, empty = torch.tensor, torch.empty
    torch.tensor = lambda *a, device=None, **o: tensor(*a, **o).to(device)
    torch.empty = lambda *a, pin_memory=False, **o: _pinned(empty(*a, **o), pin_memory)
    Tensor.pin_memory = lambda self: _pinned(self.clone())
    for name in ("reset_peak_memory_stats", "max_memory_reserved", "synchronize"):
        setattr(torch.cuda, name, lambda *_: 1)
    again = SimpleNamespace(warm_up=lambda *run: [one() for one in run], capture=lambda run: run)
    train_step.GraphCapture = lambda: again
    loop.SYNC_EVERY[NAME], inference.BATCH_SIZE[NAME] = 2, inference.BATCH_SIZE["cuda"]
    OnDevice().__enter__()


def _pinned(tensor: Tensor, pin_memory: object = True) -> Tensor:
    tensor.is_in_pinned_memory = bool(pin_memory)
    return tensor
