"""Updates and inferences to time: a plain port of the course's network, and this project's.

The plain port is what a straightforward translation to PyTorch gives: one `torch.nn.RNN` for each
column and each row, NCHW, float32, torch's own BatchNorm and optimizer. That of configs/modern.yaml
has torchvision's transforms of a batch and PyTorch's moving average.
"""

import itertools
import time
from collections.abc import Callable, Iterator

import measuring
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from renet.config.model import Architecture
from renet.config.train import Recipe
from renet.network import devices
from renet.network.kinds.renet import ReNet
from renet.network.model import infer
from renet.training import age_groups
from renet.training.train_step import MovingAverage, TrainStep

SIDE = 128  # pixels of a face
Step = Callable[[], object]  # computes the next batch
Batches = Iterator[tuple[Tensor, Tensor]]


class PlainSpatialRNN(nn.Module):
    """A SpatialRNN block with one module per sequence."""

    def __init__(self, channels: int, side: int, units: int):
        super().__init__()
        cells = side // 2
        self.vertical = nn.ModuleList(
            nn.RNN(channels * 4, units, bidirectional=True) for _ in range(cells)
        )
        self.horizontal = nn.ModuleList(
            nn.RNN(2 * units, units, bidirectional=True) for _ in range(cells)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 * units, H / 2, W / 2)."""
        count, channels, height, width = maps.shape
        blocks = maps.reshape(count, channels, height // 2, 2, width // 2, 2)
        blocks = blocks.permute(4, 2, 0, 1, 3, 5).reshape(width // 2, height // 2, count, -1)
        columns = [rnn(column)[0] for rnn, column in zip(self.vertical, blocks, strict=True)]
        rows = torch.stack(columns, 1)
        swept = [rnn(row)[0] for rnn, row in zip(self.horizontal, rows, strict=True)]
        return torch.stack(swept).permute(2, 3, 0, 1)


class PlainModernSweeps(nn.Module):
    """A SpatialRNN block with one RNN a direction, layer normalisation and paths around."""

    def __init__(self, channels: int, side: int, units: int):
        super().__init__()
        self.vertical = nn.RNN(channels * 4, units, bidirectional=True)
        self.horizontal = nn.RNN(2 * units, units, bidirectional=True)
        self.around = nn.Linear(channels * 4, 2 * units, bias=False)
        self.norm = nn.LayerNorm(2 * units)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 * units, H / 2, W / 2)."""
        count, channels, height, width = maps.shape
        blocks = maps.reshape(count, channels, height // 2, 2, width // 2, 2)
        blocks = blocks.permute(2, 4, 0, 1, 3, 5).flatten(3)  # rows, columns, faces, values
        down = self.vertical(blocks.flatten(1, 2))[0].unflatten(1, blocks.shape[1:3])
        down = self.norm(down + self.around(blocks)).transpose(0, 1)
        along = self.horizontal(down.flatten(1, 2))[0].unflatten(1, down.shape[1:3]) + down
        return along.permute(2, 3, 1, 0)


class PlainPort(nn.Module):
    """The course's network for 128x128 faces in torch's own modules, or configs/modern.yaml's."""

    def __init__(self, modern: bool = False):
        super().__init__()
        sweeps = PlainModernSweeps if modern else PlainSpatialRNN
        stages: list[nn.Module] = [nn.BatchNorm2d(3)]
        channels = 3
        for width in (32, 64, 128, 256):
            stages += [
                nn.Conv2d(channels, width, 3, padding=2, dilation=2), nn.ReLU(),
                nn.BatchNorm2d(width),
            ]  # fmt: skip
            if width < 256:
                stages.append(nn.MaxPool2d(3, 2, 1))
            channels = width
        stages += [sweeps(256, SIDE // 8, 256), nn.BatchNorm2d(512)]
        stages += [sweeps(512, SIDE // 16, 512), nn.BatchNorm2d(1024)]
        stages += (
            [nn.Conv2d(1024, 2, 1)] if modern else [nn.Conv2d(1024, 2, 1, padding=1), nn.ReLU()]
        )
        self.stages = nn.Sequential(*stages)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 128, 128) from 0 to 255 to (N, 2)."""
        return self.stages(pixels.float() / 128).mean(dim=(2, 3))


def random_batches(batch_size: int, device: torch.device) -> Batches:
    """Four batches of random faces (N, 3, 128, 128) uint8 and classes (N,), again and again."""
    random = torch.Generator().manual_seed(0)
    shape = (4 * batch_size, 3, SIDE, SIDE)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random).to(device)
    targets = torch.randint(0, 2, shape[:1], generator=random).to(device)
    return itertools.cycle(zip(pixels.split(batch_size), targets.split(batch_size), strict=True))


def plain_train(batches: Batches, device: torch.device) -> Step:
    """An update of the plain port."""
    model = PlainPort().to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        pixels, targets = next(batches)
        loss = nn.functional.cross_entropy(model(pixels), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def plain_modern(batches: Batches, device: torch.device) -> Step:
    """An update of the plain port of configs/modern.yaml, from the faces as they are stored."""
    from torchvision.transforms import v2  # the other tasks need PyTorch and NumPy alone

    model = PlainPort(modern=True).to(device).train()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    optimizer = torch.optim.AdamW(model.parameters(), 0.001, weight_decay=0.05)
    change = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(12, (0.06, 0.06), (0.88, 1.12), None, v2.InterpolationMode.BILINEAR),
            v2.ColorJitter(0.125, 0.3, 0.5),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([v2.GaussianBlur(3)], 0.2),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomApply([v2.GaussianNoise(sigma=0.03)], 0.3),
            v2.RandomErasing(0.25),
        ]
    )
    mix = v2.MixUp(alpha=0.2, num_classes=2)

    def step() -> None:
        # The transforms draw once for the whole batch, which is faster than for each face.
        pixels, targets = next(batches)
        pixels, targets = mix(change(pixels) * 255, targets)
        loss = nn.functional.cross_entropy(model(pixels), targets, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        loss.item()

    return step


def plain_infer(batches: Batches, device: torch.device) -> Step:
    """An inference of the plain port."""
    model = PlainPort().to(device).eval()
    return torch.inference_mode()(lambda: model(next(batches)[0]))


def settings_of(task: str, batch_size: int, precision: str) -> tuple[Architecture, Recipe]:
    """Network and recipe of a task: the course's, or those of configs/modern.yaml."""
    if task != "modern":
        return Architecture(), Recipe(batch_size=batch_size, precision=precision)
    import yaml

    config = measuring.ROOT / "configs" / "modern.yaml"
    settings = yaml.safe_load(config.read_text())["runs"]["modern"]
    recipe = Recipe(**settings["train"] | {"batch_size": batch_size, "precision": precision})
    return Architecture(**settings["model"]), recipe


def our_network(device: torch.device, architecture: Architecture) -> ReNet:
    """A new network of this project."""
    model = ReNet((3, SIDE, SIDE), architecture)
    model.init_weights(1)
    return devices.to_device(model, device)


def our_train(batches: Batches, device: torch.device, precision: str) -> Step:
    """An update of this project's network."""
    architecture, recipe = settings_of("train", len(next(batches)[1]), precision)
    step = TrainStep(our_network(device, architecture).train(), recipe)
    return lambda: step(*next(batches))


def our_modern(batches: Batches, device: torch.device, precision: str) -> Step:
    """An update of configs/modern.yaml as a training computes it."""
    from renet.training.augmentation import Augmentation

    size = len(next(batches)[1])
    architecture, recipe = settings_of("modern", size, precision)
    model = our_network(device, architecture).train()
    update, average = TrainStep(model, recipe), MovingAverage(model, recipe.ema)
    labels = 2 * (age_groups.GROUPS + 1) if recipe.age_weight else 2
    augment, rows = Augmentation(recipe, 10 * size, labels), np.arange(size)

    def step() -> None:
        # Each face has a partner for mixup.
        pixels, targets = map(torch.cat, zip(next(batches), next(batches), strict=True))
        update(*augment(pixels, targets, rows, 0))
        average.update(1000)

    return step


def our_infer(batches: Batches, device: torch.device, precision: str) -> Step:
    """An inference of this project's network."""
    model = our_network(device, Architecture()).eval()
    return lambda: infer(model, next(batches)[0], precision)


def time_of(step: Step, repeats: int, device: torch.device) -> float:
    """Mean seconds of one step, over so many steps."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    wait()
    return (time.perf_counter() - started) / repeats
