"""Settings of a training: the sections `model` and `train` of a run."""

import dataclasses
from typing import Any

from renet.common import files
from renet.common.errors import InputError
from renet.config.model import AnyArchitecture, Architecture
from renet.config.train import Recipe
from renet.network import devices


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Network and recipe of a run."""

    model: AnyArchitecture = dataclasses.field(default_factory=Architecture)
    train: Recipe = dataclasses.field(default_factory=Recipe)

    def with_recipe(self, **changes: Any) -> "RunSettings":
        """Return a copy with changed values of the recipe."""
        return dataclasses.replace(self, train=self.train.replace(**changes))

    def dump(self) -> dict:
        """Return the settings as plain values."""
        return {"model": self.model.model_dump(), "train": self.train.model_dump()}

    def granted(self, gpus: int | None) -> "RunSettings":
        """Return a copy with the device cpu if `gpus` is 0, and with `auto` precision resolved."""
        if gpus and gpus < self.train.processes:
            raise InputError(
                f"`train.processes` is {self.train.processes}, but Snakemake may use only {gpus} "
                f"GPUs; lower this key, or raise --resources gpu=N; gpu=0 selects the CPU."
            )
        device = devices.granted(self.train.device, gpus)
        precision = devices.chosen_precision(self.train.precision, devices.device_type(device))
        return self.with_recipe(device=device, precision=precision)

    def without_device(self) -> dict:
        """Return `dump()` without the device, and with digests of the files in `start_from`."""
        settings, recipe = self.dump(), self.train
        start = [*map(files.file_digest, recipe.start_files), settings["train"]["start_from"]]
        depends_on = {"device": "auto", "start_from": start if recipe.start_from else None}
        return settings | {"train": settings["train"] | depends_on}
