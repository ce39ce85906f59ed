"""What single layers make of a face, and the pictures of their maps."""

import numpy as np
import pytest
import torch

from helpers.training import SMALL_KINDS, new_network
from renet.config.model import Architecture
from renet.network.kinds.renet import ReNet
from renet.walkthrough import activations, stages

SMALL = SMALL_KINDS["renet"]


@pytest.fixture
def network() -> ReNet:
    return new_network(SMALL)


def test_maps_are_those_of_the_face_and_not_of_its_mirror_image(network):
    averaging = new_network(SMALL.replace(flip_average=True))
    averaging.load_state_dict(network.state_dict())
    face = np.random.default_rng(1).integers(0, 256, network.input_shape, dtype=np.uint8)
    maps, expected = (
        activations.record(one, face, torch.device("cpu")).maps for one in (averaging, network)
    )
    assert all(np.array_equal(maps[name], expected[name]) for name in expected)
    assert not any(layer._forward_hooks for layer in network.modules())


def test_vertical_sweep_reaches_its_column_and_both_sweeps_the_whole_map(network):
    maps = np.random.default_rng(1).normal(size=(8, 16, 16))
    row, column = activations.middle(network.rnn1)
    assert (row, column) == (4, 4)
    forward, backward, horizontal = activations.sweeps(network.rnn1, maps)[1]
    rows, columns = np.indices(forward.shape)
    assert np.array_equal(forward > 0, (columns == column) & (rows >= row))
    assert np.array_equal(backward > 0, (columns == column) & (rows <= row))
    assert (horizontal > 0).all()


def test_without_recurrent_weights_a_state_knows_its_block_alone_and_the_first_row_stays(network):
    maps = np.random.default_rng(1).normal(size=(8, 16, 16))
    states, _, (alone, difference) = activations.sweeps(network.rnn1, maps)
    same = np.tile(maps[:, :2, :2], (1, 8, 8))  # copies of one block in 8 rows and 8 columns
    flat = activations.sweeps(network.rnn1, same)[2][0]
    assert np.ptp(flat, axis=0) == pytest.approx(0, abs=1e-6)
    assert alone[0] == pytest.approx(states[0][0]) and (difference[0] == 0).all()
    assert (difference[1:] > 1e-3).all()
    assert network.rnn1.vertical.recurrent_weight.any()  # the network itself keeps its weights


def columns_that_change(network: ReNet, layer: str, column: int) -> int:
    """Columns of a layer's maps from the first to the last that change when one pixel does."""
    dark = np.zeros((3, 64, 64), np.uint8)
    bright = dark.copy()
    bright[:, 32, column] = 255
    cpu = torch.device("cpu")
    before, after = (activations.record(network, one, cpu).maps[layer] for one in (dark, bright))
    return int(np.ptp(np.flatnonzero((before != after).any(axis=(0, 1))))) + 1


def test_receptive_field_is_where_a_changed_pixel_shows():
    network = new_network(Architecture(conv_channels=[4, 4], spatial_rnns=[]), 64)
    for layer in network.modules():  # so that ReLU hides no change
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data.abs_()
    fields = activations.receptive_fields(network)
    assert fields["conv1"] == (5, columns_that_change(network, "conv1", 32)) == (5, 5)
    # The pooling halves the map: a pixel is in every second field of two neighbours together.
    changes = sum(columns_that_change(network, "conv2", column) for column in (32, 33))
    assert fields["conv2"] == (15, changes) == (15, 15)


def test_maps_that_vary_most_are_chosen_in_their_order():
    maps = np.zeros((5, 4, 4))
    maps[[1, 4], 0, 0] = 2
    maps[2, 0, 0], maps[3] = 3, 9  # number 3 is large, but the same everywhere
    assert stages.most_varied(maps, 3) == [1, 2, 4]
    assert stages.most_varied(maps, 9) == [0, 1, 2, 3, 4]


def test_colours_of_unsigned_maps_go_from_black_to_bright():
    black, bright = stages.colour(np.array([[0.0, 4.0]]))[0].astype(int)
    assert black.max() < 10 and bright.min() > 150
    assert stages.colour(np.zeros((1, 1))).max() < 10  # a ReLU without output


@pytest.mark.parametrize("values", [[0.0, 0.5, 3.0], [-3.0, -0.5, 0.0], [-3.0, 0.0, 3.0]])
def test_signed_maps_have_the_same_colours_whichever_signs_occur(values):
    picture = stages.colour(np.array([values]), signed=True)[0].astype(int)
    for value, (red, _, blue) in zip(values, picture, strict=True):
        assert np.sign(red - blue) == np.sign(value) or (value == 0 and abs(red - blue) < 5), value
