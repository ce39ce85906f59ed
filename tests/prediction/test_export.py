"""A run's network in other formats predicts what predict.py predicts."""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from helpers.dry_run import plan
from helpers.predictions import describe_run
from helpers.project import ROOT, call_script
from helpers.training import SMALL, new_network, same
from renet.common import files
from renet.common.errors import InputError
from renet.config.train import Recipe
from renet.network import model_file
from renet.prediction import export, predictor
from renet.training import initial_weights

EVALUATED = {"temperature": 0.3, "unsure": {"threshold": 0.9, "max_error": 0.02, "level": 0.95}}


def some_faces(count: int, side: int = 32) -> np.ndarray:
    blots = np.random.default_rng(count).integers(0, 256, (count, 5, 6, 3), dtype=np.uint8)
    resized = [cv2.resize(blot, (side, side), interpolation=cv2.INTER_CUBIC) for blot in blots]
    return np.stack(resized).transpose(0, 3, 1, 2)


def make_run(folder: Path, cell: str = "tanh") -> Path:
    """A run's folder with a model whose statistics have moved, and its predictor.json."""
    folder.mkdir()
    # With a ReLU on the logits, this untrained network of relu cells predicts 0.5 always.
    classifier = "plain" if cell == "relu" else "course"
    options = {"cell": cell, "flip_average": cell == "tanh", "classifier": classifier}
    mean = np.array([90.0, 110.0, 100.0])
    model = new_network(SMALL.replace(**options), mean=mean)
    model(torch.from_numpy(some_faces(64)))
    model_file.save(folder / "model.pt", model.eval())
    describe_run(folder, some_faces(1), 0.4, EVALUATED)
    return folder


@pytest.fixture(scope="module", params=["tanh", "relu", "gru", "lstm"])
def exported(request, tmp_path_factory) -> Path:
    """A run's folder with model.onnx, for each kind of cell; one has flip averaging."""
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # as `devices` sets it on some CPUs
    run = make_run(tmp_path_factory.mktemp("export") / request.param, request.param)
    export.write_onnx(run / "model.onnx", predictor.load(run))
    return run


def test_without_a_temperature_the_formats_have_unscaled_probabilities_and_null(tmp_path):
    run = make_run(tmp_path / "run")
    content = files.read_json(run / "predictor.json")
    files.write_json(run / "predictor.json", content | {"temperature": None})
    found = predictor.load(run)
    faces = torch.from_numpy(some_faces(3))
    with torch.no_grad():
        expected = found.network(faces).softmax(1)
        assert torch.equal(export.Probabilities(found)(faces), expected)
    assert json.loads(export.described(found))["temperature"] is None


@pytest.fixture
def hub(tmp_path) -> Path:
    """The folder for a model hub of a run in the folder beside it."""
    run, folder = make_run(tmp_path / "run"), tmp_path / "hub"
    digest = files.file_digest(run / "model.pt")
    text = f"---\nlicense: other\n---\n{digest}\n- See [data](../data.md)."
    text += "\n- See [neon](https://neon.org)."
    (run / "model_card.md").write_text(text)
    card, out = run / "model_card.md", folder / "model.safetensors"
    call_script("export", model=run, exported=out, card=card)
    return folder


def test_folder_for_model_hubs_has_the_card_the_weights_and_all_that_predicting_needs(hub):
    from huggingface_hub import ModelCard, load_state_dict_from_file

    folder, found = hub, predictor.load(hub.parent / "run")
    assert len(list(folder.iterdir())) == 3
    read = ModelCard.load(folder / "README.md")
    assert read.data.license == "other"
    digest = files.file_digest(hub.parent / "run/model.pt")
    assert read.text == f"{digest}\n- See [neon](https://neon.org)."
    weights = load_state_dict_from_file(folder / "model.safetensors")
    assert weights.keys() == found.network.state_dict().keys()
    received = predictor.load(folder)
    facts = [received.temperature, received.threshold, received.content["margin"], received.box]
    assert facts == [0.3, 0.9, 0.4, found.box]
    faces = some_faces(4)
    assert (received.probabilities(faces) == found.probabilities(faces)).all()


def test_training_starts_from_the_folder_for_model_hubs(hub):
    network = new_network(SMALL.replace(flip_average=True), seed=9)
    initial_weights.load(network, Recipe(start_from=str(hub)))
    expected = predictor.load(hub.parent / "run").network.state_dict()
    assert same(network.state_dict(), expected)


def test_safetensors_of_a_hub_folder_and_of_a_model_alone_know_what_these_know(hub, tmp_path):
    call_script("export", model=hub, exported=tmp_path / "again.safetensors")
    assert predictor.load(tmp_path / "again.safetensors").temperature == 0.3
    shutil.copy(hub.parent / "run" / "model.pt", tmp_path / "model.pt")
    call_script("export", model=tmp_path / "model.pt", exported=tmp_path / "alone.safetensors")
    notes = [predictor.load(tmp_path / name).notes for name in ("model.pt", "alone.safetensors")]
    assert notes[0] == notes[1]


def test_card_is_for_safetensors_alone(hub):
    with pytest.raises(InputError, match=r"`--card` needs .*, not .*model\.onnx"):
        call_script("export", model=hub, exported=hub / "model.onnx", card=hub / "README.md")


def test_value_that_a_hub_folder_lacks_is_named_with_its_file(hub):
    about = json.loads((hub / "config.json").read_text()) | {"unsure": {}}
    (hub / "config.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"config\.json lacks a value .*: unsure\.threshold"):
        predictor.load(hub)


def test_folder_for_model_hubs_has_the_onnx_file_that_is_given_and_no_other(hub):
    run = hub.parent / "run"
    given = {"model": run, "exported": hub / "model.safetensors", "card": run / "model_card.md"}
    digest = files.file_digest(run / "model.pt").encode()
    for content in (b"of " + digest, None):  # the second training is exported without it
        if content:
            (run / "model.onnx").write_bytes(content)
        call_script("export", **given, onnx=run / "model.onnx" if content else None)
        found = hub / "model.onnx"
        assert (found.read_bytes() if found.exists() else None) == content
    found.write_bytes(b"already there: " + digest)
    call_script("export", **given, onnx=found)
    assert found.read_bytes() == b"already there: " + digest
    with pytest.raises(InputError, match="is the folder of a run"):
        call_script("export", **given | {"exported": run / "model.safetensors"})
    for name, text, fault in (
        ("config.json", '{"model_type": "vit"}', "is of another project"),
        ("README.md", "# Of another project", "is no earlier output"),
    ):
        (hub / name).write_text(text)
        with pytest.raises(InputError, match=f"{name} {fault}"):
            call_script("export", **given)
    assert (run / "model.onnx").exists()


@pytest.mark.parametrize("stranger", ["model_card.md", "model.onnx"])
def test_card_and_onnx_file_of_another_model_are_refused_and_nothing_is_written(
    hub, tmp_path, stranger
):
    run, other = hub.parent / "run", tmp_path / "other"
    card, onnx = run / "model_card.md", run / "model.onnx"
    onnx.write_text(files.file_digest(run / "model.pt"))
    (run / stranger).write_text(f"---\n{'0' * 64}\n")
    with pytest.raises(InputError, match=f"{stranger} is of another model: .* SHA-256"):
        call_script("export", model=run, exported=other / "model.safetensors", card=card, onnx=onnx)
    assert not other.exists()


@pytest.mark.parametrize("formats", [["hub"], ["hub", "onnx"]])
def test_folder_for_model_hubs_takes_the_onnx_file_that_the_config_exports(tmp_path, formats):
    config = [f"export={formats}", "runs={svm: {model: {kind: hog_svm}}}"]
    planned = plan(ROOT, "--directory", tmp_path, "--config", *config)
    inputs = re.findall(r"rule hub:\n +input: (.+)", planned)
    assert len(inputs) == 2
    assert [("model.onnx" in of) for of in sorted(inputs)] == ["onnx" in formats, False]


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_damage_in_the_folder_for_model_hubs_is_noticed(hub, name):
    content = (hub / name).read_bytes()
    middle = len(content) // 2
    (hub / name).write_bytes(content[:middle] + b"\x01\x02" + content[middle + 2 :])
    fault = f"model.safetensors cannot be loaded as a model: .*{'config.json'}"
    with pytest.raises(InputError, match=fault):
        predictor.load(hub)


@pytest.mark.slow
def test_onnx_gives_the_probabilities_of_predict_for_any_number_of_faces(exported):
    import onnxruntime

    found = predictor.load(exported)
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    for count in (1, 7, 40):
        faces = some_faces(count)
        expected = found.probabilities(faces)
        assert expected.std() > 0.01 or count == 1
        np.testing.assert_allclose(session.run(None, {"faces": faces})[0], expected, atol=1e-4)


@pytest.mark.slow
def test_onnx_is_one_file_without_scatter_nodes_or_paths_of_this_machine(exported):
    import onnx

    data = (exported / "model.onnx").read_bytes()
    model = onnx.load_from_string(data)
    assert not [node for node in model.graph.node if "Scatter" in node.op_type]
    for place in (str(ROOT), sys.prefix, "site-packages", ".py"):
        assert place.encode() not in data, place
    assert sorted(path.name for path in exported.iterdir()) == [
        "model.onnx", "model.pt", "predictor.json", "training_hashes.npy",
    ]  # fmt: skip
    (known,) = [entry for entry in model.metadata_props if entry.key == "renet"]
    facts = json.loads(known.value)
    assert (facts["temperature"], facts["margin"]) == (0.3, 0.4)
    assert facts["model"]["sha256"] == files.file_digest(exported / "model.pt")
    export.write_onnx(exported / "model.onnx", predictor.load(exported))
    assert (exported / "model.onnx").read_bytes() == data


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("safetensors") / "run")


def test_safetensors_alone_predict_as_the_run_does_and_have_the_same_bytes_again(run, tmp_path):
    found, faces = predictor.load(run), some_faces(3)
    first, again = (tmp_path / f"{name}.safetensors" for name in "ab")
    for path in (first, again):
        export.write_safetensors(path, found)
    assert first.read_bytes() == again.read_bytes()
    (tmp_path / "config.json").write_text(f'{{"{model_file.DIGEST}": "of another model"}}')
    assert (predictor.load(first).probabilities(faces) == found.probabilities(faces)).all()


@pytest.mark.fault("damaged-model")
def test_bit_that_changed_in_safetensors_alone_is_noticed(run, tmp_path):
    path = tmp_path / "a.safetensors"
    export.write_safetensors(path, predictor.load(run))
    whole = path.read_bytes()
    key = whole.index(b"weights_sha256")  # without this key, there is no digest
    places = np.linspace(0, len(whole) - 1, 40, dtype=int)
    for place in places[abs(places - key - 7) > 7]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"a\.safetensors cannot be loaded"):
            predictor.load(path)
    path.write_bytes(whole.replace(b"weights_sha256", b"weights_sha255"))  # as without a digest
    assert predictor.load(path).temperature == 0.3


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("change", ["offsets of two tensors", "temperature"])
def test_change_in_the_header_of_safetensors_alone_is_noticed(run, tmp_path, change):
    path = tmp_path / "a.safetensors"
    export.write_safetensors(path, predictor.load(run))
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    one, other = header["bn1.running_mean"], header["bn1.running_var"]
    if change == "temperature":
        about = header["__metadata__"]
        about["renet"] = about["renet"].replace('"temperature": 0.3', '"temperature": 9.3')
    else:
        one["data_offsets"], other["data_offsets"] = other["data_offsets"], one["data_offsets"]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    with pytest.raises(InputError, match=r"a\.safetensors .* SHA-256 is not .* its metadata"):
        predictor.load(path)


@pytest.mark.fault("earlier-version")
def test_safetensors_with_a_digest_of_the_tensors_alone_are_read_as_before(run, tmp_path):
    path, found = tmp_path / "a.safetensors", predictor.load(run)
    export.write_safetensors(path, found)
    data = path.read_bytes()
    tensors = data[8 + int.from_bytes(data[:8], "little") :]
    about = export.described(found, hashlib.sha256(tensors).hexdigest())
    export.write_safetensors(path, found, {model_file.METADATA: about})
    assert predictor.load(path).temperature == 0.3
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"a\.safetensors .* SHA-256 is not"):
        predictor.load(path)


def test_missing_package_is_one_sentence_with_the_way_out(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"onnxscript.*pip install -r requirements-export\.txt"):
        export.write_onnx(run / "other.onnx", predictor.load(run))
    assert not (run / "other.onnx").exists()


def test_end_of_the_name_decides_the_format_before_anything_is_read(tmp_path):
    assert export.find_writer(Path("a.onnx")) == export.write_onnx
    assert export.find_writer(Path("model.safetensors")) == export.write_safetensors
    with pytest.raises(InputError, match=r"out\.pt has an unknown suffix; let the name end"):
        export.find_writer(tmp_path / "out.pt")
    with pytest.raises(InputError, match=r"a\.int8\.onnx would have float32"):
        export.find_writer(Path("a.int8.onnx"))
