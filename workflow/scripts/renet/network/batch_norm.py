"""Batch normalisation as neon 2.6.0 computes it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch normalisation over (N, H, W), with neon's rules for the running statistics.

    Unlike in PyTorch, both statistics start at 0, and `running_var` averages biased variances.
    """

    EPS = 1e-3
    MOMENTUM = 0.1  # as PyTorch defines it; neon's rho is 0.9

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape; in training mode the running statistics are updated."""
        if not self.training:
            return F.batch_norm(
                maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.EPS
            )
        count = maps.numel() // maps.shape[1]
        if count < 2 or not has_accurate_sums(maps.device):
            return Normalise.apply(maps, self.weight, self.bias, *self.take_statistics(maps))
        mean, variance = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        # With momentum 1, PyTorch writes the batch's statistics into `mean` and `variance`.
        normalised = F.batch_norm(
            maps, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.EPS
        )
        self._update_statistics(mean, variance * ((count - 1) / count))
        return normalised

    def take_statistics(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Update the running statistics; return the batch's mean and variance, (C,) float64."""
        mean, variance = batch_statistics(maps.detach())
        self._update_statistics(mean, variance)
        return mean, variance

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.MOMENTUM)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.MOMENTUM)


class Normalise(torch.autograd.Function):
    """Normalisation by the batch's mean and variance, on a CPU from `batch_statistics`."""

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd wants each tensor as an argument)
        ctx, maps: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
    ) -> Tensor:
        """Normalise maps (N, C, H, W) by mean and variance (C,) float64."""
        scale = (variance + BatchNorm.EPS).rsqrt().to(weight.dtype)
        mean, variance = mean.to(weight.dtype), variance.to(weight.dtype)
        ctx.save_for_backward(maps, weight, mean, scale)
        return F.batch_norm(maps, mean, variance, weight, bias, eps=BatchNorm.EPS)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of maps, weight and bias, also through mean and variance.

        PyTorch's kernel adds up in float32. The relative error in sums of two million values was at
        most 1.4e-4. Rounding that flips ReLUs changes a network's gradients by 5e-4, which is more.
        """
        maps, weight, mean, scale = ctx.saved_tensors
        gradients = torch.ops.aten.native_batch_norm_backward(
            gradient.contiguous(memory_format=torch.channels_last), maps, weight,
            running_mean=None, running_var=None, save_mean=mean, save_invstd=scale, train=True,
            eps=BatchNorm.EPS, output_mask=[ctx.needs_input_grad[0], True, True],
        )  # fmt: skip
        return *gradients, None, None


def has_accurate_sums(device: torch.device) -> bool:
    """Whether PyTorch's kernels on this device add up channels-last maps accurately."""
    return device.type != "cpu"


def batch_statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and biased variance of each channel of (N, C, H, W), each (C,) float64.

    On a CPU, PyTorch's kernel adds up the values one by one in float32: the variance of half a
    million values would have a relative error of 3e-4. The kernel therefore gets each group of at
    most eight map rows as a channel. The statistics of the groups are combined in float64.
    """
    if has_accurate_sums(maps.device):
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
        variance, mean = torch.var_mean(maps, (0, 2, 3), unbiased=False)
        return mean.double(), variance.double()
    count, channels, height, width = maps.shape
    values = maps.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    groups = values.reshape(width * math.gcd(count * height, 8), -1, 1, 1)
    dtype = torch.promote_types(maps.dtype, torch.float32)  # of the statistics
    running = maps.new_zeros(2, groups.shape[1], dtype=dtype)
    of_groups = torch.batch_norm_update_stats(groups, *running, momentum=0.0)
    mean, variance = (part.double().view(-1, channels) for part in of_groups)
    return mean.mean(0), variance.mean(0) + mean.var(0, unbiased=False)
