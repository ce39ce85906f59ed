"""How often a training saves its state; nothing of it changes the result."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """The config's section `checkpoints`."""

    minutes: float = 10
    save_every: int = 0
    keep_models: int = 1
