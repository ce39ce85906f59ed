"""One update of the network."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from renet.common.errors import InputError, lack_of_memory
from renet.config.recipe import Recipe
from renet.network import devices
from renet.network.batch_norm import BatchNorm
from renet.network.cuda_graphs import CapturedFunction, GraphCapture
from renet.training import processes
from renet.training.schedule import part_of_batch


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW, or neon's `GradientDescentMomentum`, which equals PyTorch's SGD on the mean loss."""
    parameters = [one for one in model.parameters() if one.requires_grad]  # others are frozen
    first = parameters[0]
    on_gpu = first.device.type != "cpu"
    rate: float | Tensor = recipe.learning_rate
    if not (on_gpu and first.dtype == torch.float64):
        # On the device: a captured step reads its present value. A GPU's kernel takes float32.
        dtype = torch.float32 if on_gpu else torch.float64
        rate = torch.tensor(rate, dtype=dtype, device=first.device)
    # fused: one pass over the 25 million parameters
    options = {"lr": rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "adamw":
        warnings.filterwarnings("ignore", ".*capturable=True, but step", UserWarning)  # in warm-ups
        return torch.optim.AdamW(parameters, capturable=on_gpu, **options)
    momentum = {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    return torch.optim.SGD(parameters, **momentum, **options)


class TrainStep:
    """Updates the weights from a batch, and sums up loss and accuracy.

    On a GPU it runs from CUDA graphs: two replays instead of some thousand launches. The last batch
    of an epoch has its own. They share the memory of their activations.

    Attributes:
        captures: whether there are graphs.
        sums: (3,) float64, on the device, so that a GPU does not wait for the host to read them:
            loss times samples; correct predictions; batches after which the sum of the losses was
            finite. They are those of all processes.
    """

    def __init__(self, model: nn.Module, recipe: Recipe):
        """Make the optimizer of a network that is on its device (see `devices.to_device`)."""
        self.model, self.recipe = model, recipe
        self.optimizer = make_optimizer(model, recipe)
        parameters = self.optimizer.param_groups[0]["params"]
        self.device, self.dtype = parameters[0].device, parameters[0].dtype
        # Not in float64, whose learning rate is a number, nor with collectives in the forward pass.
        self.captures = self.device.type != "cpu" and recipe.precision != "float64"
        self.captures &= not recipe.sync_batchnorm
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._graphs: GraphCapture | None = None
        self._captured: list[tuple[CapturedFunction, CapturedFunction]] = []
        self._is_alone = processes.size() == 1
        self._norms = [layer for layer in model.modules() if isinstance(layer, BatchNorm)]
        for norm in self._norms:
            norm.synchronised = recipe.sync_batchnorm and not self._is_alone
        # What the processes add up: loss, correct predictions and samples, and the gradients.
        # Each begins at a multiple of 16 bytes, as a GPU reads them.
        sizes = [] if self._is_alone else [-(-one.numel() // 4) * 4 for one in parameters]
        self._added = torch.zeros(4 + sum(sizes), dtype=self.dtype, device=self.device)
        self._figures, *gradients = self._added.split([4, *sizes])
        for parameter, gradient in zip(parameters, gradients, strict=False):
            parameter.grad = gradient.as_strided(parameter.shape, parameter.stride())

    def __call__(self, pixels: Tensor, targets: Tensor, fraction: float = 1.0) -> None:
        """Train on this process's part of a batch.

        Args:
            pixels: (N, C, H, W) uint8, on the device.
            targets: (N,) int64, on the device; or the weights of the classes, (N, classes).
            fraction: of the samples of the whole batch; 0: these samples do not count.
        """
        compute, update = self._functions(pixels, targets, fraction)
        compute(pixels, targets, fraction)
        if self.sharpness_aware:
            self._ascend(pixels, targets, fraction)
        if not self._is_alone:
            distributed.all_reduce(self._added)
        update()

    def set_rate(self, rate: float) -> None:
        """Set the learning rate; a captured step reads it from the device."""
        (group,) = self.optimizer.param_groups
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate

    def state(self) -> dict:
        """The averages of the gradients, and the sums; waits for the device."""
        averages = self.optimizer.state_dict()["state"]
        return {"optimizer": {"state": averages}, "sums": self.sums.tolist()}

    def restore(self, state: dict) -> None:
        """Continue with this recipe's settings, not with those of the saved training."""
        settings = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(state["optimizer"] | {"param_groups": settings})
        self.sums.copy_(torch.tensor(state["sums"], dtype=torch.float64))

    def _changed(self) -> list[Tensor]:
        """The tensors that a step changes; those of the optimizer exist after its first step."""
        averages = [value for state in self.optimizer.state.values() for value in state.values()]
        return [*self.model.parameters(), *self.model.buffers(), *averages, self.sums]

    sharpness_aware = False

    def _ascend(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        """Replace the gradients by those at the weights a step uphill (SAM)."""
        parameters = [one for one in self.model.parameters() if one.grad is not None]
        figures = self._figures.clone()
        buffers = [one.clone() for one in self.model.buffers()]
        before = [one.detach().clone() for one in parameters]
        with torch.no_grad():
            gradients = [one.grad for one in parameters]
            norm = torch.stack(torch._foreach_norm(gradients)).norm()
            torch._foreach_add_(parameters, torch._foreach_mul(gradients, self.recipe.sam / (norm + 1e-12)))
        self._compute(pixels, targets, fraction)
        with torch.no_grad():
            torch._foreach_copy_(parameters, before)
            torch._foreach_copy_(list(self.model.buffers()), buffers)
        self._figures.copy_(figures)

    def _compute(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        """Forward and backward, to this process's part of the gradients."""
        for norm in self._norms:
            norm.has_samples = fraction > 0
        precision = self.recipe.precision
        with devices.tf32_flags(precision):  # for the backward pass too, unlike autocast
            with devices.precision_context(precision, self.device):
                logits = self.model(pixels).to(self.dtype)
            mixed = targets.is_floating_point()
            age_loss = 0
            if self.recipe.age_weight:
                joint = targets.to(self.dtype) if mixed else F.one_hot(targets, 14).to(self.dtype)
                joint = joint.view(-1, 7, 2)
                age_loss = self.recipe.age_weight * F.cross_entropy(logits[:, 2:], joint.sum(2)[:, :6])
                targets = joint.sum(1) if mixed else targets % 2
                logits = logits[:, :2]
            loss = age_loss + F.cross_entropy(
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

    def _update(self) -> None:
        self.optimizer.step()
        loss, correct, samples, _ = self._figures.double()
        self.sums[:2] += torch.stack([loss * samples, correct])
        self.sums[2] += self.sums[0].isfinite()

    def prepare(self, shape: tuple[int, int, int]) -> None:
        """Capture the step, if it is to be, for full batches of faces (C, H, W)."""
        rows, fraction = part_of_batch(np.arange(self.recipe.batch_size))
        pixel_type = torch.float32 if self.recipe.augments else torch.uint8
        pixels = torch.zeros((len(rows), *shape), dtype=pixel_type, device=self.device)
        targets = torch.zeros(len(rows), dtype=torch.int64, device=self.device)
        if self.recipe.mixup:
            targets = F.one_hot(targets, 14 if self.recipe.age_weight else 2).float()
        self._functions(pixels, targets, fraction)

    def _functions(self, *batch: Tensor | float) -> tuple[Callable, Callable]:
        """`_compute` and `_update`, or their graphs for such a batch, which may be captured now."""
        if not self.captures:
            return self._compute, self._update
        known = (graphs for graphs in self._captured if graphs[0].takes(*batch))
        return next(known, None) or self._capture(*batch)

    def _capture(self, *batch: Tensor | float) -> tuple[CapturedFunction, CapturedFunction]:
        """Capture the step for such batches; the training stays as it is.

        Before that some steps run without a graph, while cuDNN and cuBLAS choose their algorithms.
        """
        self.model.train()
        self._graphs = self._graphs or GraphCapture()
        before = {one: one.clone() for one in self._changed()}
        self._graphs.warm_up(functools.partial(self._compute, *batch), self._update)
        with torch.no_grad():
            for one in self._changed():  # an optimizer begins with zeros
                one.copy_(before[one]) if one in before else one.zero_()
        self.optimizer.zero_grad(set_to_none=self._is_alone)  # a graph has gradients of its own
        own = [one.clone() if isinstance(one, Tensor) else one for one in batch]
        compute = CapturedFunction(self._graphs, self._compute, *own)
        self._captured.append((compute, CapturedFunction(self._graphs, self._update)))
        return self._captured[-1]


@contextlib.contextmanager
def explain_out_of_memory(batch_size: int) -> Iterator[None]:
    """Raise an `InputError` with the batch size where memory is lacking."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (shortage := lack_of_memory(error)):
            raise
        raise InputError(
            f"{shortage}; lower train.batch_size, which is {batch_size}, or raise train.processes."
        ) from error
