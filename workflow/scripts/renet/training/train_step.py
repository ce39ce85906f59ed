"""One update of a network: forward, loss, backward, all-reduce of the gradients, step."""

import copy
import functools
import math
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from renet.config.train import Recipe
from renet.network import devices
from renet.training import age_groups, processes


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the rate of a step (from 0): first a linear warm-up, then constant or half a cosine.

    The cosine schedule (Loshchilov and Hutter, arXiv:1608.03983) ends at zero.
    """
    rising, total = round(recipe.warm_up * steps_per_epoch), recipe.epochs * steps_per_epoch
    if step < rising:
        return recipe.learning_rate * (step + 1) / (rising + 1)
    if recipe.schedule == "constant":
        return recipe.learning_rate
    done = (step - rising) / max(1, total - rising)
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW or SGD; SGD at a constant rate equals neon's `GradientDescentMomentum`."""
    parameters = [weight for weight in model.parameters() if weight.requires_grad]  # not frozen
    first = parameters[0]
    on_gpu = first.device.type != "cpu"
    # A captured step reads the rate from a tensor on the device. A GPU's kernel needs float32.
    dtype = torch.float32 if on_gpu else torch.float64
    rate = torch.tensor(recipe.learning_rate, dtype=dtype, device=first.device)
    # fused: one pass over the 25 million parameters
    options = {"lr": rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "adamw":
        warnings.filterwarnings("ignore", ".*capturable=True, but step", UserWarning)  # in warm-ups
        return torch.optim.AdamW(parameters, capturable=on_gpu, **options)
    momentum = {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    return torch.optim.SGD(parameters, **momentum, **options)


class TrainStep:
    """Updates the weights from a batch, and sums up loss and accuracy.

    Attributes:
        adjustment: from `renet.training.age_groups.logit_adjustment`.
        captures: whether a step replays two CUDA graphs, instead of some thousand kernel launches.
        signals: signals to stop that this process has received.
        sums: (4,) float64, on the device, over all processes: loss times samples, correct
            predictions, steps with a finite sum of losses, and the number of `signals`.
    """

    def __init__(self, model: nn.Module, recipe: Recipe):
        """Prepare to train `model`, which is on its device (see `devices.to_device`)."""
        self.model = age_groups.WithAges(model) if recipe.age_weight else model
        self.recipe = recipe
        self.adjustment: Tensor | None = None
        self.signals: list[int] = []
        self.optimizer = make_optimizer(self.model, recipe)
        parameters = self.optimizer.param_groups[0]["params"]
        self.device, self.dtype = parameters[0].device, parameters[0].dtype
        self.captures = self.device.type != "cpu"
        self.sums = torch.zeros(4, dtype=torch.float64, device=self.device)
        self._is_alone = processes.size() == 1
        # One all-reduce adds up loss, correct predictions, samples, signals, and the gradients.
        # Each gradient begins at a multiple of 16 bytes, as GPU kernels need it.
        sizes = [] if self._is_alone else [-(-weight.numel() // 4) * 4 for weight in parameters]
        self._added = torch.zeros(4 + sum(sizes), dtype=self.dtype, device=self.device)
        self._metrics, *gradients = self._added.split([4, *sizes])
        for parameter, gradient in zip(parameters, gradients, strict=False):
            parameter.grad = gradient.as_strided(parameter.shape, parameter.stride())
        self._graphs = functools.cache(GraphCapture)
        self._captured: dict[tuple, list[Callable]] = {}  # two graphs for each batch size

    def __call__(self, pixels: Tensor, targets: Tensor, fraction: float = 1.0) -> None:
        """Train on this process's `fraction` of a batch; with fraction 0, the faces do not count.

        Targets are classes, (N,) int64, or weights of the classes, (N, classes); with `age_weight`,
        both are of the joint classes in `renet.training.age_groups`.
        """
        backward, update = self._backward, self._update
        if self.captures and fraction:
            sizes = pixels.shape, targets.shape, fraction
            if sizes not in self._captured:
                self._captured[sizes] = self._capture(pixels, targets, fraction)
            backward, update = self._captured[sizes]
        if fraction:
            backward(pixels, targets, fraction)
        else:
            self._added.zero_()
        self._metrics[3].fill_(len(self.signals))
        if not self._is_alone:
            distributed.all_reduce(self._added)
        update()

    def _backward(self, pixels: Tensor, targets: Tensor, fraction: float) -> None:
        """Compute the gradients and metrics of this process, by forward and backward pass."""
        with devices.precision_context(self.recipe.precision, self.device):
            logits = self.model(pixels).to(self.dtype)
        unadjusted = logits.detach()  # for the accuracy, as in validation
        age_loss: float | Tensor = 0.0
        if self.recipe.age_weight:
            logits, targets, age_loss = age_groups.split(logits, targets, self.adjustment)
        labels, smoothing = targets, float(self.recipe.label_smoothing)
        if targets.is_floating_point():  # the faces are mixed
            targets, labels = targets.to(self.dtype), targets.argmax(1)
        loss = F.cross_entropy(logits, targets, label_smoothing=smoothing)
        self.optimizer.zero_grad(set_to_none=self._is_alone)
        ((loss + self.recipe.age_weight * age_loss) * fraction).backward()
        self._metrics[0].copy_(loss.detach() * fraction)
        self._metrics[1].copy_((unadjusted[:, : logits.shape[1]].argmax(1) == labels).sum())
        self._metrics[2].fill_(len(labels))

    def _update(self) -> None:
        """Step with the gradients of all processes, and add up the metrics."""
        self.optimizer.step()
        loss, correct, samples, signals = self._metrics.double()
        self.sums[:2] += torch.stack([loss * samples, correct])
        self.sums[2:] += torch.stack([self.sums[0].isfinite(), signals])

    def set_rate(self, rate: float) -> None:
        """Set the learning rate; a captured step reads it from the device."""
        self.optimizer.param_groups[0]["lr"].fill_(rate)

    def state(self) -> dict:
        """Return the optimizer's averages and the sums; wait until a GPU is ready."""
        averages = self.optimizer.state_dict()["state"]
        return {"optimizer": {"state": averages}, "sums": self.sums[:3].tolist()}

    def restore(self, state: dict) -> None:
        """Load the saved averages and sums; the optimizer keeps this recipe's settings."""
        settings = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(state["optimizer"] | {"param_groups": settings})
        self.sums[:3] = torch.tensor(state["sums"], dtype=torch.float64)

    def _changed(self) -> list[Tensor]:
        """Return the tensors that a step changes; the optimizer's exist after the first step."""
        averages = [value for state in self.optimizer.state.values() for value in state.values()]
        return [*self.model.parameters(), *self.model.buffers(), *averages, self.sums]

    def _capture(self, pixels: Tensor, targets: Tensor, fraction: float) -> list[Callable]:
        """Capture `_backward` and `_update` for batches of one size.

        Before, steps without a graph let cuDNN and cuBLAS choose algorithms. The steps are undone.
        """
        self.model.train()
        before = {tensor: tensor.clone() for tensor in self._changed()}
        pixels, targets = pixels.clone(), targets.clone()
        backward = functools.partial(self._backward, pixels, targets, fraction)
        self._graphs().warm_up(backward, self._update)
        with torch.no_grad():
            for tensor in self._changed():  # an optimizer's tensors start at 0
                tensor.copy_(before[tensor]) if tensor in before else tensor.zero_()
        self.optimizer.zero_grad(set_to_none=self._is_alone)  # the graph allocates gradients
        replay = self._graphs().capture(backward)

        def copy_and_replay(new_pixels: Tensor, new_targets: Tensor, _: float) -> None:
            pixels.copy_(new_pixels)
            targets.copy_(new_targets)
            replay()

        return [copy_and_replay, self._graphs().capture(self._update)]


class GraphCapture:
    """Captures functions as CUDA graphs, on one stream and with one pool of memory.

    A graph uses the tensors of its capture: new values have to be copied into them. Another graph
    may overwrite a graph's results in the pool.
    """

    WARM_UP_RUNS = 3

    def __init__(self) -> None:
        self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def warm_up(self, *functions: Callable[[], object]) -> None:
        """Run the functions in turn, three times, on the capture's stream, as PyTorch requires."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for function in self.WARM_UP_RUNS * functions:
                function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def capture(self, function: Callable[[], object]) -> Callable[[], object]:
        """Record a function's GPU work without doing it; return a function that does the work."""
        graph = torch.cuda.CUDAGraph()
        # thread_local: the loader's threads may allocate pinned memory during the capture.
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            function()
        return graph.replay


class MovingAverage:
    """Exponential moving average of a network's parameters and buffers, in the copy `network`."""

    def __init__(self, model: nn.Module, decay: float):
        self._model, self._decay = model, decay
        self.network = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after step number `step` (from 0), with a lower decay at first."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averages, values = (
            [value for value in network.state_dict().values() if value.is_floating_point()]
            for network in (self.network, self._model)
        )
        torch._foreach_lerp_(averages, values, 1 - decay)
