"""The state of a training without the weights: plain values and tensors, for model files.

The order of an epoch follows from seed and epoch, and nothing else is random. The number of images
of this epoch is therefore the position in the data, and there is no random state.
"""

import dataclasses
import logging
from typing import TYPE_CHECKING

import torch

from renet.config.recipe import Recipe
from renet.training.throughput import Part

if TYPE_CHECKING:
    from renet.training.trainer import Trainer


def of(trainer: "Trainer") -> dict:
    """The state of a training as it is, which shares its tensors."""
    loss, correct, _ = trainer.step.sums.tolist()
    return {
        "epoch": trainer.epoch,
        "sums": {
            "loss": loss,
            "correct": correct,
            "images": trainer.images,
            "steps": trainer.steps,
        },
        "optimizer": {"state": trainer.step.optimizer.state_dict()["state"]},  # the momenta
        "history": trainer.history,
        "throughput": trainer.throughput.rows,
        "part_of_epoch": dataclasses.asdict(trainer.throughput.part()),
        "best": trainer.validation.best,
        # A saved model has the moving average in place of the network; a checkpoint leaves it out.
        "weights": trainer.model.state_dict() if trainer.average else None,
        "average": trainer.average.network.state_dict() if trainer.average else None,
    }


def copies_of_network(recipe: Recipe) -> int:
    """The most tensors that a checkpoint has for each of the network's: 2 for the course's recipe.

    They are the weights, the optimizer's averages of the gradients, the moving average, and the
    best epoch.
    """
    averages = 2 if recipe.optimizer == "adamw" else 1
    return 1 + averages + bool(recipe.ema) + (recipe.select_epoch == "best")


def restore(trainer: "Trainer", saved: dict) -> None:
    """Continue from a model file with a training's state, as `model_file.read` returns it."""
    state, optimizer = saved["training"], trainer.step.optimizer
    trainer.model.load_state_dict(state.get("weights") or saved["state"])
    sums = state["sums"]
    trainer.epoch, trainer.images, trainer.steps = state["epoch"], sums["images"], sums["steps"]
    values = [sums["loss"], sums["correct"], sums["steps"]]
    trainer.step.sums.copy_(torch.tensor(values, dtype=torch.float64))
    # The settings are those of this recipe, not of the saved training.
    settings = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict(state["optimizer"] | {"param_groups": settings})
    trainer.history = state["history"]
    trainer.throughput.restore(state["throughput"], Part(**state.get("part_of_epoch", {})))
    trainer.validation.best = state["best"]
    if trainer.average:
        trainer.average.network.load_state_dict(state["average"])
    logging.info("Continuing after epoch %d, batch %d", trainer.epoch, trainer.steps)
