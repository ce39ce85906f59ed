"""The settings of a training."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The config's section `train`; the defaults are the course's training.

    Weight decay applies to all parameters, biases and batch normalisation included, as in neon.
    """

    epochs: int = 10
    batch_size: int = 32
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    schedule: str = "constant"
    warm_up: float = 0
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0005
    label_smoothing: float = 0
    ema: float = 0
    augment: list[str] = dataclasses.field(default_factory=list)
    mixup: float = 0
    age_weight: float = 0
    seed: int = 1
    shuffle_each_epoch: bool = False
    select_epoch: str = "last"
    validate_every: int = 1
    device: str = "auto"
    precision: str = "float32"
    deterministic: bool = False
    threads: int = 2
    processes: int = 1
    start_from: Any = None  # a path, or the keys `file` and `without`
    freeze: Any = dataclasses.field(default_factory=list)  # names, or all_but_classifier

    @property
    def start_file(self) -> str | None:
        """The path of the weights that the training starts from."""
        start = self.start_from
        return start["file"] if isinstance(start, dict) else start

    def validates_after(self, epoch: int) -> bool:
        """Whether the training validates after this epoch (from 1)."""
        return epoch % self.validate_every == 0 or epoch == self.epochs
