"""A training can start from the weights in a file, and leave layers as they are."""

import functools
import re
import shutil
import tarfile
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf
from torchvision.models import resnet18

from helpers.dry_run import dry_run
from helpers.training import QUICK, SMALL, new_network, same, train_job
from helpers.workflow import SMALL as SMALL_RUN
from helpers.workflow import write_config
from renet.common.errors import InputError
from renet.config.model import CnnArchitecture, ResNet18Architecture
from renet.config.schema import Config
from renet.config.train import Start
from renet.network import kinds, model_file
from renet.network.kinds.resnet18 import IMAGENET, LAST
from renet.pages.results import templates
from renet.planning import before_start
from renet.training import initial_weights, loop
from renet.training.settings import RunSettings

CNN = CnnArchitecture(conv_channels=[4, 4, 4, 8], strided_convs=[{"channels": 8, "stride": [2, 2]}])


@pytest.fixture(scope="module")
def torchvisions() -> torch.nn.Module:
    """torchvision's network with running statistics of random pictures; four maps hardly vary."""
    network = resnet18(norm_layer=functools.partial(torch.nn.BatchNorm2d, momentum=1.0))
    with torch.no_grad():
        network.layer1[0].conv1.weight[:4] *= 1e-3
        network(torch.nn.functional.interpolate(torch.randn(8, 3, 9, 9), scale_factor=9))
    return network.eval()


def recipe(file, without=None, **options):
    of_file = Start(file=str(file), without=without) if without else str(file)
    return QUICK.replace(start_from=of_file, **options)


def loaded(architecture, recipe, side: int = 32):
    network = new_network(architecture, side, seed=5)
    initial_weights.load(network, recipe)
    return network.eval()


def saved(path, architecture=SMALL, **options):
    network = new_network(architecture, seed=3, **options)
    network.train()(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    model_file.save(path, network)
    return network.eval()


def test_features_of_a_photo_are_those_of_torchvision(tmp_path, reference_data, torchvisions):
    with tarfile.open(reference_data / "data/congress/wiki_crop.tar") as photos:
        member = next(one for one in photos if one.name.endswith(".jpg"))
        coded = np.frombuffer(photos.extractfile(member).read(), np.uint8)
    photo = cv2.cvtColor(cv2.resize(cv2.imdecode(coded, 1), (128, 96)), cv2.COLOR_BGR2RGB)
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None]
    torch.save(torchvisions.state_dict(), tmp_path / "weights.pth")
    network = loaded(ResNet18Architecture(), recipe(tmp_path / "weights.pth", "classifier"))
    mean, deviation = torch.tensor([*IMAGENET.values()]).view(2, 3, 1, 1)
    scaled = (pixels / 255 - mean) / deviation
    with torch.no_grad():
        expected = torch.nn.Sequential(*list(torchvisions.children())[:-1])(scaled).flatten(1)
        features = torch.nn.Sequential(*list(network)[:-1])(pixels)
    assert expected.abs().mean() > 0.1
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=0)
    model_file.save(tmp_path / "model.pt", network)  # with its mean and statistics
    assert same(network.state_dict(), model_file.load(tmp_path / "model.pt").state_dict())


@pytest.mark.parametrize("mean", [None, np.full(3, 99.0), np.arange(3072.0)])
def test_network_of_a_run_is_loaded_with_its_mean(tmp_path, mean):
    file = tmp_path / "model.pt"
    network = saved(file, mean=mean)
    assert same(network.state_dict(), loaded(SMALL, recipe(file)).state_dict())
    plain = SMALL.replace(classifier="plain", flip_average=True)
    without = loaded(plain, recipe(file, "classifier")).state_dict()
    assert torch.equal(without["conv1.weight"], network.conv1.weight)
    assert not torch.equal(without["cls.weight"], network.cls.weight)


LIGHTNING = {  # as its documentation shows a checkpoint
    "epoch": 3, "global_step": 12, "pytorch-lightning_version": "2.5.0", "loops": {},
    "callbacks": {}, "optimizer_states": [{"state": {}}], "hyper_parameters": {"lr": 0.1},
}  # fmt: skip


def lightning(state: dict, file: Path) -> None:
    module = {f"model.{name}": value for name, value in state.items()} | {"loss.w": torch.ones(2)}
    torch.save(LIGHTNING | {"state_dict": module}, file)


def timms(state: dict, folder: Path, **normalisation) -> None:
    network = timm.create_model("resnet18", pretrained_cfg_overlay=normalisation)
    network.load_state_dict(state)
    save_for_hf(network, folder, safe_serialization=True)


FORMS = {  # each row of the table in docs/training.md
    "torchvision.pth": torch.save, "torchvision.safetensors": save_file, "timm": timms,
    "torchvision-old.pth": functools.partial(torch.save, _use_new_zipfile_serialization=False),
    "headless.pth": lambda state, file: torch.save(dict([*state.items()][:-2]), file),
    "lightning.ckpt": lightning,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_published_form_gives_the_weights_and_says_what_is_assumed(
    tmp_path, torchvisions, caplog, name
):
    caplog.set_level("INFO")
    FORMS[name](torchvisions.state_dict(), tmp_path / name)
    network = loaded(ResNet18Architecture(), recipe(tmp_path / name, "classifier"))
    assert torch.equal(network.layer4[1].conv2.weight, torchvisions.layer4[1].conv2.weight)
    scale = 128 / 255 / torch.tensor(IMAGENET["std"]).view(3, 1, 1)
    torch.testing.assert_close(network.conv1.weight, torchvisions.conv1.weight * scale)
    assert ("is assumed" in caplog.text) == (name != "timm")


def test_normalisation_of_a_config_json_is_used_and_a_wrong_one_named(tmp_path, torchvisions):
    timms(torchvisions.state_dict(), tmp_path, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    start = recipe(tmp_path, "classifier")
    network = loaded(ResNet18Architecture(), start)
    assert (network.norm.mean == 127.5).all()
    torch.testing.assert_close(network.conv1.weight, torchvisions.conv1.weight * 128 / 255 / 0.25)
    digest = RunSettings(train=start).without_device()
    (tmp_path / "config.json").write_text('{"pretrained_cfg": {"mean": [0.5]}}')
    assert RunSettings(train=start).without_device() != digest
    fault = r"config\.json beside .*model\.safetensors needs three numbers as mean"
    with pytest.raises(InputError, match=fault):
        loaded(ResNet18Architecture(), start)


FITS_NOT = [
    ("model.pt", CNN, 32, "model.kind is renet in the file and cnn in this run. Set `model` and"),
    ("model.pt", SMALL.replace(cell="relu"), 32, "model.cell is tanh .* and relu in"),
    ("model.pt", SMALL, 64, r"rnn1.vertical.input_weight is \[2, .* and \[4, .*crop.size"),
    ("mean.pt", ResNet18Architecture(), 64, r"norm.mean is \[3, 32, 32\] in the file and \[1\]"),
    ("whole.pth", ResNet18Architecture(), 32, r"fc.weight is \[1000, 512\] .*without: classifier"),
    ("grey.pth", ResNet18Architecture(), 32, r"grey.pth, which .*conv1.weight is \[64, 1, 7, 7\]"),
    ("wide.pth", ResNet18Architecture(), 32, r"conv2.weight is \[9, 9\] .* and \[512, 512, 3, 3\]"),
    ("nan.pth", ResNet18Architecture(), 32, "nan.pth cannot be used, because .* has a NaN"),
    ("other.pth", ResNet18Architecture(), 32, "other.pth, which has no ResNet-18; name a model of"),
    ("two.pth", ResNet18Architecture(), 32, r"two.pth, which has 2 networks \(a\., b\.\)"),
    ("list.pth", SMALL, 32, "list.pth is not a model of this project"),
    ("network.pth", SMALL, 32, "network.pth is not loaded, .* could run code.*weights_only=False"),
    ("tar.pth", SMALL, 32, "tar.pth is not loaded, .*oldest format.*weights_only=False"),
    ("model.safetensors", SMALL, 32, "model.kind is resnet18 in the file and renet in this run"),
]  # fmt: skip


@pytest.fixture(scope="module")
def other_files(torchvisions, tmp_path_factory) -> Path:
    """A folder of the files in `FITS_NOT`."""
    folder = tmp_path_factory.mktemp("files")
    saved(folder / "model.pt")
    saved(folder / "mean.pt", ResNet18Architecture(), mean=np.arange(3072.0))
    state = torchvisions.state_dict()
    small = {LAST: state[LAST], "conv1.weight": state["conv1.weight"]}
    for file, content in {
        "whole": state, "grey": small | {"conv1.weight": small["conv1.weight"][:, :1]},
        "wide": {LAST: torch.ones(9, 9)}, "nan": {LAST: torch.tensor(torch.nan)},
        "other": {"fc.weight": torch.ones(1)}, "list": [torch.ones(1)],
        "two": {f"{name}.{LAST}": small[LAST] for name in "ab"},
        "network": LIGHTNING | {"hyper_parameters": Namespace(lr=0.1)},
    }.items():  # fmt: skip
        torch.save(content, folder / f"{file}.pth")
    with tarfile.open(folder / "tar.pth", "w") as old:  # as PyTorch wrote before 0.1.9
        old.add(folder / "model.pt", "storages")
    save_file(small, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(("name", "architecture", "side", "sentence"), FITS_NOT)
def test_file_that_does_not_fit_is_one_sentence(other_files, name, architecture, side, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        loaded(architecture, recipe(other_files / name), side)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "adamw", "ema": 0.9, "precision": "bfloat16"}],
    ids=["sgd", "adamw"],
)
@pytest.mark.parametrize(
    ("architecture", "names"),
    [
        (SMALL, ["bn0", "conv1", "bn1", "rnn1", "bn5"]),
        (SMALL, "all_but_classifier"),
        (CNN, ["bn0", "conv2", "bn2", "conv5"]),
        (ResNet18Architecture(), ["conv1", "bn1", "layer1", "layer3.1"]),
    ],
)
def test_frozen_layers_stay_and_the_others_learn(tmp_path, faces, architecture, names, options):
    saved(tmp_path / "model.pt", architecture)
    settings = recipe(tmp_path / "model.pt", freeze=names, epochs=1, weight_decay=0.1, **options)
    trainer = loop.build(RunSettings(architecture, settings), torch.device("cpu"), *faces)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.run()
    frozen = tuple(f"{name}." for name in trainer.model.frozen)
    for name, value in trainer.model.state_dict().items():
        is_fixed = name.startswith(frozen) or name == "norm.mean"
        assert torch.equal(value, before[name]) == is_fixed, name


@pytest.mark.parametrize("kind", [SMALL, ResNet18Architecture()], ids=lambda one: one.kind)
def test_frozen_layers_normalise_by_their_running_statistics_in_training(tmp_path, kind):
    network = saved(tmp_path / "model.pt", kind)
    pixels = torch.arange(6144).view(2, 3, 32, 32) % 251
    features = torch.nn.Sequential(*list(network)[:-1])
    expected = features(pixels)
    network.freeze("all_but_classifier")
    torch.testing.assert_close(features.forward(pixels), expected)
    torch.testing.assert_close(network.train().logits(pixels), network.eval().logits(pixels))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["conv1", "fc"], "names fc, which is not a layer .* name some of norm, bn0, conv1"),
        (["norm", "bn0", "conv1", "bn1", "rnn1", "bn2", "cls"], "names all layers with weights"),
    ],
)
def test_freeze_without_such_a_layer_or_a_weight_to_train_is_one_sentence(names, sentence):
    small = SMALL.replace(conv_channels=[4], spatial_rnns=SMALL.spatial_rnns[:1])
    with pytest.raises(InputError, match=f"`train.freeze` {sentence}"):
        kinds.build((3, 32, 32), small).freeze(names)


def test_content_of_the_file_is_part_of_the_fingerprint(tmp_path, faces):
    paths, settings = [], RunSettings(SMALL, recipe(tmp_path / "model.pt"))
    for architecture in (SMALL, CNN):
        saved(tmp_path / "model.pt", architecture)
        paths.append(train_job(tmp_path, settings).folder().path)
    assert paths[0] != paths[1]


def test_weights_that_a_run_starts_from_are_an_input_of_each_of_its_trainings(project):
    shutil.copytree(project / "results/runs/renet", project / "start")
    train = SMALL_RUN["train"] | {"start_from": "start/model.pt"}
    write_config(project, train=train, runs={"renet": {"folds": 2}}, audit={"folds": 2})
    output = dry_run(project, "--configfile", "small.yaml").stdout
    for rule in ("train", "fold", "audit_fold"):
        assert re.search(rf"^rule {rule}:\n +input: start/model.pt,", output, re.MULTILINE), rule
    for rule in ("predictor", "evaluate"):
        inputs = re.search(rf"^rule {rule}:\n +input: (.*)", output, re.MULTILINE)[1]
        assert "start/training_hashes.npy" in inputs, rule


def test_model_that_the_run_itself_writes_is_one_sentence():
    config = Config(train={"start_from": "results/runs/renet/model.pt"})
    own = "`train.start_from` of the run renet names .*, which the workflow overwrites; name a copy"
    with pytest.raises(InputError, match=own):
        before_start.check_own_results(config, Path("results"))


def test_page_says_what_the_initial_weights_were_trained_on():
    def said(recipe: dict, counts: dict[str, int] | None = None) -> str:
        metrics = {"leakage": {"faces_of_initial_weights": counts}}
        run = {"settings": {"train": recipe}, "metrics": metrics}
        return templates.sentences("initial_weights", run, run)

    assert said({"start_from": None}) == said({"seed": 1}) == ""  # the latter of an SVM
    unknown = said({"start_from": {"file": "a.pth", "without": "classifier"}})
    assert unknown.startswith("The training started from the weights in a.pth. Faces with a near-d")
    assert "weights: not known. Metrics on such faces are too high." in unknown
    known = said({"start_from": "model.pt"}, {"test": 2, "train": 1000})
    assert "weights: 2 of test, 1,000 of train. Metrics" in known
