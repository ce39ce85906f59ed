"""Write tests/data/drift_32x64.npz, which shows whether the network's numbers have drifted.

    python tests/make_drift_file.py [FILE.npz]

The file has the layout `small` of check_oracle.py. Its numbers were computed in float64 by the code
of this project and not by neon: they show that a later version computes the same as this one, and
not that either is right. To be run again only when the network or the update is changed on purpose.
"""

import json
import sys
from pathlib import Path

import check_oracle
import numpy as np
import torch
import torch.nn.functional as F
from check_oracle import locate

from renet.config.recipe import Recipe
from renet.network.kinds.renet import ReNet
from renet.training.train_step import make_optimizer

ORIGIN = (
    "computed by this project's own code in float64 (tests/make_drift_file.py); a guard against "
    "drift, not numbers of neon"
)
META = {
    "made_by": ORIGIN,
    "input_shape": [3, 32, 64],  # not square, to notice swapped axes
    "channels": [3, 4, 3, 4],
    "rnn": [3, 2],
    "reset_cells": True,
}
STEPS, BATCH_SIZE = 5, 2
INFERENCE_LAYERS = ("pool3", "rnn1", "rnn2", "cls", "logits", "softmax")


def coarse_images(random: np.random.Generator, *counts: int) -> np.ndarray:
    """Random images (*counts, 3, 32, 64) uint8 of 8 x 8 pixel squares, which compress well."""
    squares = random.integers(0, 256, (*counts, 3, 4, 8), dtype=np.uint8)
    return squares.repeat(8, axis=-2).repeat(8, axis=-1)


def stored_layers(prefix: str, layers: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Layers under their keys; of large ones, two corners."""
    stored = {}
    for layer, output in layers.items():
        values = output.detach().numpy()
        if values.ndim == 4 and values.shape[-1] > 8:
            stored[f"{prefix}/{layer}@head"] = values[:, :4, :6, :6]
            stored[f"{prefix}/{layer}@tail"] = values[:, -4:, -6:, -6:]
        else:
            stored[f"{prefix}/{layer}"] = values
    return stored


def named(
    prefix: str, model: ReNet, tensors: dict[str, torch.Tensor], names: list[str]
) -> dict[str, np.ndarray]:
    """Copies of tensors under neon's names for them."""
    return {f"{prefix}/{name}": locate(model, tensors, name).numpy().copy() for name in names}


def initial_entries(model: ReNet, parameters: list[str]) -> dict[str, np.ndarray]:
    """Images, classes and the network's parameters, which this sets."""
    random = np.random.default_rng(0)
    oracle = {
        "x": coarse_images(random, STEPS, BATCH_SIZE),
        "y": random.integers(0, 2, (STEPS, BATCH_SIZE)),
        "x_test": coarse_images(random, BATCH_SIZE),
    }
    tensors = model.state_dict()
    values = {
        name: check_oracle.formula_value(name, locate(model, tensors, name).shape)
        for name in parameters
    }
    check_oracle.fill(model, values)
    return oracle | {f"p0/{name}": value for name, value in values.items()}


def training_entries(model: ReNet, oracle: dict, names: list[str]) -> dict[str, np.ndarray]:
    """What the training on the batches of `oracle` leaves."""
    parameters = [name for name in names if "running" not in name]
    optimizer = make_optimizer(model.train(), Recipe())
    entries, means = {}, []
    for step in range(STEPS):
        layers = check_oracle.record_layers(model, torch.from_numpy(oracle["x"][step]))
        classes = torch.from_numpy(oracle["y"][step])
        losses = F.cross_entropy(layers["logits"], classes, reduction="none")
        means.append(losses.mean().item())
        optimizer.zero_grad()
        losses.mean().backward()
        if step == 0:
            entries |= stored_layers("act", layers) | {"loss_per_sample": losses.detach().numpy()}
            gradients = {name: value.grad for name, value in model.named_parameters()}
            entries |= named("g1", model, gradients, parameters)
        optimizer.step()
        if step == 0:
            statistics = [name for name in names if "running" in name]
            entries |= named("p1", model, model.state_dict(), statistics)
    entries |= named("p5", model, model.state_dict(), names)
    velocities = check_oracle.velocities(model, optimizer)
    return entries | named("v5", model, velocities, parameters) | {"losses": np.array(means)}


@torch.no_grad()
def inference_entries(model: ReNet, oracle: dict) -> dict[str, np.ndarray]:
    """Some layers in evaluation mode, for the first batch and the test images."""
    entries = {}
    model.eval()
    for prefix, pixels in (("inf_x0", oracle["x"][0]), ("inf_test", oracle["x_test"])):
        layers = check_oracle.record_layers(model, torch.from_numpy(pixels))
        entries |= stored_layers(prefix, {name: layers[name] for name in INFERENCE_LAYERS})
    return entries


def write(file: Path) -> None:
    """Compute and write the file."""
    model = check_oracle.make_model(META, torch.double)
    names = check_oracle.neon_names(model)
    oracle = initial_entries(model, [name for name in names if "running" not in name])
    oracle |= training_entries(model, oracle, names)
    oracle |= inference_entries(model, oracle)
    np.savez_compressed(file, **oracle, meta_json=json.dumps(META))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else check_oracle.DRIFT_FILE)
