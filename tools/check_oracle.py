"""Compare the network with numbers that neon itself computed.

    python tools/check_oracle.py [FILE.npz …]
    python tools/check_oracle.py --write FILE.npz

It prints the largest difference of each kind in float64 and in float32. The exit status is 1 if one
is above its tolerance. Without a file, it says where files with neon's numbers come from and checks
tests/data/drift_32x64.npz, whose numbers are this project's own: they show that a later version
computes the same. After an intended change of the network or the update, --write writes new ones.

A file has a small network after one and five updates. With `reset_cells: false` in meta_json, the
hidden state is carried from batch to batch, neon's default.

    x, y, x_test                 batches (5, N, 3, H, W) uint8 with classes (5, N), test images
    p0/<parameter>               initial parameters, float32
    act/<layer>                  training-mode output of each layer for batch 0
    loss_per_sample, losses      of batch 0; mean loss of each batch before its update
    g1/<parameter>               gradient of the mean loss of batch 0
    p1/<name>, p5/<name>         parameters and running statistics after one and five updates
    v5/<parameter>               neon's velocities, -learning rate x PyTorch's momentum buffers
    inf_x0/<layer>, inf_test/<layer>   inference after the updates, on x[0], then on x_test
    meta_json                    input_shape, channels (convolutions), rnn (units), reset_cells

<layer>@head and <layer>@tail are corners of a large output.
"""

import copy
import json
import re
import sys
import zipfile
from argparse import ArgumentParser, RawTextHelpFormatter
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))

from renet.common.errors import InputError
from renet.config.model import Architecture
from renet.config.train import Recipe
from renet.network.kinds.renet import ReNet
from renet.network.rnn import DIRECTIONS, BiRNNBank, ElmanSweep
from renet.training.train_step import make_optimizer

DRIFT_FILE = Path(__file__).resolve().parents[1] / "tests" / "data" / "drift_32x64.npz"
ORIGIN = """\
Files with neon's numbers are not part of this project; tests read them in $REFERENCE_DATA/oracle.
They are made with neon 2.6.0 on its backend `cpu` in float64, in the layout of check_oracle.py.
"""

# The largest differences of a correct implementation.
TOLERANCES = {
    torch.float64: defaultdict(lambda: 1e-9),
    torch.float32: {
        "activations": 1e-4, "inference": 1e-3, "softmax": 1e-5, "losses": 1e-5, "gradients": 1e-5,
        "parameters": 5e-6, "statistics": 5e-6,
    },
}  # fmt: skip
# Of the keys, by their first letters; all others are parameters.
KINDS = {"a": "activations", "l": "losses", "g": "gradients", "i": "inference"}
CORNERS = {"": np.s_[:], "head": np.s_[:, :4, :6, :6], "tail": np.s_[:, -4:, -6:, -6:]}
RECURRENT = re.compile(r"rnn(\d+)\.([vh])(\d+)\.(fwd|bwd)\.(W_in|W_rec|b)")
SIMPLE_NAMES = {"gamma": "weight", "beta": "bias"}


def locate(model: ReNet, tensors: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """The view of our tensors that neon's parameter or statistic `name` corresponds to."""
    if not (match := RECURRENT.fullmatch(name)):
        layer, kind = name.split(".")
        return tensors[f"{layer}.{SIMPLE_NAMES.get(kind, kind)}"]
    block, sweep, sequence, direction, kind = match.groups()
    bank_name = f"rnn{block}.{'vertical' if sweep == 'v' else 'horizontal'}"
    units = model.get_submodule(bank_name).units
    sequence, direction = int(sequence), ("fwd", "bwd").index(direction)
    if kind == "W_rec":
        return tensors[f"{bank_name}.recurrent_weight"][2 * sequence + direction]
    weights = tensors[f"{bank_name}.{'bias' if kind == 'b' else 'input_weight'}"][sequence]
    return weights.split(units)[direction]


def record_layers(model: ReNet, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run the network and note the output of each layer under neon's name for it.

    In training mode the network computes bn0 and conv1 in one. Each layer is therefore run by
    itself, on a copy of the network. The logits are those of the network.
    """
    layers: dict[str, torch.Tensor] = {}
    maps = pixels
    with torch.no_grad():
        for name, layer in copy.deepcopy(model).named_children():
            if name.startswith("rnn"):
                swept = layer.over_columns(maps)
                layers[f"{name}_vertical"] = swept.permute(2, 3, 1, 0)  # NCHW
                maps = layer.over_rows(swept).permute(2, 3, 0, 1)
            else:
                maps = layer(maps)
            layers[name] = maps
    logits = model(pixels)
    return layers | {"logits": logits, "softmax": logits.softmax(1)}


class StatefulBank(BiRNNBank):
    """A bank whose batches start from the last states of the previous one: neon's default.

    The recurrent weights times these states are further inputs of the first step in each direction,
    with the identity as their weights. They have no gradient, as in neon.
    """

    last: torch.Tensor | None = None  # (S * 2, N, units)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(S, T, N, inputs) to (S, T, N, 2 * units), for tanh and relu."""
        input_weight, units = self.input_weight, self.units
        if self.last is not None:
            first = torch.bmm(self.last, self.recurrent_weight.detach().transpose(1, 2))
            starts = inputs.new_zeros(*inputs.shape[:3], DIRECTIONS * units)
            starts[:, 0, :, :units], starts[:, -1, :, units:] = first[::2], first[1::2]
            identity = torch.eye(DIRECTIONS * units, dtype=inputs.dtype)
            input_weight = torch.cat([input_weight, identity.expand(self.sequences, -1, -1)], 2)
            inputs = torch.cat([inputs, starts], 3)
        hidden = ElmanSweep.apply(inputs, input_weight, self.recurrent_weight, self.bias, self.cell)
        ends = hidden.detach()[:, -1, :, :units], hidden.detach()[:, 0, :, units:]
        self.last = torch.stack(ends, 1).flatten(0, 1)
        return hidden


def make_model(meta: dict, dtype: torch.dtype) -> ReNet:
    """The network of an oracle file, with all weights zero."""
    units = [{"units": size, "block": [2, 2]} for size in meta["rnn"]]
    architecture = Architecture(conv_channels=list(meta["channels"]), spatial_rnns=units)
    model = ReNet(tuple(meta["input_shape"]), architecture).to(dtype)
    if not meta.get("reset_cells", True):
        for module in model.modules():
            if isinstance(module, BiRNNBank):
                module.__class__ = StatefulBank
    return model


def compute(oracle: dict, meta: dict, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """What a small network computes, by the keys of the file, from its inputs and parameters."""
    model = make_model(meta, dtype)
    for key in (key for key in oracle if key.startswith("p0/")):
        locate(model, model.state_dict(), key[3:]).copy_(torch.from_numpy(oracle[key]))
    optimizer, first = make_optimizer(model, Recipe()), copy.deepcopy(model).train()
    layers = {"act": record_layers(first, torch.from_numpy(oracle["x"][0]))}
    classes = torch.from_numpy(oracle["y"][0])
    losses = F.cross_entropy(layers["act"]["logits"], classes, reduction="none")
    losses.mean().backward()
    tensors = {"g1": {name: value.grad for name, value in first.named_parameters()}}
    means, model = [], model.train()
    for step, batch in enumerate(zip(oracle["x"], oracle["y"], strict=True), 1):
        images, classes = map(torch.from_numpy, batch)
        means.append(F.cross_entropy(model(images), classes))
        optimizer.zero_grad()
        means[-1].backward()
        optimizer.step()
        rate, state = optimizer.param_groups[0]["lr"], optimizer.state
        tensors[f"p{step}"] = copy.deepcopy(model.state_dict())
        moments = {name: state[of]["momentum_buffer"] for name, of in model.named_parameters()}
        tensors[f"v{step}"] = {name: -rate * value for name, value in moments.items()}
    model.eval()
    with torch.no_grad():
        for prefix, pixels in (("inf_x0", oracle["x"][0]), ("inf_test", oracle["x_test"])):
            layers[prefix] = record_layers(model, torch.from_numpy(pixels))
    found = {"losses": torch.stack(means), "loss_per_sample": losses}
    for key in oracle:
        prefix, _, name = key.partition("/")
        if prefix in layers:
            layer, _, corner = name.partition("@")
            found[key] = layers[prefix][layer][CORNERS[corner]]
        elif prefix in tensors:
            found[key] = locate(model, tensors[prefix], name)
    return {key: value.detach() for key, value in found.items()}


def largest_differences(oracle: dict, found: dict[str, torch.Tensor]) -> dict[str, float]:
    """The largest difference of each kind between the network and neon."""
    largest: dict[str, float] = defaultdict(float)
    for key, value in found.items():
        name = key.partition("/")[2]
        kind = "statistics" if "running" in name else KINDS.get(key[0], "parameters")
        kind = "softmax" if name == "softmax" else kind
        expected = oracle[key].ravel() if key == "loss_per_sample" else oracle[key]
        if value.shape != expected.shape:
            raise ValueError(f"{key}: shape {value.shape} where neon has {expected.shape}")
        # No comparison finds NaN to be large.
        difference = np.abs(value.double().numpy() - expected).max(initial=0.0)
        largest[kind] = max(largest[kind], float(np.nan_to_num(difference, nan=np.inf)))
    return largest


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays and the description of a file; an InputError if it is missing."""
    try:
        with np.load(path) as stored:
            oracle = {key: stored[key] for key in stored.files}
        return oracle, json.loads(str(oracle.pop("meta_json")))
    except (OSError, ValueError, AttributeError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no .npz file with meta_json.\n{ORIGIN}") from error


def check(path: Path) -> bool:
    """Compare with one file; tells whether all is within the tolerances."""
    oracle, meta = read(path)
    print(f"{path.name} (input {tuple(meta['input_shape'])})", meta.get("made_by", ""))
    are_near = []
    for dtype, tolerances in TOLERANCES.items():
        for kind, difference in largest_differences(oracle, compute(oracle, meta, dtype)).items():
            are_near.append(difference <= tolerances[kind])
            values = f"{difference:.1e}  (at most {tolerances[kind]:.0e})"
            print(f"  {str(dtype)[6:]}  {kind:<19} {values} {'ok' if are_near[-1] else 'OVER'}")
    return all(are_near)


def write(path: Path, source: Path = DRIFT_FILE) -> None:
    """Write a file of our own numbers, with the inputs of another one."""
    oracle, meta = read(source)
    found = {key: value.numpy() for key, value in compute(oracle, meta, torch.float64).items()}
    np.savez_compressed(path, **oracle | found, meta_json=json.dumps(meta))


def main() -> None:
    """Check the files named on the command line, or write one."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.npz")
    parser.add_argument("--write", type=Path, metavar="FILE.npz")
    files, to_write = vars(parser.parse_args()).values()
    if to_write:
        return write(to_write)
    if not files:
        print(ORIGIN)
    try:
        outcomes = [check(path) for path in files or [DRIFT_FILE]]
    except InputError as error:
        sys.exit(str(error))
    sys.exit(not all(outcomes))


if __name__ == "__main__":
    main()
