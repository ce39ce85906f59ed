"""The settings of a training."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The config's section `train`; the defaults are the course's training.

    Weight decay applies to all parameters, biases and batch normalisation included, as in neon.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0005
    seed: int = 1
    shuffle_each_epoch: bool = False
    select_epoch: str = "last"
    validate_every: int = 1
    device: str = "auto"
    precision: str = "float32"
    threads: int = 2
    processes: int = 1
    sync_batchnorm: bool = False

    def validates_after(self, epoch: int) -> bool:
        """Whether the training validates after this epoch (from 1)."""
        return epoch % self.validate_every == 0 or epoch == self.epochs
