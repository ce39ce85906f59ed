"""One update of the network."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from renet.common.errors import InputError
from renet.config.recipe import Recipe
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.cuda_graphs import GraphCapture
from renet.training import processes


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW, or neon's `GradientDescentMomentum`, which equals PyTorch's SGD on the mean loss."""
    first = next(model.parameters())
    on_gpu = first.device.type == "cuda"
    rate: float | Tensor = recipe.learning_rate
    if not (on_gpu and first.dtype == torch.float64):
        # On the device: a captured step reads its present value. A GPU's kernel takes float32.
        dtype = torch.float32 if on_gpu else torch.float64
        rate = torch.tensor(rate, dtype=dtype, device=first.device)
    # fused: one pass over the 25 million parameters
    options = {"lr": rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), **options)
    momentum = {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    return torch.optim.SGD(model.parameters(), **momentum, **options)


def make_train_step(model: nn.Module, recipe: Recipe) -> "TrainStep":
    """The update of a network that is on its device already (see `devices.to_device`)."""
    # Not in float64, whose learning rate is a number, nor with collectives in the forward pass, nor
    # with AdamW, whose state would have to be taken back after the warm-up.
    capturable = recipe.precision != "float64" and not recipe.sync_batchnorm
    capturable = capturable and recipe.optimizer == "sgd"
    on_gpu = next(model.parameters()).device.type == "cuda"
    return (CudaGraphTrainStep if on_gpu and capturable else TrainStep)(model, recipe)


def part_of_batch(batch: np.ndarray) -> tuple[np.ndarray, float]:
    """This process's rows of a batch, and their fraction of it.

    If a batch has fewer rows than there are processes, an empty part becomes the last row, with a
    fraction of 0: each process has to take part in the step.
    """
    rows = batch[processes.part(len(batch))]
    return rows if len(rows) else batch[-1:], len(rows) / len(batch)


class TrainStep:
    """Updates the weights from a batch, and sums up loss and accuracy.

    Attributes:
        sums: (3,) float64, on the device, so that a GPU does not wait for the host to read them:
            loss times samples; correct predictions; batches after which the sum of the losses was
            finite. They are those of all processes.
    """

    def __init__(self, model: nn.Module, recipe: Recipe):
        """Make the optimizer."""
        self.model, self.recipe = model, recipe
        self.optimizer = make_optimizer(model, recipe)
        self.rate = recipe.learning_rate
        parameters = list(model.parameters())
        self.device, self.dtype = parameters[0].device, parameters[0].dtype
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._is_alone = processes.size() == 1
        self._norms = [layer for layer in model.modules() if isinstance(layer, BatchNorm)]
        for norm in self._norms:
            norm.synchronised = recipe.sync_batchnorm and not self._is_alone
        # What the processes add up: loss, correct predictions and samples, and the gradients.
        sizes = [] if self._is_alone else [parameter.numel() for parameter in parameters]
        self._added = torch.zeros(3 + sum(sizes), dtype=self.dtype, device=self.device)
        self._figures, *gradients = self._added.split([3, *sizes])
        for parameter, gradient in zip(parameters, gradients, strict=False):
            parameter.grad = gradient.as_strided(parameter.shape, parameter.stride())

    def __call__(self, pixels: Tensor, targets: Tensor, fraction: float = 1.0) -> None:
        """Train on this process's part of a batch.

        Args:
            pixels: (N, C, H, W) uint8, on the device.
            targets: (N,) int64, on the device; or the weights of the classes, (N, classes).
            fraction: of the samples of the whole batch; 0: these samples do not count.
        """
        self._compute(pixels, targets, fraction)
        self._add_up()
        self._update()

    def set_rate(self, rate: float) -> None:
        """Set the learning rate; a captured step reads it from the device."""
        if rate != self.rate:
            self.rate = rate
            for group in self.optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def capture(self, shape: tuple[int, int, int]) -> None:
        """Prepare for faces (C, H, W): nothing to do without a GPU."""

    def _compute(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        """Forward and backward, to this process's part of the gradients."""
        for norm in self._norms:
            norm.has_samples = fraction > 0
        precision = self.recipe.precision
        with devices.tf32_flags(precision):  # for the backward pass too, unlike autocast
            with devices.precision_context(precision, self.device):
                logits = self.model(pixels).to(self.dtype)
            mixed = targets.is_floating_point()
            loss = F.cross_entropy(
                logits,
                targets.to(self.dtype) if mixed else targets,
                label_smoothing=float(self.recipe.label_smoothing),
            )
            if fraction != 1.0:
                loss = loss * fraction
            self.optimizer.zero_grad(set_to_none=self._is_alone)
            loss.backward()
        samples = len(targets) if fraction else 0
        labels = targets.argmax(1) if mixed else targets
        correct = (logits.detach().argmax(1) == labels)[:samples].sum()
        self._figures[0].copy_(loss.detach())
        self._figures[1].copy_(correct)
        self._figures[2].fill_(samples)

    def _add_up(self) -> None:
        if not self._is_alone:
            distributed.all_reduce(self._added)

    def _update(self) -> None:
        self.optimizer.step()
        loss, correct, samples = self._figures.double()
        self.sums[:2] += torch.stack([loss * samples, correct])
        self.sums[2] += self.sums[0].isfinite()


class CudaGraphTrainStep(TrainStep):
    """The update on a GPU from CUDA graphs: two replays instead of some thousand launches.

    A batch that is not full, such as the last one of an epoch, runs without the graphs.
    """

    _replays: tuple[Callable[[], object], Callable[[], object]] | None = None

    def __call__(self, pixels: Tensor, targets: Tensor, fraction: float = 1.0) -> None:
        """Train on one batch; see `TrainStep`."""
        rows, full = part_of_batch(np.arange(self.recipe.batch_size))
        if (len(targets), fraction) != (len(rows), full):
            super().__call__(pixels, targets, fraction)
            return
        if not self._replays:
            self.capture(pixels.shape[1:])
        compute, update = self._replays  # type: ignore[misc]  # captured above
        self._pixels.copy_(pixels)
        self._targets.copy_(targets)
        compute()
        self._add_up()
        update()

    def capture(self, shape: tuple[int, int, int]) -> None:
        """Capture the step for full batches of faces (C, H, W), and leave the training as it is.

        Before that some steps run without a graph, while cuDNN and cuBLAS choose their algorithms.
        """
        self.model.train()
        rows, fraction = part_of_batch(np.arange(self.recipe.batch_size))
        changed, mixed = self.recipe.augments, self.recipe.mixup > 0
        pixel_type = torch.float32 if changed else torch.uint8
        self._pixels = torch.zeros((len(rows), *shape), dtype=pixel_type, device=self.device)
        self._targets = torch.zeros(len(rows), dtype=torch.int64, device=self.device)
        if mixed:
            self._targets = F.one_hot(self._targets, self.model.architecture.classes).float()
        for parameter in self.model.parameters():
            momentum = self.optimizer.state[parameter]
            momentum.setdefault("momentum_buffer", torch.zeros_like(parameter))
        momenta = [state["momentum_buffer"] for state in self.optimizer.state.values()]
        tensors = [*self.model.state_dict().values(), *momenta, self.sums]
        before = [tensor.clone() for tensor in tensors]

        def compute() -> None:
            self._compute(self._pixels, self._targets, fraction)

        def compute_and_update() -> None:
            compute()
            self._update()

        graphs = GraphCapture()
        graphs.warm_up(compute_and_update)
        with torch.no_grad():
            torch._foreach_copy_(tensors, before)
        self.optimizer.zero_grad(set_to_none=self._is_alone)  # the graph has gradients of its own
        self._replays = graphs.capture(compute), graphs.capture(self._update)


@contextlib.contextmanager
def explain_out_of_memory(batch_size: int) -> Iterator[None]:
    """Raise an `InputError` with the batch size where memory is lacking."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # PyTorch has no class for a failed allocation on a CPU.
        kinds = MemoryError | torch.OutOfMemoryError
        if not isinstance(error, kinds) and "can't allocate memory" not in str(error):
            raise
        raise InputError(
            f"The memory does not suffice for batches of {batch_size} faces ({error}); lower "
            "train.batch_size, or train in more processes."
        ) from error
