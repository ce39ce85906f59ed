"""Operations at which a GPU and the host that feeds it would have to wait for one another."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
# Their results are Python values, or tensors whose size the host learns from the device.
READS = {
    aten._local_scalar_dense, aten.item, aten.equal, aten.is_nonzero, aten.nonzero,
    aten.masked_select, aten._unique2, aten.unique_dim, aten.unique_consecutive,
    aten.bincount, aten.repeat_interleave,
}  # fmt: skip


class HostWaits(Exception):
    """An operation that makes the host wait."""


class NoHostWaits(TorchDispatchMode):
    """Raises `HostWaits` at such an operation; on any device, the CPU included.

    On a CPU, a tensor made of Python values (`torch.tensor`) stands for a copy to the device, and
    `tolist` and `numpy` go unnoticed: they read its memory. With fake tensors they fail.
    """

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        """Run the operation unless the host would wait."""
        result = operation(*arguments, **(options or {}))
        if operation.overloadpacket in READS:
            raise HostWaits(f"{operation} tells the host a value")
        tensors = list(tensors_of([arguments, options, result]))
        if operation.overloadpacket in (aten.index, aten.index_put_, aten.index_put) and any(
            tensor.dtype == torch.bool for tensor in tensors_of(arguments[1])
        ):
            raise HostWaits(f"{operation} selects by a mask")
        # A tensor without dimensions is no copy: its number goes to the device with the kernel.
        if operation.overloadpacket is aten.lift_fresh and result.dim():
            raise HostWaits(f"{operation} makes a tensor of the host's values")
        found = {tensor.device for tensor in tensors if tensor.dim()}
        if len(found) > 1:
            raise HostWaits(f"{operation} copies between devices: {found}")
        return result


def tensors_of(values: object) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    return (value for value in tree_leaves(values) if isinstance(value, Tensor))
