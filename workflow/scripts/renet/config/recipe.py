"""The settings of a training."""

import dataclasses
from pathlib import Path
from typing import Any

MODELS = ("model.pt", "model.safetensors")  # in the folder of a run, and in one for a model hub
DESCRIPTION = "config.json"  # beside safetensors


def model_in(place: str | Path) -> Path:
    """The model in a folder of a run or for a model hub; any other path stays as it is."""
    return next((path for name in MODELS if (path := Path(place, name)).is_file()), Path(place))


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
    start_from: Any = None  # path of a file or folder, or the keys `file` and `without`
    freeze: Any = dataclasses.field(default_factory=list)  # names, or all_but_classifier

    @property
    def start_files(self) -> list[str]:
        """The weights that the training starts from, and the config.json beside them, if any."""
        start = self.start_from
        if not start:
            return []
        weights = model_in(start["file"] if isinstance(start, dict) else start)
        beside = weights.with_name(DESCRIPTION)
        return [str(weights), *([str(beside)] if beside.is_file() else [])]

    def validates_after(self, epoch: int) -> bool:
        """Whether the training validates after this epoch (from 1)."""
        return epoch % self.validate_every == 0 or epoch == self.epochs
