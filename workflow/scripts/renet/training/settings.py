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
        """A copy with changed values of the recipe."""
        return dataclasses.replace(self, train=self.train.replace(**changes))

    def dump(self) -> dict:
        """Settings as plain values."""
        return {"model": self.model.model_dump(), "train": self.train.model_dump()}

    def granted(self, gpus: int | None) -> "RunSettings":
        """Resolve device and precision, so that a checkpoint fits any machine."""
        if gpus and gpus < self.train.processes:
            raise InputError(
                f"`train.processes` is {self.train.processes}, but Snakemake may use only {gpus} "
                f"GPUs; lower it, or raise --resources gpu={gpus}. With gpu=0, the CPU is used."
            )
        device = devices.granted(self.train.device, gpus)
        precision = devices.chosen_precision(self.train.precision, devices.device_type(device))
        return self.with_recipe(device=device, precision=precision)

    def without_device(self) -> dict:
        """Settings without the device, and with digests of the files in `start_from`."""
        settings, recipe = self.dump(), self.train
        start = [*map(files.file_digest, recipe.start_files), settings["train"]["start_from"]]
        depends_on = {"device": "auto", "start_from": start if recipe.start_from else None}
        return settings | {"train": settings["train"] | depends_on}
