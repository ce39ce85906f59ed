"""The settings of a training (no torch needed)."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What the config's section `train` says; the defaults are the course's training.

    Attributes:
        epochs: passes over the training set, in all.
        batch_size: samples an update, over all processes; the last batch may be smaller.
        learning_rate, momentum, weight_decay: of stochastic gradient descent; the decay is of all
            parameters, biases and batch normalisation included, as in neon.
        nesterov: Nesterov's momentum. The course's text names it; its code, and neon, do without.
        seed: of the initial weights, and of the order where `reshuffle` is on.
        reshuffle: a new order every epoch. neon keeps the file's order.
        keep: `last` epoch's weights, or the `best` by loss on the validation set.
        device: auto, cpu or cuda.
        precision: float32, tf32, bfloat16 or float64 (see `devices.arithmetic`).
        threads: what torch computes with in each process; sums of floats depend on it.
        processes: processes that share each batch: one a GPU, or on the CPU.
        sync_batchnorm: statistics over all processes; else each normalises by its own share.
        validate_every: epochs between two looks at the validation set.
        checkpoint_minutes: longest time between two checkpoints; each epoch leaves one too.
        save_every: epochs between two models that are kept beside the last; 0 for none.
        save_history: how many of these are kept, the newest.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0005
    seed: int = 1
    reshuffle: bool = False
    keep: str = "last"
    device: str = "auto"
    precision: str = "float32"
    threads: int = 2
    processes: int = 1
    sync_batchnorm: bool = False
    validate_every: int = 1
    checkpoint_minutes: float = 10
    save_every: int = 0
    save_history: int = 1

    def validates_after(self, epoch: int) -> bool:
        """Whether the validation set is looked at after this epoch (from 1)."""
        return epoch % self.validate_every == 0 or epoch == self.epochs
