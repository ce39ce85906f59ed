"""One update of the network."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from renet.config.recipe import Recipe
from renet.network import devices
from renet.network.batch_norm import BatchNorm


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """neon's `GradientDescentMomentum`, which equals PyTorch's SGD on the mean loss."""
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=True,  # one pass over the 25 million parameters
    )


def make_train_step(model: nn.Module, recipe: Recipe, world_size: int = 1) -> "TrainStep":
    """The update of a network that is on its device already (see `devices.to_device`)."""
    as_graph = next(model.parameters()).device.type == "cuda" and world_size == 1
    return (CudaGraphTrainStep if as_graph else TrainStep)(model, recipe, world_size)


class TrainStep:
    """Updates the weights from a batch, and sums up loss and accuracy.

    Attributes:
        sums: (3,) float64, on the device, so that a GPU does not wait for the host to read them:
            loss times samples; correct predictions; batches after which the sum of the losses was
            finite.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, world_size: int = 1):
        """Make the optimizer; with several processes, the gradients are averaged over them."""
        self.recipe = recipe
        self.optimizer = make_optimizer(model, recipe)
        first = next(model.parameters())
        self.device, self.dtype = first.device, first.dtype
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._norms = [layer for layer in model.modules() if isinstance(layer, BatchNorm)]
        self.network = model
        if world_size > 1:
            # Each process has its own running statistics; those of rank 0 are saved.
            self.network = DistributedDataParallel(model, broadcast_buffers=False)

    def __call__(self, pixels: Tensor, targets: Tensor, loss_weight: float = 1.0) -> None:
        """Train on one batch.

        Args:
            pixels: (N, C, H, W) uint8, on the device.
            targets: (N,) int64, on the device.
            loss_weight: factor of this process's mean loss that makes the mean over the processes
                the mean over all samples; 0 for samples that do not count.
        """
        self._update(pixels, targets, loss_weight)

    def _update(self, pixels: Tensor, targets: Tensor, loss_weight: float) -> None:
        for norm in self._norms:
            norm.has_samples = loss_weight > 0
        precision = self.recipe.precision
        with devices.tf32_flags(precision):  # for the backward pass too, unlike autocast
            with devices.precision_context(precision, self.device):
                logits = self.network(pixels).to(self.dtype)
            loss = F.cross_entropy(logits, targets)
            self.optimizer.zero_grad()
            (loss if loss_weight == 1.0 else loss * loss_weight).backward()
            self.optimizer.step()
        samples = len(targets) if loss_weight else 0
        correct = (logits.detach().argmax(1) == targets)[:samples].sum()
        self.sums[:2] += torch.stack([loss.detach().double() * samples, correct.double()])
        self.sums[2] += self.sums[0].isfinite()

    def take_sums(self) -> tuple[float, int, int]:
        """The sums since the last call: loss times samples, correct predictions, finite batches."""
        loss, correct, finite = self.sums.tolist()
        self.sums.zero_()
        return loss, int(correct), int(finite)


class CudaGraphTrainStep(TrainStep):
    """The same on a GPU as a CUDA graph: one launch instead of some thousand.

    The first batches run without a graph, while cuDNN and cuBLAS choose their algorithms and the
    optimizer makes its momentum buffers. The next full batch is captured, and replayed from then
    on. A batch of another size, such as the last one of an epoch, runs without the graph.
    """

    WARMUP_STEPS = 3

    def __init__(self, model: nn.Module, recipe: Recipe, world_size: int = 1):
        """Make the optimizer; nothing is captured yet."""
        super().__init__(model, recipe, world_size)
        self._full_batches = 0
        self._replay: Callable[[], object] | None = None
        self._pixels = self._targets = torch.empty(0)

    def __call__(self, pixels: Tensor, targets: Tensor, loss_weight: float = 1.0) -> None:
        """Train on one batch; see `TrainStep`."""
        if len(targets) != self.recipe.batch_size or loss_weight != 1.0:
            self._update(pixels, targets, loss_weight)
            return
        self._full_batches += 1
        if self._full_batches <= self.WARMUP_STEPS:
            self._warm_up(pixels, targets)
            return
        if self._replay is None:
            self._pixels, self._targets = torch.empty_like(pixels), torch.empty_like(targets)
            self._replay = self._capture()
        self._pixels.copy_(pixels)
        self._targets.copy_(targets)
        self._replay()

    def _warm_up(self, pixels: Tensor, targets: Tensor) -> None:
        """Train on a side stream, which PyTorch requires before a capture."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._update(pixels, targets, 1.0)
        torch.cuda.current_stream().wait_stream(stream)

    def _capture(self) -> Callable[[], object]:
        """Capture an update on the two static input tensors, without running it."""
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad()
        # thread_local: the loader's threads may allocate pinned memory during the capture.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._update(self._pixels, self._targets, 1.0)
        return graph.replay
