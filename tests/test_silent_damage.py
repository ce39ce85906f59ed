"""An archive or a photo that changes behind the workflow's back is noticed."""

import os
from pathlib import Path

import pytest

from helpers.archives import jpeg, write_tar
from helpers.workflow import copy_project, planned, run, write_config
from renet.archives import receipts, verification
from renet.archives.receipts import Receipt
from renet.common.errors import InputError
from renet.config import sources
from renet.dataset import lineage


@pytest.fixture
def receipt_file(tmp_path) -> Path:
    """The receipt of an archive of one photo."""
    tar = write_tar(tmp_path / "a.tar", {"wiki/a.jpg": jpeg()})
    digest = verification.compute_digest(tar, "sha256")
    receipt = Receipt(tar.as_uri(), str(tar), tar.stat().st_size, digest, verified=False)
    receipt.write(tmp_path / "a.tar.json")
    return tmp_path / "a.tar.json"


def make_newer(archive: Path, receipt_file: Path) -> None:
    later = receipt_file.stat().st_mtime_ns + 10**9
    os.utime(archive, ns=(later, later))


def test_archive_with_zeros_in_a_photo_is_refused_by_its_digest(receipt_file):
    archive = receipt_file.with_suffix("")
    data = bytearray(archive.read_bytes())
    data[1000:1100] = bytes(100)
    archive.write_bytes(data)
    make_newer(archive, receipt_file)
    with pytest.raises(InputError, match=r"a\.tar has changed since its receipt .*it had sha256:"):
        receipts.read(receipt_file)
    with pytest.raises(InputError, match="has changed since"):  # a page does not pass over it
        lineage.read_photo(receipt_file, {"offset": 512, "size": 100})


def test_copied_archive_is_checked_once(receipt_file, monkeypatch):
    make_newer(receipt_file.with_suffix(""), receipt_file)
    os.utime(receipt_file, (1, 1))
    checked = []
    compute = verification.compute_digest
    monkeypatch.setattr(
        verification, "compute_digest", lambda *given: checked.append(given) or compute(*given)
    )
    text = receipt_file.read_bytes()
    make_old = receipt_file.with_suffix("")
    os.utime(make_old, (2, 2))
    for _ in range(2):
        assert receipts.read(receipt_file).path == str(make_old)
    assert len(checked) == 1 and receipt_file.read_bytes() == text


def test_photo_that_is_edited_in_place_changes_the_state_of_its_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    photo = tmp_path / "inner" / "a.jpg"
    photo.write_bytes(b"one")
    before, time = sources.folder_state(tmp_path), photo.stat().st_mtime_ns
    assert before == sources.folder_state(tmp_path)
    photo.write_bytes(b"two")
    os.utime(photo, ns=(time + 1, time + 1))
    assert sources.folder_state(tmp_path) != before
    os.utime(photo, ns=(time, time))
    assert sources.folder_state(tmp_path) == before
    photo.rename(tmp_path / "inner" / "b.jpg")
    assert sources.folder_state(tmp_path) != before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "inner")
    before = sources.folder_state(tmp_path / "photos")
    (tmp_path / "inner" / "c.jpg").touch()
    assert sources.folder_state(tmp_path / "photos") != before
    assert sources.folder_state(None) == "" == sources.folder_state(photo)


@pytest.mark.slow
def test_photo_that_is_edited_in_place_is_packed_again(tmp_path):
    project = copy_project(tmp_path)
    (project / "photos").mkdir()
    (project / "photos" / "a.jpg").write_bytes(jpeg())
    (project / "photos.csv").write_text("path,gender\na.jpg,male\n")
    own = {"url": (project / "photos").as_uri(), "database": "table", "table": "photos.csv",
           "photos": "crop"}  # fmt: skip
    write_config(project, sources=["own"], archives={"own": own})
    receipt = "resources/own/photos.json"
    run(project, "--", receipt)
    with (project / "photos" / "a.jpg").open("r+b") as photo:
        photo.seek(200)
        photo.write(bytes(20))
    assert planned(project, "--", receipt) == {"download"}
