"""Operations and bytes of a training step, counted without a GPU, and their bounds for an H100.

    python benchmarks/gpu_bounds.py

An update of the course's network is traced without data. The bytes are counted in two ways:

    by kernel   Each kernel reads its inputs from memory and writes its outputs to it, as in this
                project's code, in the branches for a GPU. BatchNorm reads its maps twice: for the
                statistics and to normalise.
    by layer    In each pass, a layer reads or writes its input, its output, its weights and their
                gradients once, whatever the implementation does. A ReLU and a pooling belong to the
                layer before them, and the normalisation of the pixels to the first convolution.

Only the operations of products and convolutions are counted. The bound by layers adds up the times
of all layers and passes; each takes the time of its operations or of its bytes, whichever is
longer. The speeds are the peaks of the data sheet (H100 SXM), of which a real program reaches a
fraction.
"""

import sys
import time
from collections.abc import Iterator

import measuring
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from renet.config.model import AnyArchitecture, Architecture
from renet.config.train import Recipe
from renet.network import batch_norm, devices
from renet.network.kinds.renet import ReNet
from renet.training.train_step import TrainStep

SHAPE = (3, 128, 128)
MEMORY = 3.35e12  # bytes a second
PEAKS = {"float32": 67e12, "bfloat16": 989e12}  # operations a second
# Tensors of the size of the weights that an update reads or writes; the moving average, three more.
UPDATE = {"sgd": 5, "adamw": 7}

aten = torch.ops.aten
# Reads of the maps, and of their gradient, beyond the first one.
SECOND_READS = {aten.native_batch_norm: (0,), aten.native_batch_norm_backward: (0, 1)}
TIMED = {*flop_registry, aten.conv2d}  # inference dispatches conv2d, not aten.convolution
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


class Kernels(Traffic):
    """Also times each product and convolution alone, at its own shape.

    Attributes:
        seconds: sum over them of the fastest of three times, on a CPU.
    """

    def __init__(self):
        super().__init__()
        self.seconds = 0.0

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        """Run an operation, count it, and time it if it is a product or a convolution."""
        options, taken = options or {}, []
        if operation.overloadpacket in TIMED:
            out = {"out": torch.empty_like(options["out"])} if "out" in options else {}
            for _ in range(3):
                started = time.perf_counter()
                operation(*arguments, **options | out)
                taken.append(time.perf_counter() - started)
            self.seconds += min(taken)
        return super().__torch_dispatch__(operation, types, arguments, options)

    @property
    def rest(self) -> int:
        """Bytes of the other operations."""
        timed = set(map(str, TIMED))
        return sum(moved for name, moved in self.by_operation.items() if name not in timed)


def make_fake(model: nn.Module) -> None:
    """Replace the tensors of a network by fake ones; in a FakeTensorMode."""
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is None:  # a bias that the layer lacks
                    continue
                fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
                tensors[name] = nn.Parameter(fake) if tensors is module._parameters else fake


def layers_of(model: nn.Module) -> Iterator[nn.Module]:
    """The layers that are computed in one pass each."""
    layers = dict(model.named_children())
    yield nn.Sequential(*(layers.pop(name) for name in ("norm", "bn0", "conv1")))
    for name, layer in layers.items():
        if pool := layers.get(f"pool{name.removeprefix('bn')}"):
            yield nn.Sequential(layer, pool)
        elif not name.startswith("pool"):
            yield layer


def passes(
    architecture: AnyArchitecture, recipe: Recipe, is_training: bool = True
) -> list[tuple[int, int]]:
    """Operations and bytes of each layer over a batch: forward, and backward and in the update."""
    found = []
    model = devices.to_device(ReNet(SHAPE, architecture), torch.device("cpu"))
    with FakeTensorMode(), torch.no_grad():
        make_fake(model)
        output = torch.empty((recipe.batch_size, *SHAPE), dtype=torch.uint8)
        for number, layer in enumerate(layers_of(model)):
            inputs, weights = output, sum(weight.nbytes for weight in layer.parameters())
            with (
                FlopCounterMode(display=False) as counter,
                devices.precision_context(recipe.precision, inputs.device),
            ):
                output = layer(inputs)
            operations, moved = counter.get_total_flops(), inputs.nbytes + output.nbytes
            found.append((operations, moved + weights))
            if is_training:
                gradients = 2 if number else 1  # of the weights, and of the input but for pixels
                moved += (gradients - 1) * inputs.nbytes + 2 * weights
                updated = UPDATE[recipe.optimizer] + 3 * bool(recipe.ema)
                found += [(gradients * operations, moved), (0, updated * weights)]
    return found


def seconds(parts: list[tuple[int, int]], operations: float, moved: float) -> float:
    """The least time of parts, one after another, at these operations and bytes a second."""
    return sum(max(part[0] / operations, part[1] / moved) for part in parts)


def traffic_of(architecture: AnyArchitecture, recipe: Recipe) -> Traffic:
    """The bytes that an update of a batch reads and writes on a GPU."""
    batch_norm.has_accurate_sums = lambda device: True  # the branches of a GPU
    model = devices.to_device(ReNet(SHAPE, architecture), torch.device("cpu")).train()
    with FakeTensorMode():
        make_fake(model)
        step = TrainStep(model, recipe)
        pixels = torch.empty((recipe.batch_size, *SHAPE), dtype=torch.uint8)
        targets = torch.zeros(recipe.batch_size, dtype=torch.int64)
        step(pixels, targets)  # makes the momentum buffers
        with Traffic() as traffic:
            step(pixels, targets)
    return traffic


def main() -> None:
    """Print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--batch-size", type=int, default=512)
    size, rows = parser.parse_args().batch_size, []
    print(f"An update of {size} faces, per image; the bounds are those of an H100, in images/s\n")
    for precision, peak in PEAKS.items():
        recipe = Recipe(batch_size=size, precision=precision)
        parts = passes(Architecture(), recipe)
        operations, by_layer = (sum(values) / size for values in zip(*parts, strict=True))
        traffic = traffic_of(Architecture(), recipe)
        by_kernel = sum(traffic.by_operation.values()) / size
        row = [precision, f"{operations / 1e9:.2f}", f"{peak / operations:,.0f}"]
        for moved in (by_kernel, by_layer):
            row += [f"{moved / 1e6:.1f}", f"{MEMORY / moved:,.0f}"]
        rows.append([*row, f"{size / seconds(parts, peak, MEMORY):,.0f}", traffic.kernels])
        largest = sorted(traffic.by_operation.items(), key=lambda item: -item[1])[:5]
        names = (f"{name} {moved / size / 1e6:.1f}" for name, moved in largest)
        print(f"{precision}: MB of the largest: {', '.join(names)}", file=sys.stderr)
    counts = ["GFLOP", "bound", "MB by kernel", "bound", "MB by layer", "bound"]
    measuring.print_table(["precision", *counts, "bound by layers", "kernels"], rows)


if __name__ == "__main__":
    main()
