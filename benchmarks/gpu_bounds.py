"""Operations and bytes of a training step, counted without a GPU, and their bounds for an H100.

    python benchmarks/gpu_bounds.py

One update of the course's network is traced without data, in the code paths of a GPU. PyTorch's
counter counts the floating-point operations. The bytes are counted in two ways:

    by kernel   Each kernel reads its inputs from memory and writes its outputs to it, as in this
                project's code. BatchNorm reads its maps twice: for the statistics and to normalise.
    by tensor   Each layer and its ReLU are computed in one pass, and only the outputs of layers are
                kept. An output is written and read once in the forward pass and read once in the
                backward pass; its gradient is written and read once. Weights, gradients and
                momentum are read and written as often as the products and the update need them.

The speeds are the peaks of the data sheet (H100 SXM), of which a real program reaches a fraction.
"""

import sys

import measuring
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from renet.config.model import Architecture
from renet.config.train import Recipe
from renet.network import batch_norm, devices
from renet.network.kinds.renet import ReNet
from renet.training.train_step import TrainStep

SHAPE = (3, 128, 128)
MEMORY = 3.35e12  # bytes a second
PEAKS = {"float32": 67e12, "bfloat16": 989e12}  # operations a second
PASSES = 5  # over each output of a layer, in the count by tensor
WEIGHT_PASSES = 2 + 1 + 5  # products; gradient written; update: three tensors read, two written

aten = torch.ops.aten
# Reads of the maps, and of their gradient, beyond the first one.
SECOND_READS = {aten.native_batch_norm: (0,), aten.native_batch_norm_backward: (0, 1)}
NO_KERNEL = {aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided, aten.detach}


class Traffic(TorchDispatchMode):
    """Adds up the bytes that kernels read and write.

    Attributes:
        kernels: number of operations that are no views.
        by_operation: bytes by the name of the operation.
    """

    def __init__(self):
        super().__init__()
        self.kernels, self.by_operation = 0, {}

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        """Run an operation and count it."""
        options = options or {}
        result = operation(*arguments, **options)
        packet = operation.overloadpacket
        if operation.is_view or packet in NO_KERNEL or "_unsafe_view" in str(operation):
            return result
        read = [value for value in tree_leaves([arguments, options]) if isinstance(value, Tensor)]
        written = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        if packet is aten.copy_:
            read = read[1:]  # the target's values are not needed
        if packet is aten._fused_sgd_:  # in place: the weights and their momentum
            written = [*arguments[0], *arguments[2]]
        if not written:
            return result  # a question about a tensor
        read += [arguments[place] for place in SECOND_READS.get(packet, ())]
        self.kernels += 1
        moved = sum(value.nbytes for value in [*read, *written])
        self.by_operation[str(packet)] = self.by_operation.get(str(packet), 0) + moved
        return result


def make_fake(model: nn.Module) -> None:
    """Replace the tensors of a network by fake ones; in a FakeTensorMode."""
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
                tensors[name] = nn.Parameter(fake) if tensors is module._parameters else fake


def count(precision: str, batch_size: int) -> dict[str, float]:
    """Operations, bytes by both counts, and kernels, of one update; all but the last per image."""
    batch_norm.has_accurate_sums = lambda device: True  # the branches of a GPU
    model = devices.to_device(ReNet(SHAPE, Architecture()), torch.device("cpu")).train()
    outputs: list[int] = []
    for layer in model.children():
        layer.register_forward_hook(lambda *parts: outputs.append(parts[-1].nbytes))
    # conv1 is computed together with bn0, so that neither is called.
    model.bn1.register_forward_pre_hook(lambda _, inputs: outputs.append(inputs[0].nbytes))
    with FakeTensorMode():
        make_fake(model)
        step = TrainStep(model, Recipe(batch_size=batch_size, precision=precision))
        pixels = torch.empty((batch_size, *SHAPE), dtype=torch.uint8)
        targets = torch.zeros(batch_size, dtype=torch.int64)
        step(pixels, targets)  # makes the momentum buffers
        outputs.clear()
        with FlopCounterMode(display=False) as operations, Traffic() as traffic:
            step(pixels, targets)
    weights = sum(weight.nbytes for weight in model.parameters())
    by_tensor = PASSES * sum(outputs) + WEIGHT_PASSES * weights
    by_kernel = sum(traffic.by_operation.values())
    return {
        "GFLOP": operations.get_total_flops() / batch_size / 1e9,
        "MB by kernel": by_kernel / batch_size / 1e6,
        "MB by tensor": by_tensor / batch_size / 1e6,
        "kernels": traffic.kernels,
        "largest": sorted(traffic.by_operation.items(), key=lambda item: -item[1])[:5],
    }


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--batch-size", type=int, default=512)
    size, rows = parser.parse_args().batch_size, []
    print(f"An update of {size} faces, per image; the bounds are those of an H100, in images/s\n")
    for precision, peak in PEAKS.items():
        found = count(precision, size)
        row = [precision, f"{found['GFLOP']:.2f}", f"{peak / found['GFLOP'] / 1e9:,.0f}"]
        for kind in ("MB by kernel", "MB by tensor"):
            row += [f"{found[kind]:.1f}", f"{MEMORY / found[kind] / 1e6:,.0f}"]
        rows.append([*row, found["kernels"]])
        largest = [f"{name} {moved / size / 1e6:.1f}" for name, moved in found["largest"]]
        print(f"{precision}: MB of the largest: {', '.join(largest)}", file=sys.stderr)
    bounds = ["GFLOP", "bound", "MB by kernel", "bound", "MB by tensor", "bound", "kernels"]
    measuring.print_table(["precision", *bounds], rows)


if __name__ == "__main__":
    main()
