"""Batch normalisation as neon 2.6.0 computes it, in one process or over several."""

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch normalisation over (N, H, W), with neon's rules for the running statistics.

    Unlike in PyTorch, the running mean and variance start at 0, and the running variance is updated
    with the biased variance of the batch. Both move by a tenth of the difference with each batch.
    eps is 1e-3.

    Attributes:
        synchronised: True: the processes of a training normalise by the statistics of the whole
            batch; False: each by those of its own slice.
        has_samples: False in a process whose slice of the batch is empty. It computes with another
            sample to stay in step with the other processes, and its statistics do not count.
    """

    EPS = 1e-3
    MOMENTUM = 0.1  # as PyTorch defines it; neon's rho is 0.9

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))
        self.synchronised, self.has_samples = False, True

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape; in training mode the running statistics are updated."""
        if not self.training:
            return F.batch_norm(
                maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.EPS
            )
        count = maps.numel() // maps.shape[1]
        if self.synchronised:
            count = count if self.has_samples else 0
            mean, variance = all_reduce_statistics(*batch_statistics(maps.detach()), count)
            self._update_statistics(mean, variance)
            return SynchronisedNorm.apply(
                maps, self.weight, self.bias, mean, variance, self.EPS, count
            )
        if count == 1:  # PyTorch refuses a single value per channel; its variance is 0
            self._update_statistics(maps.detach().flatten(), torch.zeros_like(self.running_var))
            centred = maps - maps  # zero, but part of the graph
            return self.weight.reshape(1, -1, 1, 1) * centred + self.bias.reshape(1, -1, 1, 1)
        normalised, mean, variance = normalise(maps, self.weight, self.bias, self.EPS)
        self._update_statistics(mean, variance)
        return normalised

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.MOMENTUM)
        self.running_var.lerp_(variance, self.MOMENTUM)


def normalise(
    maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised maps (N, C, H, W), and the batch's mean and biased variance, each (C,)."""
    dtype = torch.promote_types(maps.dtype, torch.float32)
    mean = torch.zeros(maps.shape[1], dtype=dtype, device=maps.device)
    variance = torch.zeros_like(mean)
    # With momentum 1 PyTorch writes the statistics of the batch into these two, at no cost.
    normalised = F.batch_norm(
        maps, mean, variance, weight, bias, training=True, momentum=1.0, eps=eps
    )
    count = maps.numel() // maps.shape[1]
    return normalised, mean, variance * ((count - 1) / count)


def batch_statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of (N, C, H, W), each (C,)."""
    if maps.numel() == maps.shape[1]:
        mean = maps.flatten().to(torch.promote_types(maps.dtype, torch.float32))
        return mean, torch.zeros_like(mean)
    return normalise(maps, None, None, 1.0)[1:]


def all_reduce_statistics(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over the maps of all processes, each (C,), from those of each.

    Args:
        count: number of this process's values per channel; 0 leaves them out.
    """
    wide = mean.double()
    moments = torch.cat([wide, variance.double() + wide**2, torch.ones_like(wide[:1])])
    sums = moments * count
    torch.distributed.all_reduce(sums)
    first, second = (sums[:-1] / sums[-1]).chunk(2)
    return first.to(mean.dtype), (second - first**2).clamp(min=0).to(mean.dtype)


class SynchronisedNorm(torch.autograd.Function):
    """Normalisation by statistics over all processes; PyTorch's SyncBatchNorm is for GPUs only."""

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd wants each tensor as an argument)
        ctx,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        count: int,
    ) -> Tensor:
        """Normalise maps (N, C, H, W) by the statistics from `all_reduce_statistics`."""
        ctx.save_for_backward(maps, weight, mean, (variance + eps).rsqrt())
        ctx.count = count
        return F.batch_norm(maps, mean, variance, weight, bias, eps=eps)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of maps, weight and bias; mean and variance are functions of the maps."""
        maps, weight, mean, scale = ctx.saved_tensors
        shape = (1, -1, 1, 1)
        normal = (maps - mean.view(shape)) * scale.view(shape)
        bias_gradient = gradient.sum((0, 2, 3), dtype=mean.dtype)
        weight_gradient = (gradient * normal).sum((0, 2, 3), dtype=mean.dtype)
        count = torch.full_like(bias_gradient[:1], ctx.count, dtype=torch.double)
        sums = torch.cat([bias_gradient.double(), weight_gradient.double(), count])
        torch.distributed.all_reduce(sums)
        by_mean, by_variance = (sums[:-1] / sums[-1]).to(mean.dtype).chunk(2)
        centred = gradient - by_mean.view(shape) - normal * by_variance.view(shape)
        maps_gradient = (centred * (weight * scale).view(shape)).to(maps.dtype)
        if not ctx.count:  # the statistics do not depend on these maps
            maps_gradient = torch.zeros_like(maps_gradient)
        return maps_gradient, weight_gradient, bias_gradient, None, None, None, None
