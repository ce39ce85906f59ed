"""The table of the layers of a network."""

import pytest
import torch

from helpers.training import new_network
from renet.config.architecture import Architecture
from renet.network.kinds.renet import ReNet
from renet.network.model import parameter_count
from renet.pages import layer_profile
from renet.pages.tables import LAYERS

SHAPE = (3, 32, 32)
SMALL = Architecture([4, 8], [{"units": 6, "block": [2, 4]}, {"units": 5, "block": [2, 1]}])


@pytest.fixture
def network() -> ReNet:
    return new_network(SMALL)


def test_layers_have_the_shapes_and_parameters_of_the_network(network):
    layers = layer_profile.describe(network).set_index("layer")
    assert layers.parameters.sum() == parameter_count(network)
    values = torch.zeros((1, *SHAPE), dtype=torch.uint8)
    for name, layer in network.eval().named_children():
        values = layer(values)
        assert layers.output[name] == " × ".join(map(str, values.shape[1:])), name


def test_operations_are_counted_by_hand(network):
    """Twice the products of a forward pass, and as many for each of the two gradients."""
    operations = layer_profile.describe(network).set_index("layer").operations
    assert operations["conv1"] == 3 * 2 * (4 * 3 * 9) * 32 * 32
    assert operations["cls"] == 3 * 2 * (2 * 10) * 6 * 6
    inputs, sequences, time, units = 8 * 2 * 4, 4, 8, 6
    vertical = 2 * sequences * units * (time * inputs + (time - 1) * units)
    horizontal = 2 * time * units * (sequences * 2 * units + (sequences - 1) * units)
    # The gradient of the recurrent weights counts a product for each step but the first, too.
    assert operations["rnn1"] == 3 * 2 * (vertical + horizontal)
    assert not operations[["norm", "bn0", "bn1", "pool1"]].any()


def test_run_page_has_a_row_for_each_layer(results):
    run = results / "runs" / "made"
    layers = LAYERS.read(run / "tables/layers.csv")
    page = (run / "report.html").read_text()
    for row in layers.itertuples():
        cells = f"<td>{row.output}</td><td>{row.parameters:,}</td>\n<td>{row.operations:,}</td>"
        assert f'{row.layer}</th><td class="text">{row.kind}</td>{cells}' in page
