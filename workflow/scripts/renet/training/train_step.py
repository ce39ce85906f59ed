"""One update of the network, and one answer of it, as fast as the device can."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from renet.config.recipe import Recipe
from renet.network import devices
from renet.network.layers import BatchNorm


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """neon's `GradientDescentMomentum`, which equals torch's SGD on the mean loss."""
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=True,  # one pass over the 25 million parameters
    )


def make_train_step(model: nn.Module, recipe: Recipe, processes: int = 1) -> "TrainStep":
    """The update for a network that is on its device already (`devices.to_device`)."""
    recorded = next(model.parameters()).device.type == "cuda" and processes == 1
    return (RecordedTrainStep if recorded else TrainStep)(model, recipe, processes)


class TrainStep:
    """An update of the weights from a batch, and sums over the batches that it saw.

    The sums stay on the device, so that a GPU never waits for the host to read them:

    Attributes:
        sums: (3,) float64: loss, times samples; right answers; batches after which the sum of the
            losses was still a finite number.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, processes: int = 1):
        """Prepare the optimizer; more than one process shares the gradients with the others."""
        self.recipe = recipe
        self.optimizer = make_optimizer(model, recipe)
        first = next(model.parameters())
        self.device, self.dtype = first.device, first.dtype
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._norms = [layer for layer in model.modules() if isinstance(layer, BatchNorm)]
        self.network = model
        if processes > 1:
            # The running statistics are each process's own: what is stored is the first one's.
            self.network = DistributedDataParallel(model, broadcast_buffers=False)

    def __call__(self, pixels: Tensor, targets: Tensor, share: float = 1.0) -> None:
        """Train on one batch.

        Args:
            pixels: (N, C, H, W) uint8, on the device.
            targets: (N,) int64, on the device.
            share: what this process's mean loss is multiplied by, so that the mean over the
                processes is that over their samples; 0 for samples that do not count.
        """
        self._update(pixels, targets, share)

    def _update(self, pixels: Tensor, targets: Tensor, share: float) -> None:
        for norm in self._norms:
            norm.counted = share > 0
        precision = self.recipe.precision
        with devices.tf32_flags(precision):  # for the backward pass too, unlike autocast
            with devices.precision_context(precision, self.device):
                logits = self.network(pixels).to(self.dtype)
            loss = F.cross_entropy(logits, targets)
            self.optimizer.zero_grad()
            (loss if share == 1.0 else loss * share).backward()
            self.optimizer.step()
        self._count(logits.detach(), loss.detach(), targets, len(targets) if share else 0)

    def _count(self, logits: Tensor, loss: Tensor, targets: Tensor, samples: int) -> None:
        right = (logits.argmax(1) == targets)[:samples].sum()
        self.sums[:2] += torch.stack([loss.double() * samples, right.double()])
        self.sums[2] += self.sums[0].isfinite()

    def take_sums(self) -> tuple[float, int, int]:
        """The sums since the last call: loss times samples, right answers, finite batches."""
        loss, right, finite = self.sums.tolist()
        self.sums.zero_()
        return loss, int(right), int(finite)


class RecordedTrainStep(TrainStep):
    """The same on a GPU, recorded as a CUDA graph: one launch instead of some thousand.

    The first batches run as they are (cuDNN and cuBLAS make their choices, the momentum begins),
    then a batch of the full size is recorded, and replayed from there on. A batch of another size,
    as an epoch's last, runs as it is.
    """

    UNRECORDED = 3

    def __init__(self, model: nn.Module, recipe: Recipe, processes: int = 1):
        """Prepare the optimizer; nothing is recorded yet."""
        super().__init__(model, recipe, processes)
        self._full_batches = 0
        self._replay: Callable[[], object] | None = None
        self._pixels = self._targets = torch.empty(0)

    def __call__(self, pixels: Tensor, targets: Tensor, share: float = 1.0) -> None:
        """Train on one batch; see `TrainStep`."""
        if len(targets) != self.recipe.batch_size or share != 1.0:
            self._update(pixels, targets, share)
            return
        self._full_batches += 1
        if self._full_batches <= self.UNRECORDED:
            self._warm_up(pixels, targets)
            return
        if self._replay is None:
            self._pixels, self._targets = torch.empty_like(pixels), torch.empty_like(targets)
            self._replay = self._record()
        self._pixels.copy_(pixels)
        self._targets.copy_(targets)
        self._replay()

    def _warm_up(self, pixels: Tensor, targets: Tensor) -> None:
        """An update on a stream of its own, as recording wants it to have been."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._update(pixels, targets, 1.0)
        torch.cuda.current_stream().wait_stream(stream)

    def _record(self) -> Callable[[], object]:
        """Record an update from the two fixed places of a batch, without doing it."""
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad()
        # The threads that read ahead may allocate pinned memory meanwhile, which is their affair.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._update(self._pixels, self._targets, 1.0)
        return graph.replay
