"""The network is the course's, has neon's initial weights, and can be saved."""

import json
import os
import sys
import zipfile

import check_oracle
import numpy as np
import pytest
import torch

from helpers.training import SMALL, new_network
from renet.common.errors import InputError
from renet.config.model import Architecture
from renet.network import model_file
from renet.network.kinds.renet import ReNet
from renet.network.model import parameter_count


def test_default_is_the_courses_network():
    model = ReNet((3, 128, 128), Architecture())
    assert parameter_count(model) == 25_576_712
    layers = [name for name, _ in model.named_children()]
    convolutions = "norm bn0 conv1 bn1 pool1 conv2 bn2 pool2 conv3 bn3 pool3 conv4 bn4"
    assert layers == [*convolutions.split(), "rnn1", "bn5", "rnn2", "bn6", "cls"]


def test_initial_weights_are_neons_own(reference_data):
    model = ReNet((3, 128, 128), Architecture())
    model.init_weights(0)
    stats = json.loads((reference_data / "oracle" / "neon_init_stats.json").read_text())
    for name, expected in stats.items():
        values = check_oracle.locate(model, model.state_dict(), name).double().numpy()
        assert list(values.shape) == expected["shape"]
        found = [values.mean(), values.std(), values.min(), values.max()]
        wanted = [expected[key] for key in ("mean", "std", "min", "max")]
        assert np.allclose(found, wanted, atol=1e-7), name


@pytest.mark.parametrize("name", ["small_64x96", "stateful_64x96"])
def test_network_computes_what_neon_computes(reference_data, name, capsys):
    assert check_oracle.check(reference_data / "oracle" / f"{name}.npz")
    report = capsys.readouterr().out
    assert report.count(" ok") == 14 and "OVER" not in report


@pytest.mark.parametrize("key", ["act/rnn2", "g1/rnn1.v0.bwd.W_rec", "p5/bn3.running_var",
                                 "v5/cls.bias", "losses", "inf_test/softmax"])  # fmt: skip
def test_network_computes_the_drift_file_in_which_a_wrong_number_is_found(tmp_path, capsys, key):
    assert check_oracle.DRIFT_FILE.stat().st_size < 200_000
    spoilt = tmp_path / "spoilt.npz"
    with np.load(check_oracle.DRIFT_FILE) as stored:
        oracle = dict(stored)
    oracle[key].flat[0] += 2e-3
    np.savez(spoilt, **oracle)
    assert not check_oracle.check(spoilt)
    report = capsys.readouterr().out
    assert "not numbers of neon" in report and report.count("OVER") == 2
    check_oracle.write(tmp_path / "drift.npz", spoilt)
    with np.load(tmp_path / "drift.npz") as made, np.load(check_oracle.DRIFT_FILE) as stored:
        assert made.files == stored.files
        for name in set(made.files) - {"meta_json"}:
            assert np.allclose(made[name], stored[name], rtol=0, atol=1e-9), name


@pytest.mark.parametrize("name", [None, "none.npz", "text.npz"])
def test_oracle_check_without_a_file_says_where_files_come_from(
    tmp_path, monkeypatch, capsys, name
):
    (tmp_path / "text.npz").write_text("no arrays")
    arguments = [str(tmp_path / name)] if name else []
    monkeypatch.setattr(sys, "argv", ["check_oracle.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        check_oracle.main()
    printed = capsys.readouterr().out + str(ended.value.code)
    assert "They are made with neon 2.6.0" in printed
    assert bool(ended.value.code) == bool(name)
    assert ("drift_32x64.npz (input" in printed) == (name is None)


@pytest.mark.parametrize("size", [(100, 128), (128, 48)])
def test_size_that_does_not_fit_is_an_error_that_names_the_divisors(size):
    with pytest.raises(InputError, match=rf"is \[{size[0]}, {size[1]}\], .* \[32, 32\]"):
        ReNet((3, *size), Architecture())


def test_blocks_widths_and_depth_come_from_the_architecture():
    architecture = Architecture(
        conv_channels=[4, 8],
        spatial_rnns=[{"units": 3, "block": [3, 1]}, {"units": 4, "block": [1, 2]}],
        cell="gru",
    ).replace(classes=5)
    assert architecture.size_divisors() == (6, 4)
    model = ReNet((1, 24, 16), architecture)
    assert model.rnn1.output_shape == (6, 4, 8) and model.rnn2.output_shape == (8, 4, 4)
    assert model(torch.zeros(2, 1, 24, 16, dtype=torch.uint8)).shape == (2, 5)


def test_saved_network_predicts_as_before(tmp_path):
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    means = (None, np.array([100.0, 110.0, 120.0]), np.linspace(0, 255, 3 * 32 * 32))
    for mean, dtype in zip(means, (torch.float, torch.float, torch.double), strict=True):
        model = new_network(mean=mean).to(dtype)
        model(pixels)  # moves the running statistics
        model_file.save(tmp_path / "model.pt", model)
        again = model_file.load(tmp_path / "model.pt")
        assert torch.equal(again.eval()(pixels), model.eval()(pixels))
        assert again.conv1.weight.dtype == dtype
        assert again.architecture == SMALL


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_never_written(tmp_path, value):
    model = new_network()
    with torch.no_grad():
        model.conv1.bias[0] = value
    with pytest.raises(InputError, match=r"model\.pt is not written, because conv1\.bias"):
        model_file.save(tmp_path / "model.pt", model)
    assert list(tmp_path.iterdir()) == []


ENDLESS: list = []
ENDLESS.append(ENDLESS)


class Code:
    def __reduce__(self):
        return print, ("run",)


def test_shortage_of_memory_is_not_blamed_on_the_model(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "_read_pytorch", lambda *_: np.empty(1 << 50))
    (tmp_path / "model.pt").touch()
    with pytest.raises(MemoryError):
        model_file.load(tmp_path / "model.pt")


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be loaded as a model"),
        (b"PK\x03\x04 damaged", "cannot be loaded as a model"),
        (b"<html>", "cannot be loaded as a model"),
        ({"weights": torch.zeros(3)}, "is not a model of this project: its format is not named"),
        ({"format": "renet-model-0"}, "its format is renet-model-0, but renet-model-1 is needed"),
        ({"format": Code()}, "could run code"),
    ],
)
def test_file_that_is_no_model_is_one_sentence(tmp_path, content, message, capsys):
    if isinstance(content, bytes):
        (tmp_path / "model.pt").write_bytes(content)
    else:
        torch.save(content, tmp_path / "model.pt")
    with pytest.raises(InputError, match=rf"\A.*model\.pt .*{message}.*\Z"):
        model_file.load(tmp_path / "model.pt")
    assert "run" not in capsys.readouterr().out


@pytest.mark.fault("odd-file")
def test_missing_model_pipe_and_device_are_named(tmp_path):
    (tmp_path / "zeros.pt").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("none.pt", "zeros.pt", "pipe.safetensors"):
        with pytest.raises(InputError, match=f"{name} does not exist or is no file"):
            model_file.load(tmp_path / name)


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize(
    "change",
    [
        {"input_shape": [3, 32]}, {"input_shape": None}, {"architecture": {"kind": "none"}},
        {"architecture": {"cell": "gru"}}, {"architecture": {"units": 3}}, {"state": {}},
        {"architecture": SMALL.model_dump() | {"classes": 8}},  # with age groups, up to 3.0.0
        {"state": {"conv1.weight": 3}}, {"state": [1]}, {"state": {"conv1.weight": torch.ones(2)}},
        {"input_shape": torch.tensor([3, 32, 32])},
        {"architecture": SMALL.model_dump() | {"flip_average": "no"}},
        {"architecture": SMALL.model_dump() | {"spatial_rnns": [{"units": 5, "block": [0, 2]}]}},
        {"classes": ["male", "female"]}, {"input_shape": [3, 32, 10**9]},
        {"state": {"conv1.weight": torch.ones(2, 2).to_sparse()}},
        {"training": {"a": [torch.ones(2).to(torch.float8_e5m2)]}},
        {"training": torch.ones(2, dtype=torch.complex64)},
        {"training": torch.ones(1).expand(1 << 40)}, {"training": torch.ones(1, device="meta")},
        {"training": ENDLESS},
    ],
    ids=lambda change: f"{change!r:.60}" if "training" not in change else "training",
)  # fmt: skip
def test_model_whose_parts_do_not_fit_is_one_sentence(tmp_path, change):
    model_file.save(tmp_path / "model.pt", new_network())
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    torch.save(content | change, tmp_path / "model.pt")
    fault = r"model\.pt (cannot be used, because|has no weights)"
    with pytest.raises(InputError, match=fault) as caught:
        model_file.load(tmp_path / "model.pt")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("way", ["compressed", "overlapping"])
def test_small_model_file_of_much_data_is_refused_before_it_is_read(tmp_path, monkeypatch, way):
    model_file.save(tmp_path / "model.pt", new_network())
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: pytest.fail("read"))
    with zipfile.ZipFile(tmp_path / "model.pt", "a", zipfile.ZIP_DEFLATED) as archive:
        if way == "compressed":
            archive.writestr("zeros", bytes(1 << 20))
        else:
            archive.filelist += archive.filelist
            archive.comment = b"so that the entries are written again"
    with pytest.raises(
        InputError, match=r"model\.pt cannot be loaded .* its entries are compressed or overlap"
    ):
        model_file.load(tmp_path / "model.pt")
