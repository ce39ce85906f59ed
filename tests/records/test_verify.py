"""verify.py reads all that it vouches for, and names the rest."""

import h5py
import numpy as np
import pytest

from helpers.faces import write_hdf5
from helpers.project import call_script
from renet.common import files
from renet.common.errors import InputError
from renet.dataset import hdf5
from renet.records import manifest


@pytest.fixture
def results(tmp_path, caplog):
    """A folder of results with one run, its training and test set, and files over all runs."""
    caplog.set_level("INFO")
    folder = tmp_path / "runs/made"
    written = ["runs/made/model.pt", "runs/made/logs/train.log", "index.html", "data/a/funnel.csv"]
    for path in map(tmp_path.joinpath, written):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for subset in ("train", "test"):
        pixels = np.zeros((2, 3, 4, 4), np.uint8)
        write_hdf5(tmp_path / f"data/{subset}.h5", pixels, np.array([0, 1]))
    made_by = {
        "config": {"model": {"kind": "renet"}, "folds": 0},
        "inputs": {"faces": {"train": hdf5.read(tmp_path / "data/train.h5").digest}},
    }
    files.write_json(folder / manifest.PROVENANCE, made_by)
    outputs = ("model.pt", manifest.PROVENANCE)
    content = {
        "format": manifest.FORMAT, "code": {}, "archives": {},
        "outputs": {name: files.file_digest(folder / name) for name in outputs},
    }  # fmt: skip
    files.write_json(folder / manifest.FILE, content)
    return tmp_path


def test_files_that_no_manifest_has_are_named_or_their_folder(results, caplog):
    call_script("verify", results=results)
    assert "made: whole" in caplog.text
    line = caplog.messages[-1]
    assert line.endswith(": data/a, index.html, runs/made/logs.")


@pytest.mark.fault("earlier-version")
def test_manifest_of_an_earlier_version_is_refused_with_the_way_out(results, caplog):
    path = results / "runs" / "made" / manifest.FILE
    files.write_json(path, files.read_json(path) | {"format": "renet-manifest-1"})
    with pytest.raises(InputError, match="1 of 1 runs differ"):
        call_script("verify", results=results)
    assert f"{path} is not of the format {manifest.FORMAT}; run the workflow again" in caplog.text


@pytest.mark.fault("damaged-faces")
def test_damaged_file_of_faces_hides_no_other_difference(results, caplog):
    (results / "data/train.h5").write_bytes(b"damaged")
    (results / "runs/made/model.pt").write_bytes(b"changed")
    with pytest.raises(InputError, match="1 of 1 runs differ"):
        call_script("verify", results=results)
    assert "train.h5 is not an HDF5 file" in caplog.text
    assert "model.pt has other bytes" in caplog.text
    assert caplog.messages[-1].endswith(": data/a, index.html, runs/made/logs.")


@pytest.mark.fault("damaged-faces")
@pytest.mark.parametrize("subset", ["train", "test"])
def test_changed_pixels_are_noticed_though_the_stored_digest_is_as_it_was(results, caplog, subset):
    with h5py.File(results / f"data/{subset}.h5", "a") as store:
        store["input"][...] = 255 - store["input"][...]
    with pytest.raises(InputError, match="1 of 1 runs differ"):
        call_script("verify", results=results, quick=True)
    assert f"{subset}.h5 is damaged" in caplog.text and "whole" not in caplog.text
