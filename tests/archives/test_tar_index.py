"""Archives are read in place, and nothing in them reaches the file system."""

import io
import tarfile

import pytest

from helpers.archives import write_receipt, write_tar
from renet.archives import receipts, tar_index
from renet.archives.tar_index import MEMBERS, Member
from renet.common.errors import InputError


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_read_by_their_offset(tmp_path, kind):
    files = {
        "wiki_crop/00/a.jpg": b"first",
        "wiki_crop/José.jpg": b"",
        f"{'d/' * 60}a.jpg": b"far",
        f"{'n' * 96}.jpg": b"as long as a header has room for",
        "wiki_crop/wiki.mat": b"x" * 700,
    }
    tar_path = write_tar(tmp_path / "wiki_crop.tar", files, kind)
    with tar_path.open("rb") as tar:
        for member in tar_index.tar_members(tar_path):
            assert tar_index.read_member(tar, member.offset, member.size) == files[member.name]


def test_archive_that_became_shorter_is_refused(tmp_path):
    tar_path = write_tar(tmp_path / "a.tar", {"a.jpg": b"x" * 700})
    with (
        tar_path.open("rb") as tar,
        pytest.raises(InputError, match=r"a\.tar is shorter than when it was indexed"),
    ):
        tar_index.read_member(tar, 512, 1 << 20)


def test_index_spans_the_files_of_a_source_in_their_order(tmp_path):
    first = write_tar(tmp_path / "imdb_meta.tar", {"imdb/imdb.mat": b"m"})
    second = write_tar(tmp_path / "imdb_0.tar", {"imdb/00/a.jpg": b"a"})
    index = tar_index.index([first, second])
    assert index[["file", "member"]].values.tolist() == [[0, "imdb/imdb.mat"], [1, "imdb/00/a.jpg"]]
    MEMBERS.write(tmp_path / "members.csv", index)
    found = tar_index.find_metadata(tmp_path / "members.csv", "imdb")
    assert found == (0, Member("imdb/imdb.mat", 512, 1))


def test_last_of_two_members_with_one_name_counts(tmp_path):
    tar_path = tmp_path / "twice.tar"
    with tarfile.open(tar_path, "w") as archive:
        for data in (b"old", b"newer"):
            header = tarfile.TarInfo("a.jpg")
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    index = tar_index.index([tar_path])
    assert index[["member", "size"]].values.tolist() == [["a.jpg", 5]]


@pytest.mark.fault("control-character")
@pytest.mark.parametrize("name", ["../outside.jpg", "/etc/outside.jpg", "wiki_crop/../../x.jpg"])
def test_member_whose_path_leads_out_or_is_no_text_is_skipped(tmp_path, name, caplog):
    members = {name: b"x", "wiki/a\r\n1.jpg": b"x", "wiki_crop/a.jpg": b"y"}
    tar_path = write_tar(tmp_path / "evil.tar", members)
    assert [member.name for member in tar_index.tar_members(tar_path)] == ["wiki_crop/a.jpg"]
    assert f"1 members are skipped: path leads out of the archive ({name})" in caplog.text
    assert "control characters in the name (wiki/a" in caplog.text


def test_first_three_members_that_are_skipped_are_named(tmp_path, caplog):
    members = {f"../{number}.jpg": b"x" for number in range(5)}
    assert list(tar_index.tar_members(write_tar(tmp_path / "a.tar", members))) == []
    assert "5 members are skipped" in caplog.text
    assert "(../0.jpg, ../1.jpg, ../2.jpg, …)" in caplog.text


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_skipped(tmp_path, kind):
    tar_path = tmp_path / "odd.tar"
    with tarfile.open(tar_path, "w") as archive:
        header = tarfile.TarInfo("wiki_crop/link.jpg")
        header.type, header.linkname = kind, "/etc/passwd"
        archive.addfile(header)
    assert list(tar_index.tar_members(tar_path)) == []


@pytest.mark.fault("damaged-archive")
@pytest.mark.parametrize(
    ("start", "stop", "put"),
    [*((kept, None, b"") for kept in (0, 100, 700, 1500, 4096)), (3072, 3172, b"?" * 100)],
)
def test_archive_that_ends_too_early_or_has_a_damaged_header_is_refused(tmp_path, start, stop, put):
    """tarfile alone takes a cut between two members, or such a header, for the end."""
    tar_path = write_tar(tmp_path / "a.tar", {f"{number}.jpg": b"x" * 512 for number in range(10)})
    data = bytearray(tar_path.read_bytes())
    data[start:stop] = put
    tar_path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tar is not a complete tar archive"):
        list(tar_index.tar_members(tar_path))


@pytest.mark.fault("damaged-archive")
def test_bytes_behind_the_end_mark_are_named(tmp_path, caplog):
    path = write_tar(tmp_path / "a.tar", {"1.jpg": b"x" * 9000})
    assert len(tar_index.index([path])) == 1 and "end mark" not in caplog.text
    path.write_bytes(2 * path.read_bytes())
    assert len(tar_index.index([path])) == 1
    assert "a.tar: the bytes behind the end mark at byte 9728 are not read" in caplog.text


def test_member_whose_name_is_no_utf8_can_be_written_down(tmp_path):
    tar_path = tmp_path / "latin.tar"
    with tarfile.open(tar_path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("wiki_crop/José.jpg"))
    MEMBERS.write(tmp_path / "members.csv", tar_index.index([tar_path]))
    assert MEMBERS.read(tmp_path / "members.csv").member[0].startswith("wiki_crop/Jos")


@pytest.mark.fault("damaged-archive")
def test_missing_metadata_is_an_error_that_names_the_file(tmp_path):
    files = {"LICENCE": b"", "wiki_crop/00/a.jpg": b"a", "wiki_crop/old_wiki.mat": b"m"}
    index = tar_index.index([write_tar(tmp_path / "a.tar", files)])
    MEMBERS.write(tmp_path / "members.csv", index)
    with pytest.raises(InputError, match=r"lists 0 files named wiki\.mat"):
        tar_index.find_metadata(tmp_path / "members.csv", "wiki")


@pytest.mark.parametrize("size", [1024, 10_240])  # of the end mark, and as tar pads it
def test_empty_archive_has_no_member(tmp_path, size):
    (tmp_path / "empty.tar").write_bytes(bytes(size))
    assert tar_index.index([tmp_path / "empty.tar"]).empty


def test_archive_that_is_gone_is_named_with_its_receipt(tmp_path):
    receipt = write_receipt(tmp_path / "r.json", tmp_path / "gone.tar")
    with pytest.raises(InputError, match=r"gone\.tar of .*delete the receipt"):
        receipts.read(receipt)


def test_fault_of_the_machine_is_no_fault_of_the_archive(tmp_path):
    with pytest.raises(IsADirectoryError):
        list(tar_index.tar_members(tmp_path))
