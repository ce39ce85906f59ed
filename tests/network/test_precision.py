"""The precision is that of the device, and algorithms are chosen once."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
import torch

from helpers.training import QUICK, SMALL, make_trainer, train_job
from renet.network import devices
from renet.training.settings import RunSettings

CPU_FLAGS = {True: "flags : fpu avx512f avx512_bf16 sha", False: "flags : fpu avx512f sha"}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A function that makes this machine one whose CPU and GPUs are as given."""
    bmm, chosen = torch.bmm, torch.backends.mkldnn.matmul

    def make(
        has_bfloat16: bool = True,
        *capabilities: tuple[int, int],
        vendor: str = "GenuineIntel",
        by_onednn: Callable[[torch.Tensor], torch.Tensor] = lambda product: product,
    ) -> None:
        """`by_onednn` gives the product of oneDNN from that of MKL."""

        def multiply(*factors: torch.Tensor) -> torch.Tensor:
            """In float64, which no setting of this machine changes."""
            product = bmm(*(factor.double() for factor in factors)).to(factors[0].dtype)
            return by_onednn(product) if chosen.fp32_precision == "bf16" else product

        monkeypatch.setattr(torch, "bmm", multiply)
        (tmp_path / "cpuinfo").write_text(f"vendor_id : {vendor}\n{CPU_FLAGS[has_bfloat16]}")
        monkeypatch.setattr(devices, "CPU_FEATURES", tmp_path / "cpuinfo")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(capabilities))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
        monkeypatch.setattr(torch.cuda, "get_device_capability", capabilities.__getitem__)
        forget()

    def forget() -> None:
        devices.chosen_precision.cache_clear()
        devices.float32_products.cache_clear()

    yield make
    forget()


@pytest.mark.parametrize(
    ("has_bfloat16", "capabilities", "device", "chosen"),
    [
        (True, [], "auto", "bfloat16"),
        (False, [], "auto", "float32"),
        (False, [(8, 0), (9, 0)], "auto", "bfloat16"),
        (True, [(9, 0), (7, 5)], "cuda", "float32"),  # the processes have to agree
        (True, [(7, 5)], "cpu", "bfloat16"),
    ],
)
def test_auto_is_bfloat16_where_the_device_has_it(
    machine, caplog, has_bfloat16, capabilities, device, chosen
):
    caplog.set_level("INFO")
    machine(has_bfloat16, *capabilities)
    assert devices.chosen_precision("auto", device) == chosen
    assert f"Precision: {chosen}, because the" in caplog.text
    assert devices.chosen_precision("float32", device) == "float32"


def test_bfloat16_on_a_device_without_it_is_computed_with_one_warning(machine, caplog):
    machine(has_bfloat16=False)
    assert [devices.chosen_precision("bfloat16", "cpu") for _ in range(2)] == ["bfloat16"] * 2
    assert caplog.text.count("The CPU lacks bfloat16 and converts it: this is slower") == 1
    machine(has_bfloat16=True)
    assert devices.chosen_precision("bfloat16", "cpu") == "bfloat16"
    assert caplog.text.count("lacks bfloat16") == 1


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_auto_in_a_forward_pass_is_what_is_chosen(machine, has_bfloat16):
    machine(has_bfloat16)
    cpu, dtype = torch.device("cpu"), torch.bfloat16 if has_bfloat16 else torch.float32
    with devices.precision_context("auto", cpu):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_training_belongs_to_the_precision_that_was_chosen(machine, faces, tmp_path):
    paths = []
    for has_bfloat16, precision in ((True, "auto"), (True, "bfloat16"), (False, "auto")):
        machine(has_bfloat16)
        settings = RunSettings(SMALL, QUICK.replace(precision=precision)).granted(0)
        paths.append(train_job(tmp_path, settings).folder().path)
    assert paths[0] == paths[1] != paths[2]


@pytest.mark.parametrize(
    ("cpu", "by_onednn", "is_on"),
    [
        ("AuthenticAMD", lambda product: product * (1 + 2e-6), True),
        ("AuthenticAMD", lambda product: product, False),  # MKL's, after all
        ("AuthenticAMD", lambda product: product.bfloat16().float(), False),
        ("GenuineIntel", lambda product: product * (1 + 2e-6), False),
    ],
)
def test_onednn_multiplies_if_exact(machine, faces, caplog, cpu, by_onednn, is_on):
    machine(has_bfloat16=False, vendor=cpu, by_onednn=by_onednn)
    caplog.set_level("INFO")
    make_trainer(faces, QUICK).run()
    assert caplog.text.count("Float32 products: by oneDNN") == is_on
    assert (torch.backends.mkldnn.matmul.fp32_precision == "bf16") == is_on


@pytest.mark.parametrize("deterministic", [True, False])
def test_gpu_is_deterministic_or_times_its_algorithms(monkeypatch, deterministic):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is unset again after the test
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    devices.choose_algorithms(torch.device("cpu"), deterministic)
    assert not torch.are_deterministic_algorithms_enabled()
    devices.choose_algorithms(torch.device("cuda"), deterministic)
    assert torch.are_deterministic_algorithms_enabled() == deterministic
    assert torch.backends.cudnn.benchmark != deterministic
    assert ("CUBLAS_WORKSPACE_CONFIG" in devices.os.environ) == deterministic


def test_deterministic_is_one_of_the_settings(faces, monkeypatch):
    monkeypatch.setattr(devices, "choose_algorithms", choose := Mock())
    make_trainer(faces, QUICK.replace(deterministic=True))
    assert [call.args for call in choose.call_args_list] == [(torch.device("cpu"), True)]
