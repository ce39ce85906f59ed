"""provenance.json records how a run was made."""

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
import yaml

from helpers.faces import write_hdf5
from helpers.project import ROOT, call_script
from helpers.training import write_faces
from renet.archives import receipts
from renet.archives.receipts import Receipt
from renet.common import files
from renet.common.errors import InputError
from renet.common.history import THROUGHPUT
from renet.config.model import Architecture
from renet.config.train import Recipe
from renet.config.version import VERSION
from renet.dataset import hdf5
from renet.records import manifest, provenance
from renet.training.settings import RunSettings

SETTINGS = RunSettings(
    Architecture(cell="gru"), Recipe(device="cpu", precision="bfloat16", threads=3, processes=2)
)
DATA = {"sources": ["wiki"], "filter": {}, "crop": {}, "split": {}, "hdf5": {}}


@pytest.fixture
def origin(tmp_path) -> dict:
    """The record of a training in two processes."""
    faces = [tmp_path / f"{name}.h5" for name in ("train", "validation")]
    for number, path in enumerate(faces):
        write_hdf5(path, np.full((2, 3, 4, 4), number, np.uint8), np.array([0, 1]))
    receipt = Receipt("https://example.org/a.tar", "/data/a.tar", 10, "md5:00ff", verified=True)
    receipt.write(tmp_path / "a.tar.json")
    code = "0123456789abcdef"
    record = provenance.training_record(SETTINGS, faces, code)
    (tmp_path / "model.pt").write_bytes(b"weights")
    record["results"] = {"model.pt": files.file_digest(tmp_path / "model.pt")}
    files.write_json(tmp_path / "of_another_one" / "training.json", {"results": {"model.pt": "0"}})
    files.write_json(tmp_path / "of_this_one" / "training.json", record)
    THROUGHPUT.write(tmp_path / "throughput.csv", THROUGHPUT.frame([(1, 2, 1.0, 2.0, 0.0, 1, 0)]))
    return write_provenance(tmp_path)


def write_provenance(folder: Path) -> dict:
    call_script(
        "provenance", run="renet", model=folder / "model.pt", receipt_files=[folder / "a.tar.json"],
        throughput=folder / "throughput.csv", machine=folder / "machine.js", data=DATA,
        provenance=folder / "provenance.json",
    )  # fmt: skip
    return json.loads((folder / "provenance.json").read_text())


@pytest.mark.fault("earlier-version")
def test_model_of_an_earlier_version_is_named_with_two_ways_out(origin, tmp_path):
    record = tmp_path / "of_this_one" / "training.json"
    content = files.read_json(record)
    del content["results"]
    files.write_json(record, content)
    with pytest.raises(InputError, match=r"model\.pt.* to train it again or, .* `pathvars:"):
        write_provenance(tmp_path)


def test_record_is_as_its_schema_says(origin):
    schema = yaml.safe_load((ROOT / "workflow/schemas/provenance.schema.yaml").read_text())
    jsonschema.Draft202012Validator(schema).validate(origin)


def test_settings_code_and_inputs_are_recorded_but_no_path_of_an_archive(origin, tmp_path):
    assert origin["config"] == DATA | SETTINGS.dump()
    assert (origin["code"]["train"], origin["code"]["version"]) == ("0123456789abcdef", VERSION)
    digests = [hdf5.read(tmp_path / f"{name}.h5").digest for name in ("train", "validation")]
    assert list(origin["inputs"]["faces"].values()) == digests
    assert digests[0] != digests[1]
    assert origin["inputs"]["archives"] == [
        {"url": "https://example.org/a.tar", "size": 10, "digest": "md5:00ff", "verified": True}
    ]


@pytest.mark.parametrize("url", ["https://a/w.tar", "https://a/w.tar?download=1", "file:///photos"])
def test_byte_that_changed_in_an_archive_is_noticed_by_its_digest(tmp_path, url):
    path, receipt_file = tmp_path / "w.tar", tmp_path / "w.tar.json"
    path.write_bytes(b"whole")
    digest = f"sha256:{files.file_digest(path)}"
    Receipt(url, str(path), 5, digest, verified=True).write(receipt_file)
    archives = {str(receipt_file): receipts.facts(receipt_file)}
    assert not list(manifest._changed_archives(archives, quick=False))
    time = path.stat().st_mtime_ns
    path.write_bytes(b"other")
    os.utime(path, ns=(time, time))
    (found,) = manifest._changed_archives(archives, quick=False)
    assert found.endswith("w.tar has other bytes than its receipt says")


def test_record_has_versions_device_precision_and_processes_of_the_computation(origin):
    packages = origin["software"]["packages"]
    assert (packages["torch"], packages["numpy"]) == (torch.__version__, np.__version__)
    computed = origin["computed"]
    assert (computed["device"], computed["precision"]) == ("cpu", "bfloat16")
    assert (computed["threads"], computed["processes"]) == (3, 2)


def test_processor_is_named_by_its_model_or_on_arm_by_numbers():
    arm = 2 * "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n\n"
    assert provenance.cpu_name(arm) == "CPU implementer 0x41, CPU part 0xd0c"
    assert provenance.cpu_name("model\t\t: 17\nmodel name\t: AMD EPYC\n") == "AMD EPYC"


def test_record_of_a_training_on_a_gpu_takes_none(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "train.h5"
    write_faces(path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)  # none is left
    record = provenance.training_record(SETTINGS.with_recipe(device="auto"), [path], "code")
    computed = record["computed"]
    assert (computed["device"], computed["precision"]) == ("cuda", "bfloat16")
    assert not caplog.text


def test_version_of_a_package_that_is_there_twice_is_the_imported_one(monkeypatch, tmp_path):
    for folder, version in (("first", "2.0"), ("second", "1.0")):
        metadata = tmp_path / folder / f"Twice-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Name: Twice\nVersion: {version}\n")
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    assert provenance.installed_packages()["twice"] == "1.0"  # put before the first


def git(folder, *arguments: str) -> str:
    who = ("-c", "user.name=A Name", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def committed(folder: Path, name: str) -> str:
    """A file in a new repository; the revision."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("one\n")
    for arguments in (["init"], ["add", "."], ["commit", "-m", "one"]):
        git(folder, *arguments)
    return git(folder, "rev-parse", "HEAD")


def test_revision_says_whether_files_differ_from_it(tmp_path):
    commit = committed(tmp_path, "file")
    clean = {"revision": commit, "modified": False, "diff": None, "untracked": []}
    assert provenance.revision(tmp_path) == clean
    (tmp_path / "file").write_text("two")  # it is no code
    assert provenance.revision(tmp_path) == clean | {"modified": True, "diff": ""}


@pytest.mark.parametrize("name", ["workflow/scripts/renet/code.py", "envs/a.yaml", "Snakefile"])
def test_modified_code_is_kept_as_the_diff_that_makes_it_again(tmp_path, name):
    path = tmp_path / name
    committed(tmp_path, name)
    path.write_text("two, \u00e9\n")
    (tmp_path / "patch").write_text(provenance.revision(tmp_path)["diff"])
    path.write_text("one\n")
    git(tmp_path, "apply", "patch")
    assert path.read_text() == "two, \u00e9\n"


def test_new_module_that_git_does_not_track_is_named(tmp_path):
    (tmp_path / ".gitignore").write_text("*.pyc")
    committed(tmp_path, "Snakefile")
    (tmp_path / "workflow").mkdir()
    for name in ("workflow/n\u00e9w.py", "workflow/new.pyc", "notes.txt"):
        (tmp_path / name).touch()
    found = provenance.revision(tmp_path)
    assert found["untracked"] == ["workflow/n\u00e9w.py"] and found["modified"]
    assert found["diff"] is None


def test_folder_outside_of_git_has_no_revision_nor_one_that_git_refuses_which_is_named(
    tmp_path, monkeypatch, caplog
):
    assert set(provenance.revision(tmp_path).values()) == {None} and not caplog.text
    git(tmp_path, "init")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert set(provenance.revision(tmp_path).values()) == {None}
    assert f"git config --global --add safe.directory {tmp_path}" in caplog.text
