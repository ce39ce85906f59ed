"""Loss and accuracy of a network on the validation set, and its best epoch."""

import functools
import logging
from typing import Any

import torch
import torch.nn.functional as F

from renet.common import advice
from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network.inference import Inference
from renet.network.model import Network
from renet.training import processes


class Validation:
    """The validation set of a training, and the best epoch on it.

    Attributes:
        best: epoch, loss and weights of the lowest validation loss, with select_epoch: best.
    """

    def __init__(
        self, model: Network, faces: FaceFile | None, device: torch.device, recipe: Recipe
    ):
        """Take the network that is evaluated, which is on the device, and the faces, if any."""
        self._model, self._device, self._recipe = model, device, recipe
        self._faces: Any = faces  # None: nothing is due
        self.best: dict | None = None

    def state(self) -> dict:
        """The best epoch so far."""
        return {"best": self.best}

    def restore(self, state: dict) -> None:
        """Continue a comparison of epochs, if this recipe has one."""
        self.best = state["best"] if self._recipe.select_epoch == "best" else None

    def is_due(self, epoch: int) -> bool:
        """Whether the training validates after this epoch (from 1)."""
        return self._faces is not None and self._recipe.validates_after(epoch)

    @functools.cached_property
    def _inference(self) -> Inference:
        """Made for the first validation, after the training has taken most of its memory."""
        own = self._faces.pixels[processes.part(len(self._faces))]
        return Inference(self._model, own, self._device, self._recipe.precision)

    def measure(self, updates: int) -> tuple[float, float]:
        """Mean loss and accuracy of the network after so many updates of its weights.

        Each process computes its part.
        """
        # Without sync_batchnorm, each process has its own statistics; rank 0 has the network's.
        processes.broadcast(self._model.buffers())
        logits = processes.concatenate(self._inference.logits())[:, :2]
        targets = self._faces.targets
        if processes.is_main() and not logits.any():
            logging.warning(
                "Constant prediction: the ReLU before the softmax is 0 for every validation face, "
                "so that the network predicts one class for all. %s",
                advice.of_training(updates),
            )
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)).item()
        return loss, float((logits.argmax(1) == targets).mean())  # a tie counts as class 0

    def compare(self, epoch: int, loss: float) -> None:
        """Remember the network after an epoch (from 1) if its loss is the lowest."""
        selects = self._recipe.select_epoch == "best"
        if selects and (not self.best or loss < self.best["loss"]):
            weights = {name: value.clone() for name, value in self._model.state_dict().items()}
            self.best = {"epoch": epoch, "loss": loss, "state": weights}
