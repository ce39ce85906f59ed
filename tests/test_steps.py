"""An update is the same whether it runs directly or as a CUDA graph."""

import dataclasses

import pytest
import torch

from helpers.training import SMALL
from renet.common.errors import InputError
from renet.config.recipe import Recipe
from renet.network import devices
from renet.network.model import ReNet, init_weights
from renet.training import train_step

RECIPE = Recipe(batch_size=8, learning_rate=0.05, device="cpu")


class ReplayedOnCPU(train_step.CudaGraphTrainStep):
    """Captures nothing, but copies the batches to and from the same tensors."""

    def __init__(self, *arguments: object):
        super().__init__(*arguments)
        self.log: list[str] = []

    def _warm_up(self, pixels: torch.Tensor, targets: torch.Tensor) -> None:
        self.log.append("warm-up")
        self._update(pixels, targets, 1.0)

    def _capture(self):
        self.log.append("capture")
        return lambda: (
            self.log.append("replay"),
            self._update(self._pixels, self._targets, 1.0),
        )


def network() -> ReNet:
    model = ReNet((3, 32, 32), SMALL)
    init_weights(model, 1)
    return devices.to_device(model, torch.device("cpu"), "float32").train()


def some_batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randint(0, 256, (size, 3, 32, 32), dtype=torch.uint8, generator=generator),
            torch.randint(0, 2, (size,), generator=generator),
        )
        for size in (8, 8, 3, 8, 8, 8, 3, 8)
    ]


def test_replayed_updates_are_those_of_plain_steps():
    plain, captured = train_step.TrainStep(network(), RECIPE), ReplayedOnCPU(network(), RECIPE)
    for batch in some_batches():
        plain(*batch)
        captured(*batch)
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, captured.network.state_dict()[name]), name
    assert plain.take_sums() == captured.take_sums()
    # Short batches run without the graph, which is captured once.
    assert captured.log == [*["warm-up"] * 3, "capture", *["replay"] * 3]


def test_sums_count_losses_correct_predictions_and_finite_batches_since_the_last_call():
    model = network()
    step = train_step.TrainStep(model, Recipe(batch_size=8, learning_rate=1e-12))
    batches = some_batches()[:3]
    expected = 0.0
    for pixels, targets in batches:
        expected += torch.nn.functional.cross_entropy(model(pixels), targets).item() * len(targets)
        step(pixels, targets)
    loss, correct, finite = step.take_sums()
    assert loss == pytest.approx(expected, rel=1e-5)
    assert 0 <= correct <= 19 and finite == 3
    assert step.take_sums() == (0.0, 0, 0)


def test_batches_after_a_loss_that_is_no_number_are_not_counted_as_finite():
    model = network()
    step = train_step.TrainStep(model, RECIPE)
    for number, batch in enumerate(some_batches()[:4]):
        if number == 2:
            with torch.no_grad():
                model.conv1.weight.fill_(torch.inf)
        step(*batch)
    assert step.take_sums()[2] == 2


def tf32_flags() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("precision", ["tf32", "float32"])
def test_tf32_is_off_for_float32_also_in_convolutions_and_in_the_backward_pass(precision):
    model, seen = network(), []
    model.conv1.register_forward_hook(lambda *_: seen.append(tf32_flags()))
    model.conv1.weight.register_hook(lambda _: seen.append(tf32_flags()))
    recipe = dataclasses.replace(RECIPE, precision=precision)
    before = tf32_flags()
    train_step.TrainStep(model, recipe)(*some_batches()[0])
    assert seen == [(precision == "tf32",) * 2] * 2
    assert tf32_flags() == before


def test_precision_flags_are_restored_after_an_error():
    before = tf32_flags()
    for precision in ("tf32", "float32"):
        with (
            pytest.raises(ZeroDivisionError),
            devices.precision_context(precision, torch.device("cpu")),
        ):
            assert tf32_flags() == (precision == "tf32",) * 2
            raise ZeroDivisionError
        assert tf32_flags() == before


def test_bfloat16_is_that_of_products_alone():
    model = network()
    with devices.precision_context("bfloat16", torch.device("cpu")):
        maps = model.conv1(torch.rand(2, 3, 32, 32))
    assert maps.dtype == torch.bfloat16 and model.conv1.weight.dtype == torch.float32


@pytest.fixture
def two_gpus(monkeypatch):
    """As if torch saw two GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")


def test_each_process_has_a_gpu_of_its_own(two_gpus):
    assert devices.choose("auto", 1, local_rank=1) == torch.device("cuda:1")
    with pytest.raises(InputError, match="GPU number 2 is asked for and PyTorch sees 2"):
        devices.choose("cuda", 1, local_rank=2)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_gpus_that_snakemake_grants_go_before_the_settings(device, two_gpus):
    assert devices.choose(devices.granted(device, 0), 1).type == "cpu"
    for gpus in (1, None):
        assert devices.choose(devices.granted(device, gpus), 1).type == "cuda"


def test_number_of_threads_is_that_of_the_settings():
    before = torch.get_num_threads()
    devices.choose("cpu", threads=1)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
