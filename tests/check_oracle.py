"""Compare the network with numbers that neon itself computed.

    python tests/check_oracle.py FILE.npz …

reads any file of the oracle's layout: a small network after one and five updates (`small`), the
same with the hidden state carried from batch to batch, neon's default (`stateful`), or the whole
network with parameters from a formula (`full`). It prints the largest difference of each kind in
float64 and in float32. The exit status is 1 if one is above its tolerance.
"""

import argparse
import json
import re
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.config.architecture import Architecture
from renet.config.recipe import Recipe
from renet.network.model import ReNet
from renet.training.train_step import make_optimizer

# The largest differences of a correct implementation.
TOLERANCES = {
    torch.float64: defaultdict(lambda: 1e-9),
    torch.float32: {
        "activations": 1e-4,
        "gradients": 1e-5,
        "parameters": 5e-6,
        "statistics": 5e-6,
        "losses": 1e-5,
        "inference": 1e-3,
        "softmax": 1e-5,
    },
}
RECURRENT = re.compile(r"rnn(\d+)\.([vh])(\d+)\.(fwd|bwd)\.(W_in|W_rec|b)")
SIMPLE_NAMES = {"gamma": "weight", "beta": "bias"}


def locate(model: ReNet, tensors: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """The view of our tensors that neon's parameter or statistic `name` corresponds to."""
    match = RECURRENT.fullmatch(name)
    if not match:
        layer, kind = name.split(".")
        return tensors[f"{layer}.{SIMPLE_NAMES.get(kind, kind)}"]
    block, pass_, sequence, direction, kind = match.groups()
    bank_name = f"rnn{block}.{'vertical' if pass_ == 'v' else 'horizontal'}"
    units = model.get_submodule(bank_name).units
    sequence, direction = int(sequence), ("fwd", "bwd").index(direction)
    if kind == "W_rec":
        return tensors[f"{bank_name}.recurrent_weight"][2 * sequence + direction]
    weights = tensors[f"{bank_name}.{'bias' if kind == 'b' else 'input_weight'}"][sequence]
    return weights.split(units)[direction]


class Differences:
    """The largest difference of each kind between the network and neon."""

    def __init__(self):
        self.largest: dict[str, float] = defaultdict(float)

    def add(
        self, kind: str, found: torch.Tensor, expected: np.ndarray, rounding: float = 0.0
    ) -> None:
        """Compare two arrays of one shape; differences up to `rounding` count as none."""
        found = found.detach().double().numpy()
        if found.shape != np.shape(expected):
            raise ValueError(f"{kind}: shape {found.shape} where neon has {np.shape(expected)}")
        if found.size:
            difference = float(np.abs(found - expected).max())
            self._note(kind, 0.0 if difference <= rounding else difference)

    def add_relative(self, kind: str, found: float, expected: float) -> None:
        """Compare two sums or norms, whose rounding grows with their size."""
        self._note(kind, abs(found - expected) / max(1.0, abs(expected)))

    def _note(self, kind: str, difference: float) -> None:
        # No comparison finds NaN to be large.
        self.largest[kind] = max(self.largest[kind], np.nan_to_num(difference, nan=np.inf))

    def report(self, dtype: torch.dtype) -> bool:
        """Print a line for each kind; tells whether all are within their tolerances."""
        fine = True
        for kind, difference in self.largest.items():
            tolerance = TOLERANCES[dtype][kind]
            verdict = "ok" if difference <= tolerance else "OVER"
            fine = fine and difference <= tolerance
            values = f"{difference:.1e}  (at most {tolerance:.0e})"
            print(f"  {str(dtype)[6:]}  {kind:<12} {values} {verdict}")
        return fine


def record_layers(model: ReNet, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run the network and note the output of each layer under neon's name for it."""
    layers: dict[str, torch.Tensor] = {}

    def note(name: str):
        return lambda module, inputs, output: layers.__setitem__(name, output)

    hooks = [module.register_forward_hook(note(name)) for name, module in model.named_children()]
    for name, module in model.named_children():
        if name.startswith("rnn"):
            hooks.append(module.vertical.register_forward_hook(note(f"{name}_vertical")))
    logits = model(pixels)
    for hook in hooks:
        hook.remove()
    for name in [name for name in layers if name.endswith("_vertical")]:
        layers[name] = layers[name].permute(2, 3, 1, 0)  # (columns, rows, N, units) to NCHW
    return layers | {"logits": logits, "softmax": logits.softmax(1)}


def compare_layers(
    differences: Differences, oracle: dict, prefix: str, layers: dict[str, torch.Tensor]
) -> None:
    """Compare every layer that the oracle holds, whole or as its corners."""
    for key in oracle:
        if not key.startswith(f"{prefix}/"):
            continue
        layer, _, corner = key.removeprefix(f"{prefix}/").partition("@")
        found = layers[layer]
        if corner == "head":
            found = found[:, :4, :6, :6]
        elif corner == "tail":
            found = found[:, -4:, -6:, -6:]
        kind = (
            "softmax" if layer == "softmax" else "activations" if prefix == "act" else "inference"
        )
        # A layer that is also stored as corners is stored in float32, which rounds it.
        rounding = 1e-6 * np.abs(oracle[key]).max() if f"{key}@head" in oracle else 0.0
        differences.add(kind, found, oracle[key], rounding)


def make_model(meta: dict, dtype: torch.dtype) -> ReNet:
    """The network of an oracle file, with all weights zero."""
    widths = {}
    if "channels" in meta:
        units = [{"units": size, "block": [2, 2]} for size in meta["rnn"]]
        widths = {"conv_channels": list(meta["channels"]), "spatial_rnns": units}
    model = ReNet(tuple(meta["input_shape"]), Architecture(**widths)).to(dtype)
    for name, module in model.named_modules():
        if name.endswith(("vertical", "horizontal")):
            module.carry_state = not meta.get("reset_cells", True)
    return model


@torch.no_grad()
def fill(model: ReNet, values: dict[str, np.ndarray]) -> None:
    """Give the network the parameters and statistics under neon's names."""
    tensors = model.state_dict()
    for name, value in values.items():
        locate(model, tensors, name).copy_(torch.from_numpy(value))


def entries(oracle: dict, prefix: str) -> dict[str, np.ndarray]:
    """The entries `<prefix>/<name>`, by name."""
    return {key.split("/", 1)[1]: oracle[key] for key in oracle if key.startswith(f"{prefix}/")}


def check_updates(oracle: dict, meta: dict, dtype: torch.dtype) -> Differences:
    """Forward, gradients, and one and five updates of a small network, then inference."""
    differences = Differences()
    model = make_model(meta, dtype).train()
    fill(model, entries(oracle, "p0"))
    optimizer = make_optimizer(model, Recipe())
    images, classes = torch.from_numpy(oracle["x"]), torch.from_numpy(oracle["y"])
    for step in range(len(images)):
        layers = record_layers(model, images[step])
        losses = F.cross_entropy(layers["logits"], classes[step], reduction="none")
        optimizer.zero_grad()
        losses.mean().backward()
        differences.add("losses", losses.mean(), oracle["losses"][step])
        if step == 0:
            compare_layers(differences, oracle, "act", layers)
            differences.add("losses", losses, oracle["loss_per_sample"])
            gradients = {name: value.grad for name, value in model.named_parameters()}
            for name, expected in entries(oracle, "g1").items():
                differences.add("gradients", locate(model, gradients, name), expected)
        optimizer.step()
        compare_state(differences, model, optimizer, oracle, step + 1)
    model.eval()
    with torch.no_grad():
        for prefix, pixels in (("inf_x0", oracle["x"][0]), ("inf_test", oracle["x_test"])):
            layers = record_layers(model, torch.from_numpy(pixels))
            compare_layers(differences, oracle, prefix, layers)
    return differences


def compare_state(
    differences: Differences,
    model: ReNet,
    optimizer: torch.optim.Optimizer,
    oracle: dict,
    steps: int,
) -> None:
    """Parameters, running statistics and velocities after so many updates, as far as stored."""
    tensors = model.state_dict()
    for name, expected in entries(oracle, f"p{steps}").items():
        kind = "statistics" if "running" in name else "parameters"
        differences.add(kind, locate(model, tensors, name), expected)
    rate = optimizer.param_groups[0]["lr"]
    velocities = {
        name: -rate * optimizer.state[value]["momentum_buffer"]
        for name, value in model.named_parameters()
    }
    for name, expected in entries(oracle, f"v{steps}").items():
        differences.add("parameters", locate(model, velocities, name), expected)


def formula_value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The value of a parameter or statistic of the full file, by the formula for its name."""
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF)
    kind = name.rpartition(".")[2]
    if name == "cls.bias":
        value = np.array([0.30, 0.22])
    elif kind == "gamma":
        value = 1 + 0.1 * random.standard_normal(shape)
    elif kind in ("beta", "bias", "running_mean"):
        value = 0.1 * random.standard_normal(shape)
    elif kind == "running_var":
        value = random.uniform(0.5, 1.5, shape)
    elif kind == "weight":
        value = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif kind == "b":
        value = 0.05 * random.standard_normal(shape)
    else:
        limit = np.sqrt(6 / sum(shape))
        value = random.uniform(-limit, limit, shape)
    return value.astype(np.float32)


def neon_names(model: ReNet) -> list[str]:
    """neon's names of all parameters and running statistics of a network."""
    names = []
    for layer, module in model.named_children():
        if layer.startswith("bn"):
            names += [
                f"{layer}.{kind}" for kind in ("gamma", "beta", "running_mean", "running_var")
            ]
        elif layer.startswith(("conv", "cls")):
            names += [f"{layer}.weight", f"{layer}.bias"]
        elif layer.startswith("rnn"):
            names += [
                f"{layer}.{pass_}{sequence}.{direction}.{kind}"
                for pass_, bank in (("v", module.vertical), ("h", module.horizontal))
                for sequence in range(bank.sequences)
                for direction in ("fwd", "bwd")
                for kind in ("W_in", "W_rec", "b")
            ]
    return names


def check_full(oracle: dict, meta: dict, dtype: torch.dtype) -> Differences:
    """Inference, then training-mode forward, loss and gradients of the whole network."""
    differences = Differences()
    model = make_model(meta, dtype)
    tensors = model.state_dict()
    names = neon_names(model)
    fill(model, {name: formula_value(name, locate(model, tensors, name).shape) for name in names})
    images, classes = torch.from_numpy(oracle["x"]), torch.from_numpy(oracle["y"])
    with torch.no_grad():
        compare_layers(differences, oracle, "inf", record_layers(model.eval(), images))
    layers = record_layers(model.train(), images)
    compare_layers(differences, oracle, "act", layers)
    losses = F.cross_entropy(layers["logits"], classes, reduction="none")
    losses.mean().backward()
    if "loss_per_sample" in oracle:
        differences.add("losses", losses, oracle["loss_per_sample"])
    if "loss" in oracle:
        differences.add("losses", losses.mean(), np.asarray(oracle["loss"]).reshape(()))
    gradients = {name: value.grad for name, value in model.named_parameters()}
    for name, expected in meta["grad"].items():
        length, first = read_gradient(expected)
        found = locate(model, gradients, name).contiguous()
        differences.add_relative("gradients", found.double().norm().item(), length)
        differences.add("gradients", found.flatten()[: len(first)], np.array(first))
    return differences


def read_gradient(entry: dict | list) -> tuple[float, list[float]]:
    """A gradient's l2 norm and its first values, from an entry of meta_json's `grad`."""
    values = list(entry.values()) if isinstance(entry, dict) else list(entry)
    lists = [value for value in values if isinstance(value, list)]
    length = entry["l2"] if isinstance(entry, dict) else values[0]
    return length, lists[0] if lists else values[1:]


def check(path: Path) -> bool:
    """Compare with one file; tells whether all is within the tolerances."""
    with np.load(path) as stored:
        oracle = {key: stored[key] for key in stored.files}
    meta = json.loads(str(oracle.pop("meta_json")))
    whole = not any(key.startswith("p0/") for key in oracle)
    print(f"{path.name} ({'full' if whole else 'small'}, input {tuple(meta['input_shape'])})")
    run = check_full if whole else check_updates
    # A list, not a generator, to print both precisions even if the first one fails.
    return all([run(oracle, meta, dtype).report(dtype) for dtype in TOLERANCES])


def main() -> None:
    """Check the files named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.npz")
    if not all([check(path) for path in parser.parse_args().files]):
        sys.exit(1)


if __name__ == "__main__":
    main()
