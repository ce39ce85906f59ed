"""A device that Python defines, whose tensors hold those of the CPU, in place of a GPU.

An operation that mixes it with the CPU is an error. Copies to it and waits of the host for it
are counted; a copy from memory that is not pinned is both. It has neither streams nor graphs: a
replay runs the function again. Of the lists of CUDA's autocast it has what is in `AUTOCAST`.
"""

import collections
import multiprocessing
from collections.abc import Callable
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
COPIES = aten._to_copy, aten.copy_
READS = {  # the host learns a value or a size
    aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select,
    aten._unique2, aten.unique_dim, aten.unique_consecutive, aten.bincount, aten.repeat_interleave,
}  # fmt: skip
BFLOAT16 = dict.fromkeys([aten.conv2d, aten.linear], torch.bfloat16)
AUTOCAST = BFLOAT16 | {aten.layer_norm: torch.float32}
LISTS, OTHERS = (torch.library.Library(of, "IMPL", "AutocastPrivateUse1") for of in ("aten", "_"))
AUTOCAST_KEY = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
counts: collections.Counter[str] = collections.Counter()
state = SimpleNamespace(mode="default")  # what a wait does


def compute(_, operation, types, arguments: tuple = (), options: dict | None = None) -> object:
    """The result of an operation, on the device if its arguments are or if `device` names it."""
    options = options or {}
    given = [one for one in tree_leaves((arguments, options)) if isinstance(one, Tensor)]
    ours = [isinstance(tensor, DeviceTensor) for tensor in given]
    asked = torch.device(options["device"]).type if options.get("device") else None
    if not any(ours) and asked != NAME:
        return operation(*arguments, **options)
    is_copy = operation.overloadpacket in COPIES
    returns_ours = asked == NAME or (not asked and ours[0] if is_copy else asked != "cpu")
    waits = operation.overloadpacket in READS
    if operation.overloadpacket in (aten.index, aten.index_put_):  # whose length is that of a mask
        waits = any(one is not None and one.dtype == torch.bool for one in arguments[1])
    if is_copy and ours[-1] != returns_ours:
        is_pinned = getattr(given[-1], "is_in_pinned_memory", given[-1].dim() == 0)
        waits = not (returns_ours and is_pinned)
        counts["copies"] += returns_ours
    elif not is_copy and any(t.dim() for t, own in zip(given, ours, strict=True) if not own):
        raise RuntimeError(f"{operation} mixes the device with tensors of the CPU")
    counts["waits"] += waits
    if waits and state.mode == "error":
        raise RuntimeError(f"{operation} lets the host wait")
    if operation.overloadpacket is aten.native_layer_norm and len({t.dtype for t in given}) > 1:
        raise RuntimeError(f"{operation} takes one dtype on a GPU")
    held_arguments, held = tree_map_only(DeviceTensor, lambda one: one.held, (arguments, options))
    if asked:
        held["device"] = "cpu"
    result = operation(*held_arguments, **held)
    if operation.overloadpacket is aten.native_batch_norm_backward and arguments[2] is None:
        result = result[0], *(one.new_empty(0) for one in result[1:])  # without a weight, as CUDA
    if not returns_ours:
        return arguments[0] if operation.overloadpacket is aten.copy_ else result
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

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.held.__reduce_ex__(protocol)


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
    OTHERS.fallback(torch.library.fallthrough_kernel)
    for operation, dtype in AUTOCAST.items():
        LISTS.impl(operation.default, _in_dtype(operation, dtype))
    tensor, empty = torch.tensor, torch.empty
    torch.tensor = lambda *a, device=None, **o: tensor(*a, **o).to(device)
    torch.empty = lambda *a, pin_memory=False, **o: _pinned(empty(*a, **o), pin_memory)
    Tensor.pin_memory = lambda self: _pinned(self.clone())
    torch.cuda.set_sync_debug_mode = lambda mode: setattr(state, "mode", mode)
    for name in ("reset_peak_memory_stats", "max_memory_reserved", "synchronize"):
        setattr(torch.cuda, name, lambda *_: 1)
    again = SimpleNamespace(warm_up=lambda *run: [one() for one in run], capture=_captured)
    train_step.GraphCapture = lambda: again
    loop.SYNC_EVERY[NAME], inference.BATCH_SIZE[NAME] = 2, inference.BATCH_SIZE["cuda"]
    OnDevice().__enter__()


def _captured(run: Callable) -> Callable:
    """A graph of a method of `TrainStep`, in which CUDA needs what the assertions say."""
    (group,) = getattr(run, "func", run).__self__.optimizer.param_groups
    assert isinstance(group["lr"], DeviceTensor) and group.get("capturable", True)
    return run


def _in_dtype(operation, dtype: torch.dtype):
    """An operation as autocast runs it."""

    def run(*arguments, **options):
        arguments = tree_map_only(Tensor, lambda one: one.to(dtype), arguments)
        with torch._C._ExcludeDispatchKeyGuard(AUTOCAST_KEY):
            return operation(*arguments, **options)

    return run


def _pinned(tensor: Tensor, pin_memory: object = True) -> Tensor:
    tensor.is_in_pinned_memory = bool(pin_memory)
    return tensor
