"""Batch normalisation as neon 2.6.0 computes it, in one process or over several."""

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

GROUP_ROWS = 256  # a CPU sums up fewer rows in float32, before the sums are added in float64


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
        count = self._count(maps)
        if has_accurate_sums(maps.device) and count > 1 and not self.synchronised:
            return self._by_library(maps, count)
        mean, variance = self.take_statistics(maps)
        group = torch.distributed.group.WORLD if self.synchronised else None
        return Normalise.apply(maps, self.weight, self.bias, mean, variance, count, group)

    def take_statistics(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Update the running statistics; return mean and variance (C,) float64 of the batch."""
        count = self._count(maps)
        mean, variance = batch_statistics(maps.detach())
        if self.synchronised:
            mean, variance = all_reduce_statistics(mean, variance, count)
        if count or self.synchronised:
            self._update_statistics(mean, variance)
        return mean, variance

    def _count(self, maps: Tensor) -> int:
        """The number of values per channel, 0 without samples."""
        return maps.numel() // maps.shape[1] if self.has_samples else 0

    def _by_library(self, maps: Tensor, count: int) -> Tensor:
        """The normalised maps by PyTorch's kernels, whose sums are accurate on a GPU."""
        mean, variance = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        # With momentum 1 PyTorch writes the statistics of the batch into these two, at no cost.
        normalised = F.batch_norm(
            maps, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.EPS
        )
        self._update_statistics(mean, variance * ((count - 1) / count))
        return normalised

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.MOMENTUM)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.MOMENTUM)


class Normalise(torch.autograd.Function):
    """Normalisation by the statistics of a batch, of one process or of all of a group.

    PyTorch's SyncBatchNorm is for GPUs only, and PyTorch's sums on a CPU are inaccurate; see
    `gradient_sums`.
    """

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd wants each tensor as an argument)
        ctx,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        count: int,
        group: torch.distributed.ProcessGroup | None,
    ) -> Tensor:
        """Normalise maps (N, C, H, W) by mean and variance (C,) float64.

        Args:
            count: number of this process's values per channel; 0: the statistics do not depend on
                these maps.
            group: of the processes whose maps the statistics are of; None for this one.
        """
        scale = (variance + BatchNorm.EPS).rsqrt()
        ctx.save_for_backward(maps, weight, mean, scale)
        ctx.count, ctx.group = count, group
        mean, variance = mean.to(weight.dtype), variance.to(weight.dtype)
        return F.batch_norm(maps, mean, variance, weight, bias, eps=BatchNorm.EPS)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of maps, weight and bias; mean and variance are functions of the maps."""
        maps, weight, mean, scale = ctx.saved_tensors
        if maps.dtype == torch.bfloat16 and ctx.group is None and ctx.count:
            # One pass: the maps are rounded by more than the sums.
            gradient = gradient.contiguous(memory_format=torch.channels_last)
            gradients = _library_gradients(
                gradient, maps, mean, scale, weight=weight, output_mask=[True, True, True]
            )
            return *gradients, None, None, None, None
        weight_gradient, bias_gradient = gradient_sums(gradient, maps, mean, scale)
        gradients = weight_gradient.to(weight.dtype), bias_gradient.to(weight.dtype)
        if not ctx.needs_input_grad[0]:
            return None, *gradients, None, None, None, None
        sums = torch.cat(
            [weight_gradient, bias_gradient, weight_gradient.new_full((1,), ctx.count)]
        )
        if ctx.group is not None:
            torch.distributed.all_reduce(sums, group=ctx.group)
        by_variance, by_mean = (sums[:-1] / sums[-1]).chunk(2)
        if not ctx.count:
            return torch.zeros_like(maps), *gradients, None, None, None, None
        # weight * scale * (gradient - by_mean - normalised * by_variance), as two products:
        factor = weight.double() * scale
        slope = -factor * scale * by_variance
        offset = -factor * by_mean - slope * mean
        factor, slope, offset = (
            values.to(weight.dtype).view(1, -1, 1, 1) for values in (factor, slope, offset)
        )
        maps_gradient = torch.addcmul(offset, maps, slope).addcmul_(gradient, factor)
        return maps_gradient.to(maps.dtype), *gradients, None, None, None, None


def has_accurate_sums(device: torch.device) -> bool:
    """Whether PyTorch's kernels on this device add up channels-last maps accurately."""
    return device.type != "cpu"


def batch_statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of (N, C, H, W), each (C,) float64."""
    if has_accurate_sums(maps.device):
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
        variance, mean = torch.var_mean(maps, (0, 2, 3), unbiased=False)
        return mean.double(), variance.double()
    count = maps.numel() // maps.shape[1]
    near = maps[..., ::16, ::16].to(torch.promote_types(maps.dtype, torch.float32)).mean((0, 2, 3))
    # In one pass the sums of v (v - near) and of v. They cancel little if `near` is near the mean.
    products, total = gradient_sums(maps, maps, near, torch.ones_like(near))
    mean, near = total / count, near.double()
    return mean, ((products - near * (total - count * near)) / count - (mean - near) ** 2).clamp(0)


def gradient_sums(
    gradient: Tensor, maps: Tensor, mean: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of weight and bias, each (C,) float64: sums over (N, H, W).

    On a CPU, PyTorch's kernel adds the rows (N, H, W) one by one in float32: the variance of half a
    million rows would be wrong by 3e-4. Groups of fewer than `GROUP_ROWS` rows are summed up apart,
    and then in float64. Where the mean is at most three deviations from zero, the variance is wrong
    by at most 1e-6, or with fewer than 2^15 rows by 1e-5, of maps in float32 and in bfloat16.
    """
    if has_accurate_sums(maps.device):
        return _group_sums(gradient, maps, mean, scale)
    return _row_sums(_rows(gradient), _rows(maps), mean, scale)


def _row_sums(gradient: Tensor, maps: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of rows (rows, C), in groups of one size, and of the remaining rows likewise."""
    groups = 1 << (len(maps) // GROUP_ROWS).bit_length()
    shape = (len(maps) // groups, groups * maps.shape[1], 1, 1)
    whole = shape[0] * groups
    grouped = gradient[:whole].view(shape), maps[:whole].view(shape)
    sums = _group_sums(*grouped, mean, scale, groups)
    if whole == len(maps):
        return sums
    rest = _row_sums(gradient[whole:], maps[whole:], mean, scale)
    return sums[0] + rest[0], sums[1] + rest[1]


def _group_sums(
    gradient: Tensor, maps: Tensor, mean: Tensor, scale: Tensor, groups: int = 1
) -> tuple[Tensor, Tensor]:
    """The sums by PyTorch's kernel, of maps that have the channels of each group side by side."""
    _, *sums = _library_gradients(
        gradient,
        maps,
        mean.repeat(groups),
        scale.repeat(groups),
        weight=None,
        output_mask=[False, True, True],
    )
    weight, bias = (part.double().view(groups, -1).sum(0) for part in sums)
    return weight, bias


def _library_gradients(
    gradient: Tensor, maps: Tensor, mean: Tensor, scale: Tensor, **options: object
) -> tuple[Tensor, ...]:
    """The gradients of maps, weight and bias that `output_mask` names, by PyTorch's kernel."""
    dtype = torch.promote_types(maps.dtype, torch.float32)
    return torch.ops.aten.native_batch_norm_backward(
        gradient,
        maps,
        running_mean=None,
        running_var=None,
        save_mean=mean.to(dtype),
        save_invstd=scale.to(dtype),
        train=True,
        eps=BatchNorm.EPS,
        **options,
    )


def _rows(maps: Tensor) -> Tensor:
    """Maps (N, C, H, W) as rows (N * H * W, C); channels-last are not copied."""
    maps = maps.contiguous(memory_format=torch.channels_last)
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def all_reduce_statistics(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over the maps of all processes, each (C,), from those of each.

    Args:
        count: number of this process's values per channel; 0 leaves them out.
    """
    moments = torch.cat([mean, variance + mean**2, torch.ones_like(mean[:1])])
    sums = moments * count
    torch.distributed.all_reduce(sums)
    first, second = (sums[:-1] / sums[-1]).chunk(2)
    return first, (second - first**2).clamp(min=0)
