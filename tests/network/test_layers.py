"""The layers compute what neon's and torch's own do, in their own arrangement."""

import copy
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from torch import nn

from helpers.training import SMALL
from renet.network import batch_norm, model
from renet.network.batch_norm import BatchNorm
from renet.network.kinds.renet import ReNet
from renet.network.model import Classifier, ConvReLU, LinearClassifier, Normalizer
from renet.network.rnn import BiRNNBank, SpatialRNN


def randomise(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return module


def torch_rnn(bank: BiRNNBank, sequence: int) -> nn.Module:
    """torch's own bidirectional RNN with the weights of one sequence of a bank."""
    kinds = {"tanh": nn.RNN, "relu": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    options = {"nonlinearity": bank.cell} if kinds[bank.cell] is nn.RNN else {}
    rnn = kinds[bank.cell](bank.inputs, bank.units, bidirectional=True, **options).double()
    bank_number = sequence % len(bank.bias)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
        for direction, suffix in enumerate(("", "_reverse")):
            weight = bank.input_weight[bank_number].chunk(2)[direction]
            getattr(rnn, f"weight_ih_l0{suffix}").copy_(weight)
            recurrent = bank.recurrent_weight[2 * bank_number + direction]
            getattr(rnn, f"weight_hh_l0{suffix}").copy_(recurrent)
            bias = bank.bias[bank_number].chunk(2)[direction]
            getattr(rnn, f"bias_ih_l0{suffix}").copy_(bias)
    return rnn


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("cell", ["tanh", "relu", "gru", "lstm"])
def test_bank_equals_one_torch_rnn_for_each_sequence(cell, shared, monkeypatch):
    bank = randomise(BiRNNBank(3, 5, 4, cell, shared)).double()
    inputs = torch.randn(3, 6, 2, 5, dtype=torch.double)
    expected = torch.stack([torch_rnn(bank, number)(inputs[number])[0] for number in range(3)])
    assert torch.allclose(bank(inputs), expected, atol=1e-12)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert torch.allclose(bank(inputs), expected, atol=1e-12)  # as for ONNX


@pytest.mark.parametrize("cell", ["tanh", "relu", "gru", "lstm"])
def test_gradients_of_inputs_and_weights_are_right(cell):
    bank = randomise(BiRNNBank(2, 3, 2, cell)).double()
    inputs = torch.randn(3, 2, 2, 3, dtype=torch.double).transpose(0, 1).requires_grad_()
    names = [name for name, _ in bank.named_parameters()]

    def run(inputs, *weights):  # whose gradient is not contiguous either
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(bank, given, (inputs,)).transpose(1, 2)

    assert torch.autograd.gradcheck(run, (inputs, *bank.parameters()))


@pytest.mark.parametrize("cell", ["tanh", "relu", "gru", "lstm"])
def test_initial_weights_of_each_gate_reach_glorots_limit_and_are_not_above_it(cell):
    bank = BiRNNBank(2, 48, 32, cell)
    with torch.no_grad():
        bank.draw_weights(np.random.RandomState(0))
    for weights, inputs in ((bank.input_weight, 48), (bank.recurrent_weight, 32)):
        largest = weights.unflatten(1, (-1, 32)).abs().amax((2, 3)) / np.sqrt(6 / (inputs + 32))
        assert (largest > 0.9).all() and (largest <= 1).all()


@pytest.mark.parametrize("block", [(2, 2), (1, 3), (4, 2)])
def test_vertical_pass_runs_down_columns_and_horizontal_pass_along_rows(block):
    spatial = randomise(SpatialRNN((3, 8, 12), block, 4)).double()
    maps = torch.randn(2, 3, 8, 12, dtype=torch.double).to(memory_format=torch.channels_last)
    rows, columns = 8 // block[0], 12 // block[1]
    down = torch.empty(rows, columns, 2, 8, dtype=torch.double)
    for column in range(columns):
        strip = maps[..., column * block[1] : (column + 1) * block[1]]
        sequence = torch.stack([part.flatten(1) for part in strip.split(block[0], 2)])
        down[:, column] = torch_rnn(spatial.vertical, column)(sequence)[0]
    along = torch.stack([torch_rnn(spatial.horizontal, row)(down[row])[0] for row in range(rows)])
    assert torch.allclose(spatial(maps), along.permute(2, 3, 0, 1), atol=1e-12)
    assert spatial(maps).shape[1:] == spatial.output_shape


@pytest.mark.parametrize("as_on_a_gpu", [False, True])
def test_batchnorm_normalises_by_the_batch_in_training_and_by_statistics_from_zero_after_it(
    as_on_a_gpu, monkeypatch
):
    monkeypatch.setattr(batch_norm, "has_accurate_sums", lambda device: as_on_a_gpu)
    layer = randomise(BatchNorm(3)).double()
    maps = torch.randn(4, 3, 5, 2, dtype=torch.double) * 3 + 1
    weight, bias = (part.reshape(1, 3, 1, 1) for part in (layer.weight, layer.bias))

    def normalised(mean, variance):
        mean, variance = mean.reshape(1, 3, 1, 1), variance.reshape(1, 3, 1, 1)
        return (maps - mean) / (variance + 1e-3).sqrt() * weight + bias

    mean, variance = maps.mean(dim=(0, 2, 3)), maps.var(dim=(0, 2, 3), unbiased=False)
    assert torch.allclose(layer.train()(maps), normalised(mean, variance))
    assert torch.allclose(layer.running_mean, 0.1 * mean)
    assert torch.allclose(layer.running_var, 0.1 * variance)
    layer(maps)
    assert torch.allclose(layer.running_var, 0.19 * variance)
    expected = normalised(layer.running_mean, layer.running_var)
    assert torch.allclose(layer.eval()(maps), expected)


def trained(maps: torch.Tensor, gradient: torch.Tensor) -> dict[str, torch.Tensor]:
    """Statistics and gradients of a batch normalisation, in at least float32."""
    layer = randomise(BatchNorm(maps.shape[1])).to(torch.promote_types(maps.dtype, torch.float32))
    maps = maps.detach().requires_grad_()
    layer.train()(maps).backward(gradient)
    names = ("mean", "variance", "weight", "bias", "maps")
    gradients = layer.weight.grad, layer.bias.grad, maps.grad
    return dict(zip(names, (layer.running_mean, layer.running_var, *gradients), strict=True))


@pytest.mark.parametrize(
    "shape",
    [
        (32, 3, 128, 128), (32, 128, 32, 32), (31, 256, 16, 16), (32, 512, 4, 4), (31, 8, 65, 65),
        (1, 2, 509, 509), pytest.param((128, 32, 128, 128), marks=pytest.mark.slow),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 3e-4), (torch.bfloat16, 0.02)])
def test_batchnorm_has_the_statistics_and_gradients_of_float64(shape, layout, dtype, limit):
    maps = torch.relu(torch.randn(shape) * 2 + 3).to(dtype).contiguous(memory_format=layout)
    gradient = (torch.randn(shape) + 0.1).to(dtype).contiguous(memory_format=layout)
    expected = trained(maps.double(), gradient.double())
    for name, values in trained(maps, gradient).items():
        difference = (values - expected[name]).abs().max() / expected[name].abs().max()
        assert difference < (1e-6 if name in ("mean", "variance") else limit), name


def test_batchnorm_has_the_gradients_of_its_formula():
    layer = randomise(BatchNorm(3)).double().train()
    maps = torch.randn(4, 3, 6, 2, dtype=torch.double).contiguous(memory_format=torch.channels_last)
    assert torch.autograd.gradcheck(layer, maps.requires_grad_())


def test_normalisation_inside_the_kernel_computes_what_two_layers_compute():
    norm = randomise(BatchNorm(3)).double().train()
    convolution = randomise(ConvReLU(3, 5, 3, padding=2, dilation=2)).double()
    maps = torch.randn(4, 3, 6, 8, dtype=torch.double) * 3 + 1
    outcomes = []
    for one_by_one in (True, False):
        layers = copy.deepcopy(torch.nn.Sequential(norm, convolution))
        out = layers(maps) if one_by_one else model.normalise_and_convolve(maps, *layers)
        (out**2).sum().backward()
        gradients = [parameter.grad for parameter in layers.parameters()]
        outcomes.append([out, *gradients, *layers.buffers()])
    for expected, found in zip(*outcomes, strict=True):
        assert torch.allclose(found, expected, atol=1e-12)


def test_training_uses_the_normalisation_inside_the_kernel(monkeypatch):
    network, pixels = ReNet((3, 32, 32), SMALL), torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    used = MagicMock(wraps=network.bn0.forward)
    monkeypatch.setattr(network.bn0, "forward", used)
    for mode, is_frozen, calls in ((True, False, 0), (True, True, 1), (False, False, 2)):
        network.freeze(["bn0"] if is_frozen else [])
        network.train(mode)(pixels)
        assert used.call_count == calls


def test_batchnorm_takes_a_batch_of_a_single_value_as_neon_does():
    layer = randomise(BatchNorm(3)).double()
    maps = torch.randn(1, 3, 1, 1, dtype=torch.double, requires_grad=True)
    outputs = layer.train()(maps)
    assert torch.allclose(outputs.flatten(), layer.bias)
    outputs.sum().backward()
    assert torch.allclose(maps.grad, torch.zeros_like(maps))
    assert torch.equal(layer.running_var, torch.zeros(3, dtype=torch.double))


def test_normalizer_subtracts_the_mean_and_divides_by_128():
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    assert torch.equal(Normalizer((3, 4, 4))(pixels), pixels / 128.0)
    mean = np.array([10.0, 20.0, 30.0])
    expected = (pixels.double() - torch.from_numpy(mean).reshape(3, 1, 1)) / 128.0
    assert torch.allclose(Normalizer((3, 4, 4), mean)(pixels).double(), expected)


@pytest.mark.parametrize("classifier", [Classifier(8, 2), LinearClassifier(8, 2)])
def test_classifier_is_in_float32_where_the_other_layers_are_in_bfloat16(classifier):
    maps = torch.randn(4, 8, 3, 5) if isinstance(classifier, Classifier) else torch.randn(4, 8)
    with torch.autocast("cpu", torch.bfloat16):
        evidence = randomise(classifier)(maps.bfloat16())
    assert torch.equal(evidence, classifier(maps.bfloat16().float()))
