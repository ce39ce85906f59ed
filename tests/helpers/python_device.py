"""A device that Python defines, whose tensors hold those of the CPU, in place of a GPU.

An operation that mixes it with the CPU raises `Mixed`; copies to it and waits of the host for it
are counted. It has neither streams nor graphs: a captured function runs again at each replay. Of
the lists of CUDA's autocast it has what is in `AUTOCAST`.
"""

import collections
import contextlib
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_map_only

from helpers.host_waits import READS, tensors_of
from renet.network import inference
from renet.training import train_step, trainer

NAME = "stand"
REGISTER = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
COPIES = torch.ops.aten._to_copy, torch.ops.aten.copy_
AUTOCAST = {
    torch.bfloat16: [torch.ops.aten.conv2d.default, torch.ops.aten.linear.default],
    torch.float32: [torch.ops.aten.layer_norm.default],
}
LISTS, OTHERS = (torch.library.Library(of, "IMPL", "AutocastPrivateUse1") for of in ("aten", "_"))
KEY = torch._C.DispatchKey.AutocastPrivateUse1
# Copies to the device, those of them that are not from pinned memory, waits of the host for the
# device, and operations.
counts: collections.Counter[str] = collections.Counter()
memory = SimpleNamespace(free=1 << 40)  # bytes


class Mixed(Exception):
    """An operation on tensors of the device and of the CPU."""


class DeviceTensor(Tensor):
    """A tensor of the device; `held` is the one of the CPU that computes."""

    @staticmethod
    def __new__(cls, held: Tensor):
        return Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip

    def __init__(self, held: Tensor):
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, operation, types, arguments=(), options=None):
        return compute(operation, arguments, options or {})

    def tolist(self) -> object:
        """The numbers, for which the host waits."""
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Written as a tensor of the CPU, as `model_file.read` reads a GPU's."""
        return self.held.__reduce_ex__(protocol)

    def record_stream(self, stream: object) -> None: ...


class OnDevice(TorchDispatchMode):
    """Sees operations without a tensor of the device, such as a copy to it."""

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        return compute(operation, arguments, options or {})


def compute(operation, arguments: tuple, options: dict) -> object:
    """The result of an operation, on the device if its arguments are or if `device` names it."""
    given = list(tensors_of([arguments, options]))
    ours = [isinstance(tensor, DeviceTensor) for tensor in given]
    asked = torch.device(options["device"]).type if options.get("device") else None
    if not any(ours) and asked != NAME:
        return operation(*arguments, **options)
    is_copy = operation.overloadpacket in COPIES
    returns_ours = asked == NAME or (not asked and ours[0] if is_copy else asked != "cpu")
    if is_copy and ours[-1] != returns_ours:
        counts["copies" if returns_ours else "waits"] += 1
        counts["pageable copies"] += returns_ours and not getattr(
            given[-1], "is_in_pinned_memory", False
        )
    elif not is_copy and any(t.dim() for t, own in zip(given, ours, strict=True) if not own):
        raise Mixed(f"{operation} mixes the device with tensors of the CPU")
    counts["waits"] += operation.overloadpacket in READS
    counts["operations"] += not operation.is_view
    held_arguments, held = tree_map_only(DeviceTensor, lambda one: one.held, (arguments, options))
    if asked:
        held["device"] = "cpu"
    result = operation(*held_arguments, **held)
    if not returns_ours:
        return arguments[0] if operation.overloadpacket is torch.ops.aten.copy_ else result
    result = tree_map_only(Tensor, DeviceTensor, result)
    return return_and_correct_aliasing(operation, arguments, options, result)


class RunAgain:
    """Stands in for `cuda_graphs.GraphCapture`: a warm-up and each replay run the function."""

    def warm_up(self, *functions) -> None:
        for function in functions:
            function()

    def capture(self, function):
        return function


def register() -> None:
    """Put the device in the place of a GPU, in this process until its end."""
    REGISTER(NAME)
    module = getattr(torch, NAME)
    module.get_amp_supported_dtype = lambda: [torch.bfloat16]
    OTHERS.fallback(torch.library.fallthrough_kernel)
    for dtype, operations in AUTOCAST.items():
        for operation in operations:
            LISTS.impl(operation, _in_dtype(operation, dtype))
    tensor, empty = torch.tensor, torch.empty
    torch.tensor = lambda *a, device=None, **o: tensor(*a, **o).to(device)
    torch.empty = lambda *a, pin_memory=False, **o: _pinned(empty(*a, **o), pin_memory)
    Tensor.pin_memory = lambda self: _pinned(self.clone())
    stream = SimpleNamespace(wait_stream=lambda other: None)
    torch.cuda.Stream = torch.cuda.current_stream = lambda *_: stream
    torch.cuda.stream = contextlib.nullcontext
    torch.cuda.mem_get_info = lambda device: (memory.free, memory.free)
    for name in ("reset_peak_memory_stats", "max_memory_reserved", "synchronize"):
        setattr(torch.cuda, name, lambda *_: 1)
    train_step.GraphCapture = inference.GraphCapture = RunAgain
    trainer.SYNC_EVERY[NAME], inference.BATCH_SIZE[NAME] = 2, inference.BATCH_SIZE["cuda"]
    OnDevice().__enter__()


def _in_dtype(operation, dtype: torch.dtype):
    """An operation as autocast runs it: with its float32 and bfloat16 tensors in one dtype."""

    def run(*arguments, **options):
        without = torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(KEY))
        with without, torch.autocast(NAME, enabled=False):
            return operation(
                *tree_map_only(Tensor, lambda one: one.to(dtype), arguments), **options
            )

    return run


def _pinned(tensor: Tensor, pin_memory: object = True) -> Tensor:
    tensor.is_in_pinned_memory = bool(pin_memory)
    return tensor
