"""An archive, a table or a photo that changes behind the workflow's back is noticed."""

import io
import itertools
import os
import tarfile
import time
from pathlib import Path

import pytest

from helpers.archives import jpeg, write_tar
from helpers.workflow import copy_project, planned, run, write_config
from renet.archives import receipts, tar_index, verification
from renet.archives.receipts import Receipt
from renet.common import files, future_times
from renet.common.errors import InputError
from renet.config import sources
from renet.dataset import lineage
from renet.faces.shards import SHARD


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
        lineage.read_photo(receipt_file, {"offset": 512, "size": 100, "path": "a.jpg"})


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


@pytest.mark.parametrize("seconds", [-86_400, -1, 1, 86_400])
def test_archive_that_changes_is_refused_whichever_way_its_time_goes(receipt_file, seconds):
    archive = receipt_file.with_suffix("")
    checked = archive.stat().st_mtime_ns
    assert receipts.read(receipt_file).path == str(archive)
    archive.write_bytes(archive.read_bytes().replace(b"JFIF", b"jfif"))
    os.utime(archive, ns=(0, checked + seconds * 10**9))
    with pytest.raises(InputError, match="has changed since its receipt"):
        receipts.read(receipt_file)


def test_archive_of_another_size_is_refused_with_the_same_time(receipt_file):
    archive = receipt_file.with_suffix("")
    checked = archive.stat().st_mtime_ns
    archive.write_bytes(archive.read_bytes() + bytes(512))
    os.utime(archive, ns=(checked, checked))
    with pytest.raises(InputError, match="has changed since its receipt"):
        receipts.read(receipt_file)


def test_receipt_without_a_note_of_the_check_is_compared_by_its_own_time(receipt_file):
    receipt_file.with_suffix(".checked").unlink()  # as an earlier version has left it
    make_newer(receipt_file.with_suffix(""), receipt_file)
    assert receipts.read(receipt_file)
    assert receipt_file.with_suffix(".checked").exists()


def test_archive_is_read_where_its_check_cannot_be_noted(receipt_file, monkeypatch):
    def refuse(path, text):
        raise InputError(f"{path} is being written by another process")

    make_newer(receipt_file.with_suffix(""), receipt_file)
    monkeypatch.setattr(files, "write_text", refuse)
    assert receipts.read(receipt_file) == receipts.read(receipt_file)


def test_other_archive_under_the_receipt_of_its_own_is_not_read_by_the_old_index(tmp_path):
    """Another project that shares the folder of archives may have exchanged both."""
    old = write_tar(tmp_path / "old.tar", {"wiki/a.jpg": jpeg(seed=1), "wiki/b.jpg": jpeg(seed=2)})
    (_, place) = tar_index.tar_members(old)
    new = write_tar(tmp_path / "new.tar", {"wiki/b.jpg": jpeg(seed=2), "wiki/a.jpg": jpeg(seed=1)})
    assert new.stat().st_size == old.stat().st_size
    with new.open("rb") as tar, pytest.raises(InputError, match=r"where b\.jpg lies at byte"):
        tar_index.read_member(tar, place.offset, place.size, "b.jpg")
    with (
        pytest.raises(InputError, match=r"new\.tar is not the archive that was indexed"),
        tar_index.open_member(new, place.offset, place.size, place.name),
    ):
        pass


def test_name_of_a_photo_is_not_the_end_of_another_one(tmp_path):
    tar_path = write_tar(tmp_path / "a.tar", {"own/11.jpg": b"bytes"})
    (member,) = tar_index.tar_members(tar_path)
    with tar_path.open("rb") as tar:
        assert tar_index.read_member(tar, member.offset, member.size, "11.jpg") == b"bytes"
        with pytest.raises(InputError, match="not the archive that was indexed"):
            tar_index.read_member(tar, member.offset, member.size, "1.jpg")


NAMES = ["a.jpg", "./a.jpg", "José.jpg", f"{'d/' * 60}a.jpg"]
LONG = "x" * 150  # without a folder, where the old header could divide it
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.mark.parametrize(
    ("tar_format", "name"),
    [*itertools.product(FORMATS, NAMES), *itertools.product(FORMATS[1:], [LONG])],
)
def test_member_is_known_by_its_name_in_every_format(tmp_path, tar_format, name):
    with tarfile.open(tmp_path / "a.tar", "w", format=tar_format) as archive:
        header = tarfile.TarInfo(name)
        header.size, header.mtime = 5, 0.5  # a time that needs an extended header
        archive.addfile(header, io.BytesIO(b"bytes"))
    (member,) = tar_index.tar_members(tmp_path / "a.tar")
    with (tmp_path / "a.tar").open("rb") as tar:
        assert tar_index.read_member(tar, member.offset, member.size, member.name) == b"bytes"


def test_files_of_the_future_are_put_back_in_their_order(tmp_path):
    now = time.time_ns()
    for name, ahead in (("old", -9), ("first", 7200), ("same", 7200), ("second", 7201)):
        path = tmp_path / name
        path.touch()
        os.utime(path, ns=(now + ahead * 10**9,) * 2)
    said = future_times.put_back(tmp_path.iterdir())
    assert f"3 files (for example {tmp_path / 'first'}) had times in the future" in said
    assert said.endswith("3 of them were set to now.")
    old, first, same, second = (
        (tmp_path / name).stat().st_mtime_ns for name in ("old", "first", "same", "second")
    )
    assert old < now < first == same < second <= time.time_ns()
    assert future_times.put_back(tmp_path.iterdir()) is None


def test_file_of_the_future_that_may_not_be_changed_is_named(tmp_path, monkeypatch):
    (tmp_path / "another users").touch()
    os.utime(tmp_path / "another users", ns=(2**62, 2**62))
    monkeypatch.setattr(future_times, "_set_time", lambda path, nanoseconds: False)
    said = future_times.put_back(future_times.files_in(tmp_path))
    assert said.startswith("1 file (") and "were set to now" not in said
    assert said.endswith(f"1 cannot be changed, for example {tmp_path / 'another users'}.")


@pytest.mark.parametrize("kind", ["corrections", "table", "archive", "folder", "photos", "notes"])
def test_file_of_the_user_with_a_time_in_the_future_is_named(tmp_path, kind):
    inner = tmp_path / "photos" / "inner"
    inner.mkdir(parents=True)
    paths = {name: tmp_path / name for name in ("corrections", "table", "archive", "notes")}
    for path in paths.values():
        path.touch()
    archive = {"url": [paths["archive"].as_uri(), inner.parent.as_uri()], "photos": "crop",
               "database": "table", "table": str(paths["table"]), "shards": 1,
               "subjects": "shared"}  # fmt: skip
    config = {
        "sources": ["own"], "external": [], "archives": {"own": archive},
        "corrections": str(paths["corrections"]), "datasheet": str(paths["notes"]),
        "predict": {"photos": str(inner.parent)},
    }  # fmt: skip
    future_times.refuse(sources.own_paths(config))
    paths |= {"folder": inner.parent, "photos": inner}
    os.utime(paths[kind], ns=(time.time_ns() + 2 * 3600 * 10**9,) * 2)
    with pytest.raises(InputError, match=rf"^{paths[kind]} has a time 120 minutes in the future"):
        future_times.refuse(sources.own_paths(config))


def test_clock_of_a_file_server_may_be_a_little_ahead(tmp_path):
    (tmp_path / "a").touch()
    ahead = time.time_ns() + 5 * 10**9
    os.utime(tmp_path / "a", ns=(ahead, ahead))
    assert future_times.put_back(tmp_path.iterdir()) is None
    assert (tmp_path / "a").stat().st_mtime_ns == ahead


def test_size_of_a_local_archive_and_bytes_of_a_table_are_state(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    size, content = sources.local_state(path), sources.file_state(str(path))
    path.write_bytes(b"two")
    assert sources.local_state(path) == size and sources.file_state(str(path)) != content
    path.write_bytes(b"three")
    assert sources.local_state(path) != size
    earlier = sources.photos_state(path)
    os.utime(path, ns=(1, 1))
    assert sources.photos_state(path) != earlier  # as where another tar of this size is moved here
    assert sources.local_state(None) == sources.file_state(None) == ""
    assert sources.local_state(tmp_path) == sources.folder_state(tmp_path)


def test_folder_with_a_link_to_itself_and_a_name_that_is_no_utf_8_has_a_state(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    os.close(os.open(os.fsencode(tmp_path) + b"/M\xfcller.jpg", os.O_CREAT))
    before = sources.folder_state(tmp_path)
    (tmp_path / "a.jpg").touch()
    assert sources.folder_state(tmp_path) != before


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


def put_into_the_future(folder: Path) -> None:
    """As where the clock was a day ahead when the files were made."""
    for path in folder.rglob("*"):
        later = path.stat().st_mtime_ns + 86_400 * 10**9
        os.utime(path, ns=(later, later))


def project_of_own_photos(folder: Path) -> Path:
    """A project with a folder of two photos, of which the table has the first."""
    project = copy_project(folder)
    (project / "photos").mkdir()
    for number, name in enumerate("ab"):
        (project / "photos" / f"{name}.jpg").write_bytes(jpeg(seed=number))
    (project / "photos.csv").write_text("path,gender\na.jpg,male\n")
    own = {"url": (project / "photos").as_uri(), "database": "table", "table": "photos.csv",
           "photos": "crop", "shards": 1}  # fmt: skip
    write_config(project, sources=["own"], archives={"own": own})
    return project


@pytest.mark.slow
def test_clock_that_goes_backwards_leaves_nothing_stale(tmp_path):
    project = project_of_own_photos(tmp_path)
    tables = ["results/data/own/metadata.csv", "results/data/own/faces/1-of-1.csv"]
    run(project, "--", *tables)
    for folder in ("results", "resources"):
        put_into_the_future(project / folder)
    with (project / "photos.csv").open("a") as table:
        table.write("b.jpg,female\n")
    os.utime(project / "photos.csv", (1, 1))
    assert "had times in the future" in run(project, "--", tables[0])  # and it is interrupted
    assert planned(project, "--", *tables) == {"crop_faces"}
    run(project, "--", *tables)
    assert planned(project, "--", *tables) == set()
    assert SHARD.read(project / tables[1]).row.tolist() == [0, 1]


@pytest.mark.slow
def test_photo_that_is_edited_in_place_is_packed_again(tmp_path):
    project = project_of_own_photos(tmp_path)
    receipt = "resources/own/photos.json"
    run(project, "--", receipt)
    with (project / "photos" / "a.jpg").open("r+b") as photo:
        photo.seek(200)
        photo.write(bytes(20))
    assert planned(project, "--", receipt) == {"download"}
