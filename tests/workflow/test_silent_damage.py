"""An archive, a table or a photo that changes behind the workflow's back is noticed."""

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from helpers.archives import jpeg, write_tar
from renet.archives import receipts
from renet.archives.receipts import Receipt
from renet.common import files
from renet.common.errors import InputError
from renet.planning import inputs
from renet.walkthrough import lineage


@pytest.fixture
def receipt_file(tmp_path) -> Path:
    """The receipt of an archive of one photo."""
    folder = tmp_path / "my photos"  # a URL in the config can have a space
    folder.mkdir()
    tar = write_tar(folder / "a.tar", {"wiki/a.jpg": jpeg()})
    digest = receipts.compute_digest(tar, "sha256")
    receipt = Receipt(f"file://{tar}", str(tar), tar.stat().st_size, digest, verified=False)
    receipt.write(folder / "a.tar.json")
    return folder / "a.tar.json"


@pytest.mark.fault("changed-archive")
@pytest.mark.parametrize("is_copied", [True, False])
def test_archive_that_is_copied_or_lacks_the_note_of_its_check_is_checked_once(
    receipt_file, monkeypatch, is_copied
):
    compute = Mock(wraps=receipts.compute_digest)
    monkeypatch.setattr(receipts, "compute_digest", compute)
    text, archive = receipt_file.read_bytes(), receipt_file.with_suffix("")
    os.utime(archive, (1, 1)) if is_copied else receipt_file.with_suffix(".checked").unlink()
    for _ in range(2):
        assert receipts.read(receipt_file).path == str(archive)
    assert compute.call_count == 1 and receipt_file.read_bytes() == text


@pytest.mark.fault("changed-archive")
@pytest.mark.fault("earlier-time")
@pytest.mark.parametrize(("end", "seconds"), [(b"", -1), (b"", 1), (bytes(512), 0)])
def test_archive_that_changes_is_refused_by_its_size_or_its_time(receipt_file, end, seconds):
    archive = receipt_file.with_suffix("")
    checked = archive.stat().st_mtime_ns
    assert receipts.read(receipt_file).path == str(archive)
    archive.write_bytes(archive.read_bytes().replace(b"JFIF", b"jfif") + end)
    os.utime(archive, ns=(0, checked + seconds * 10**9))
    with pytest.raises(InputError, match=r"a\.tar has changed since its receipt .* was sha256:"):
        receipts.read(receipt_file)
    with pytest.raises(InputError, match="has changed since"):  # a page does not pass over it
        lineage.read_photo(receipt_file, {}, {"offset": 512, "size": 100})


@pytest.mark.fault("changed-archive")
def test_archive_is_read_where_its_check_cannot_be_noted(receipt_file, monkeypatch):
    later = receipt_file.stat().st_mtime_ns + 10**9
    os.utime(receipt_file.with_suffix(""), ns=(later, later))
    monkeypatch.setattr(files, "write_text", Mock(side_effect=InputError("by another process")))
    assert receipts.read(receipt_file) == receipts.read(receipt_file)


@pytest.mark.fault("exchanged-archive")
def test_unpacked_tar_of_another_size_is_not_read_by_its_index(tmp_path):
    tar = write_tar(tmp_path / "a.tar", {"wiki/a.jpg": jpeg()})
    receipt = Receipt("https://a.org/a.tar.gz", str(tar), 1, "md5:0", verified=False)
    receipt.write(tmp_path / "a.json")
    indexed = receipt.indexed()
    assert receipts.read_indexed(tmp_path / "a.json", indexed) == tar
    os.truncate(tar, 1024)
    with pytest.raises(InputError, match=r"a\.tar is not the archive that was indexed"):
        receipts.read_indexed(tmp_path / "a.json", indexed)


@pytest.mark.fault("earlier-time")
def test_time_of_a_local_archive_and_bytes_of_a_table_are_state(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    state, content = inputs.places_state([str(path)]), inputs.file_states([str(path)])
    os.utime(path, ns=(1, 1))  # as where another tar of this size is moved here
    assert inputs.places_state([str(path)]) != state and inputs.file_states([str(path)]) == content
    path.write_bytes(b"two")
    assert inputs.file_states([str(path)]) != content and inputs.file_states([None]) == [""]


def test_folder_with_a_link_to_itself_and_a_name_that_is_no_utf_8_has_a_state(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    os.close(os.open(os.fsencode(tmp_path) + b"/M\xfcller.jpg", os.O_CREAT))
    before = inputs.places_state([tmp_path])
    (tmp_path / "a.jpg").touch()
    assert inputs.places_state([tmp_path]) != before


@pytest.mark.fault("edited-photo")
def test_photo_that_is_edited_in_place_changes_the_state_of_its_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    photo = tmp_path / "inner" / "a.jpg"
    photo.write_bytes(b"one")
    states, time = [inputs.places_state([tmp_path])], photo.stat().st_mtime_ns
    photo.write_bytes(b"two")
    for change in (
        lambda: os.utime(photo, ns=(time + 1, time + 1)),
        lambda: os.utime(photo, ns=(time, time)),
        lambda: photo.rename(tmp_path / "inner" / "b.jpg"),
        lambda: (tmp_path / "inner" / "c.jpg").touch(),
        lambda: (tmp_path / "inner" / ".DS_Store").touch(),
    ):
        change()
        states.append(inputs.places_state([tmp_path]))
    first, edited, as_before, renamed, added, hidden = states
    assert first == as_before and added == hidden and len({first, edited, renamed, added}) == 4
