"""Loss and accuracy of a network on the validation set, and its best epoch."""

import logging

import torch
import torch.nn.functional as F

from renet.config.recipe import Recipe
from renet.dataset.hdf5 import FaceFile
from renet.network import inference
from renet.network.model import Network
from renet.training import processes


class Validation:
    """The validation set of a training, and the best epoch on it.

    Attributes:
        best: epoch, loss and weights of the lowest validation loss, with select_epoch: best.
        best_of_longer: the same for a training with more epochs, in which the last epoch of this
            one may have no validation.
    """

    def __init__(self, faces: FaceFile, device: torch.device, recipe: Recipe):
        """Take the faces, and the device that the networks are on."""
        self._faces, self._device, self._recipe = faces, device, recipe
        self.best: dict | None = None
        self.best_of_longer: dict | None = None

    def measure(self, model: Network) -> tuple[float, float]:
        """Mean loss and accuracy of a network; each process computes its part of the faces."""
        # Without sync_batchnorm, each process has its own statistics; rank 0 has the network's.
        processes.broadcast(model.buffers())
        pixels = self._faces.pixels[processes.part(len(self._faces))]
        own = inference.logits(model, pixels, self._device, self._recipe.precision)
        logits, targets = processes.concatenate(own), self._faces.targets
        if not logits.any():
            logging.warning(
                "Constant prediction: the ReLU before the softmax is 0 for every validation face, "
                "so that the network predicts one class for all and no longer learns. Another "
                "train.seed or a lower train.learning_rate may help."
            )
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)).item()
        return loss, float((logits.argmax(1) == targets).mean())  # a tie counts as class 0

    def compare(self, model: Network, epoch: int, loss: float) -> None:
        """Remember the network after an epoch (from 1) if its loss is the lowest."""
        if self._recipe.select_epoch != "best":
            return
        if not self.best or loss < self.best["loss"]:
            weights = {name: value.clone() for name, value in model.state_dict().items()}
            self.best = {"epoch": epoch, "loss": loss, "state": weights}
        if epoch % self._recipe.validate_every == 0:
            self.best_of_longer = self.best
