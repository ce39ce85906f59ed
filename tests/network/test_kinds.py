"""Kinds of networks: their shapes, weights, config, and what an edited module retrains."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18

from helpers.training import QUICK, SMALL_KINDS, new_network, same, weights_of
from renet.common import script
from renet.config.model import Architecture, CnnArchitecture, ResNet18Architecture
from renet.network import kinds, layer_profile, model_file
from renet.network.model import infer, parameter_count
from renet.training import loop
from renet.training.settings import RunSettings
from renet.walkthrough import activations

CPU = torch.device("cpu")
each_kind = pytest.mark.parametrize("kind", list(SMALL_KINDS))


@pytest.mark.parametrize("side", [64, 128])
def test_cnn_has_the_shapes_of_renet_and_nearly_its_operations(side):
    face, operations, shapes = np.zeros((3, side, side), np.uint8), [], []
    for architecture in (Architecture(), CnnArchitecture()):
        with FlopCounterMode(display=False) as counter:
            seen = activations.record(kinds.build(face.shape, architecture), face, CPU)
        operations.append(counter.get_total_flops())
        shapes.append([seen.maps[name].shape for name in ("conv4", "bn5", "bn6", "cls")])
    assert operations[1] == pytest.approx(operations[0], rel=0.1) and operations[0] > 0
    assert shapes[0] == shapes[1]


@each_kind
def test_initial_weights_follow_from_the_seed_alone(kind):
    state = new_network(SMALL_KINDS[kind]).state_dict()
    torch.rand(5)  # the global generator does not matter
    assert same(state, new_network(SMALL_KINDS[kind]).state_dict())
    assert not same(state, new_network(SMALL_KINDS[kind], seed=2).state_dict())


def test_resnet18_is_torchvisions_own():
    torch.manual_seed(1)
    reference = resnet18(num_classes=2).eval()
    network = new_network(ResNet18Architecture(), 64)
    ours, theirs = network.state_dict(), reference.state_dict()
    weights = [name for name in theirs if name.endswith(("weight", "bias"))]
    assert len(weights) == 62 and all(torch.equal(ours[name], theirs[name]) for name in weights)
    for module in network.modules():  # the same statistics for both
        if hasattr(module, "running_var"):
            module.running_var.fill_(1 - module.EPS + 1e-5)
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    found = infer(network.eval(), pixels, "float32")
    torch.testing.assert_close(found, reference(pixels / 128), atol=1e-4, rtol=1e-4)


def test_model_file_without_a_kind_is_a_renet(tmp_path):
    network = new_network(SMALL_KINDS["renet"])
    model_file.save(tmp_path / "model.pt", network)
    content = model_file.read(tmp_path / "model.pt")
    for name in ("kind", "residual", "sweep_norm", "classifier"):
        del content["architecture"][name]
    assert same(model_file.build(content).state_dict(), network.state_dict())


@each_kind
def test_every_kind_learns_and_continues_from_a_checkpoint(kind, faces, tmp_path):
    recipe = QUICK.replace(learning_rate=0.001, epochs=2)
    given = {"model": SMALL_KINDS[kind].model_dump(), "train": recipe.model_dump()}
    settings = script.as_type(given, RunSettings)  # as a job's
    trainer = loop.build(settings, CPU, *faces)

    def stop(trainer):
        if trainer.epoch == 1:
            model_file.save(tmp_path / "model.pt", trainer.model, training=trainer.state())

    trainer.run(after_epoch=stop)
    assert trainer.history[-1]["loss"] < trainer.history[0]["loss"]
    assert model_file.load(tmp_path / "model.pt").architecture == SMALL_KINDS[kind]
    again = loop.build(settings, CPU, *faces, saved=model_file.read(tmp_path / "model.pt"))
    again.run()
    assert same(weights_of(trainer), weights_of(again)) and again.history == trainer.history


@each_kind
def test_layers_of_each_kind_have_its_shapes_and_parameters(kind):
    network = new_network(SMALL_KINDS[kind])
    layers = pd.DataFrame(layer_profile.describe(network)).set_index("layer")
    assert layers.parameters.sum() == parameter_count(network)
    assert layers.index.tolist() == network.architecture.layers()
    values = torch.zeros((1, *network.input_shape), dtype=torch.uint8)
    for name, layer in network.eval().named_children():
        values = layer(values)
        assert layers.output[name] == " × ".join(map(str, values.shape[1:])), name


def test_operations_are_counted_by_hand():
    """Twice the products of a forward pass, and as many for each of the two gradients."""
    blocks = [{"units": 6, "block": [2, 4]}, {"units": 5, "block": [2, 1]}]
    network = new_network(Architecture(conv_channels=[4, 8], spatial_rnns=blocks))
    operations = pd.DataFrame(layer_profile.describe(network)).set_index("layer").operations
    assert operations["conv1"] == 3 * 2 * (4 * 3 * 9) * 32 * 32
    assert operations["cls"] == 3 * 2 * (2 * 10) * 6 * 6
    inputs, sequences, time, units = 8 * 2 * 4, 4, 8, 6
    vertical = 2 * sequences * units * (time * inputs + (time - 1) * units)
    horizontal = 2 * time * units * (sequences * 2 * units + (sequences - 1) * units)
    # The gradient of the recurrent weights counts a product for each step but the first, too.
    assert operations["rnn1"] == 3 * 2 * (vertical + horizontal)
    assert not operations[["norm", "bn0", "bn1", "pool1"]].any()


def test_plain_classifier_has_logits_of_both_signs_and_no_border():
    network = new_network(SMALL_KINDS["renet"].replace(classifier="plain"))
    pixels = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    logits = network(pixels)
    assert (logits < 0).any() and (logits > 0).any()
    assert network.cls.padding == (0, 0)


def test_residual_paths_lead_around_both_sweeps():
    """With the RNNs at zero, the block is the linear map around the first sweep."""
    rnn = new_network(SMALL_KINDS["renet"].replace(residual=True)).rnn1
    for bank in (rnn.vertical, rnn.horizontal):
        for weight in bank.parameters():
            weight.data.zero_()
    maps = torch.randn(2, 8, 16, 16)
    expected = torch.nn.functional.conv2d(maps, rnn.around.weight.view(8, 8, 2, 2), stride=2)
    torch.testing.assert_close(rnn(maps), expected)


def test_norm_of_the_sweeps_makes_the_hidden_states_of_a_place_even():
    network = new_network(SMALL_KINDS["renet"].replace(sweep_norm=True))
    swept = network.rnn1.over_columns(torch.randn(2, 8, 16, 16))
    torch.testing.assert_close(swept.mean(-1), torch.zeros(8, 8, 2), atol=1e-5, rtol=0)
    assert swept.std(-1).min() > 0.9


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm", "relu"])
def test_options_of_renet_train_and_are_kept_in_the_model_file(cell, faces, tmp_path):
    shape = Architecture(
        conv_channels=[4, 4, 4, 8], spatial_rnns=SMALL_KINDS["renet"].spatial_rnns[:1], cell=cell,
        sweep_norm=True, residual=True, shared=True, classifier="plain",
    )  # fmt: skip
    trainer = loop.build(RunSettings(shape, QUICK), CPU, *faces)
    trainer.run()
    assert trainer.history[-1]["loss"] < trainer.history[0]["loss"]
    model_file.save(tmp_path / "model.pt", trainer.model)
    assert model_file.load(tmp_path / "model.pt").architecture == shape
    rnn, maps = trainer.model.rnn1, np.random.default_rng(0).normal(size=(8, 4, 4))
    block = activations.middle(rnn)
    forward, backward, horizontal = activations.sweeps(rnn, maps)[1]
    assert (horizontal > 0).all()
    # The RNNs of a direction have seen the blocks on their side alone, also with `sweep_norm`.
    rows = np.arange(len(forward))
    assert (forward[rows < block[0]] == 0).all() and (forward > 0).any()
    assert (backward[rows > block[0]] == 0).all() and (backward > 0).any()
