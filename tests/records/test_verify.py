"""verify.py reads all that it vouches for, and names the rest."""

import re
import shutil

import h5py
import pandas as pd
import pytest

from helpers.cropped import exchanged, samples_of_faces
from helpers.faces import write_hdf5
from helpers.project import call_script
from helpers.training import write_faces
from renet.archives.receipts import Receipt
from renet.common import files
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.records import manifest


@pytest.fixture
def results(tmp_path, caplog):
    """A folder of results with one run, its training and test set, and files over all runs."""
    caplog.set_level("INFO")
    root, archive = tmp_path / "results", tmp_path / "resources/a/a.tar"
    folder = root / "runs/made"
    config = {"model": {"kind": "renet"}, "folds": 0, "archives": {"a": {}}}
    written = ["runs/made/model.pt", "runs/made/logs/train.log", "index.html", "data/a/funnel.csv"]
    for path in [*map(root.joinpath, written), archive]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    digest, receipt = f"sha256:{files.file_digest(archive)}", tmp_path / "resources/a/a.tar.json"
    Receipt("file:///a.tar", str(archive), 0, digest, verified=True).write(receipt)
    for subset in ("train", "test"):
        faces = write_faces(root / f"data/{subset}.h5", 12)
        samples_of_faces(faces).to_csv(root / f"data/{subset}.csv", index=False)
    files.write_json(record := folder / manifest.PROVENANCE, {
        "config": config, "code": {"train": manifest._code(config)["train.py"]},
        "inputs": {"faces": {"train": hdf5.read(root / "data/train.h5").digest}},
    })  # fmt: skip
    call_script(
        "manifest", outputs=[folder / "model.pt", record], tables=[root / "data/test.csv"],
        receipt_files=[receipt], settings=config, manifest=folder / manifest.FILE,
        config=folder / "config.yaml",
    )  # fmt: skip
    return root


def differences(results, caplog, **options) -> str:
    """What verify.py says of a run that differs."""
    with pytest.raises(InputError, match="1 of 1 runs differ"):
        call_script("verify", results=results, **options)
    return caplog.text


def test_files_that_no_manifest_has_are_named_or_their_folder(results, caplog):
    call_script("verify", results=results)
    whole = "made: whole: 4 files compared, 1 not (listed below); made by this code, config and"
    assert whole in caplog.text and "archives are not compared" not in caplog.text
    assert caplog.messages[-1].endswith(": data/a, data/train.csv, index.html, runs/made/logs.")
    assert (results / "runs/made/config.yaml").read_text().startswith("# User info and queries")


@pytest.mark.fault("earlier-version")
def test_manifest_of_an_earlier_version_is_refused_with_the_way_out(results, caplog):
    path = results / "runs" / "made" / manifest.FILE
    files.write_json(path, files.read_json(path) | {"format": "renet-manifest-1"})
    said = f"{path} is not of the format {manifest.FORMAT}; run the workflow again"
    assert said in differences(results, caplog)


@pytest.mark.fault("damaged-faces")
def test_damaged_file_of_faces_hides_no_other_difference(results, caplog):
    (results / "data/train.h5").write_bytes(b"damaged")
    (results / "runs/made/model.pt").write_bytes(b"changed")
    said = differences(results, caplog)
    assert "train.h5 is not an HDF5 file" in said and "model.pt has other bytes" in said
    assert caplog.messages[-1].endswith(": data/a, data/train.csv, index.html, runs/made/logs.")


@pytest.mark.fault("damaged-faces")
@pytest.mark.fault("damaged-table")
@pytest.mark.parametrize(("changed", "subset", "fault"), [
    ("pixels", "train", "train.h5 is damaged"), ("pixels", "test", "test.h5 is damaged"),
    ("pixels digest", "test", "test.h5 do not belong together"),
    ("pixels digest table", "train", "train.h5 has different faces"),
    ("pixels digest table", "test", "data/test.csv has other bytes"),
    ("rows", "train", "do not belong together"), ("rows", "test", "data/test.csv has other bytes"),
])  # fmt: skip
def test_changed_faces_are_noticed_by_another_digest(results, caplog, changed, subset, fault):
    path = results / f"data/{subset}.h5"
    stored, table = hdf5.read(path), path.with_suffix(".csv")
    if "rows" in changed:
        exchanged(pd.read_csv(table)).to_csv(table, index=False)
    if "pixels" in changed:
        write_hdf5(path, 255 - stored.pixels, stored.targets)
    if "digest" not in changed:
        with h5py.File(path, "a") as store:
            store.attrs["digest"] = stored.digest
    if "table" in changed:
        samples_of_faces(hdf5.read(path)).to_csv(table, index=False)
    said = differences(results, caplog, quick=True)
    assert fault in said and "whole" not in said


@pytest.mark.parametrize(("part", "kept", "fault"), [
    ("outputs", 0, "has no outputs"), ("code", 0, "has no code"), ("archives", 0, "no archives"),
    ("code", 1, "the code of parse_metadata.py, "),
])  # fmt: skip
def test_manifest_that_lacks_entries_is_a_difference(results, caplog, part, kept, fault):
    content = files.read_json(path := results / "runs" / "made" / manifest.FILE)
    files.write_json(path, content | {part: dict([*content[part].items()][:kept])})
    assert fault in differences(results, caplog)


@pytest.mark.parametrize("quick", [True, False])
def test_results_that_were_copied_alone_are_compared_without_the_archives(results, caplog, quick):
    shutil.rmtree(results.parent / "resources")
    call_script("verify", results=results, quick=quick)
    assert "archives are not compared: neither they nor their receipts are here" in caplog.text
    assert "made: whole: 4 files compared, 1 not" in caplog.text
    (results / "runs/made/model.pt").write_bytes(b"changed")
    assert "made: model.pt has other bytes." in differences(results, caplog, quick=quick)


@pytest.mark.parametrize("lost", ["a/a.tar", "a/a.tar.json", "a"])
def test_receipt_or_archive_that_is_missing_beside_others_is_a_difference(results, caplog, lost):
    path = results / "runs/made" / manifest.FILE
    resources, content = results.parent / "resources", files.read_json(path)
    (other := resources / "b/b.tar.json").parent.mkdir()
    other.write_bytes((resources / "a/a.tar.json").read_bytes())
    archives = {str(other): next(iter(content["archives"].values()))} | content["archives"]
    files.write_json(path, content | {"archives": archives})
    gone = resources / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    said = differences(results, caplog)
    missing = "archive .*a.tar is gone" if lost == "a/a.tar" else "receipt .*a.tar.json is missing"
    assert re.search(missing, said) and "are not compared:" not in said
