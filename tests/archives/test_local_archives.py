"""Archives on this machine: used in place, packed from a folder, or decompressed."""

import gzip
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.download import HTML, MD5, PACKED, TAR, digest_of, names, tar_bytes
from renet.archives import downloads, receipts
from renet.common.errors import InputError


def test_file_url_is_used_in_place(tmp_path, receipt_file):
    source = tmp_path / "my photos" / "wiki_crop.tar"
    source.parent.mkdir()
    source.write_bytes(TAR)
    url = source.as_uri()
    assert "my%20photos" in url
    receipt = downloads.obtain(url, MD5, receipt_file)
    assert (receipt.path, receipt.size, receipt.verified) == (str(source), len(TAR), True)
    assert names(receipt_file.parent) == {"wiki_crop.tar.json", "wiki_crop.tar.checked"}
    assert names(source.parent) == {"wiki_crop.tar"}
    first = receipt_file.read_bytes()
    downloads.obtain(url, MD5, receipt_file)
    assert receipt_file.read_bytes() == first


def test_file_url_with_the_wrong_bytes_is_left_alone(tmp_path, receipt_file):
    source = tmp_path / "wiki_crop.tar"
    source.write_bytes(HTML)
    for digest in (MD5, None):
        with pytest.raises(InputError, match="begin with b'<!DOCTYPE html>") as caught:
            downloads.obtain(source.as_uri(), digest, receipt_file)
        assert "Replace the file" in str(caught.value)
    assert source.read_bytes() == HTML
    assert not receipt_file.exists()


@pytest.mark.parametrize("has_digest", [True, False])
def test_zip_is_one_sentence_with_the_way_out(tmp_path, server, receipt_file, has_digest):
    with zipfile.ZipFile(path := tmp_path / "photos.zip", "w") as packed:
        packed.writestr("a.jpg", "x")
    server.contents["/photos.zip"] = path.read_bytes()
    digest = receipts.compute_digest(path, "sha256") if has_digest else None
    part = receipt_file.with_name("photos.zip.part")  # it is kept, to be unpacked
    for url, file in ((path.as_uri(), path), (server.url("/photos.zip"), part)):
        with pytest.raises(InputError) as caught:
            downloads.obtain(url, digest, receipt_file)
        way_out = "is a zip file; unpack it, and set `url` to the folder: file://…."
        assert str(caught.value) == f"{file} {way_out}" and file.exists()


def test_missing_file_is_named(tmp_path, receipt_file):
    missing = tmp_path / "none.tar"
    with pytest.raises(InputError, match=f"The file {missing} of the URL .* does not exist"):
        downloads.obtain(missing.as_uri(), None, receipt_file)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz"])
def test_gzipped_tar_is_decompressed_once(server, receipt_file, name):
    server.contents["/" + name] = PACKED
    receipt = downloads.obtain(server.url("/" + name), digest_of(PACKED), receipt_file)
    assert receipt.path == str(receipt_file.with_name("a.tar"))
    assert (receipt.size, receipt.digest) == (len(PACKED), digest_of(PACKED))
    with tarfile.open(receipt.path) as tar:
        assert tar.getnames() == ["wiki_crop/00/1_2000-01-01_2010.jpg"]
    first, inode = receipt_file.read_bytes(), Path(receipt.path).stat().st_ino
    downloads.obtain(server.url("/" + name), digest_of(PACKED), receipt_file)
    assert receipt_file.read_bytes() == first
    assert Path(receipt.path).stat().st_ino == inode


def test_tar_of_an_earlier_archive_is_made_again(server, receipt_file):
    url = server.url("/wiki.tar.gz")
    for content in (TAR, tar_bytes(seed=2)):
        packed = gzip.compress(content, mtime=0)
        server.contents["/wiki.tar.gz"] = packed
        receipt = downloads.obtain(url, digest_of(packed), receipt_file)
        assert Path(receipt.path).read_bytes() == content
    Path(receipt.path).write_bytes(b"cut off")
    receipt = downloads.obtain(url, digest_of(packed), receipt_file)
    assert Path(receipt.path).read_bytes() == content


def test_gzipped_tar_in_place_is_decompressed_beside_the_receipt(tmp_path, receipt_file):
    source = tmp_path / "wiki.tar.gz"
    source.write_bytes(PACKED)
    receipt = downloads.obtain(source.as_uri(), None, receipt_file)
    assert receipt.path == str(receipt_file.with_name("wiki.tar"))
    assert Path(receipt.path).read_bytes() == TAR
    assert names(tmp_path) == {"wiki.tar.gz", "resources"}


def test_query_and_fragment_of_a_url_do_not_hide_that_its_tar_was_gzipped(server, receipt_file):
    server.contents["/a.tar.gz"] = PACKED
    receipt = downloads.obtain(server.url("/a.tar.gz#first"), digest_of(PACKED), receipt_file)
    os.utime(receipt.path, (1, 1))  # its digest would be computed again
    assert receipts.read(receipt_file) == receipt


def test_folder_with_the_name_of_a_gzipped_tar_is_a_folder(tmp_path, receipt_file):
    folder = tmp_path / "photos.tgz"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"photo")
    receipt = downloads.obtain(folder.as_uri(), None, receipt_file)
    with tarfile.open(receipt.path) as tar:
        assert tar.getnames() == ["a.jpg"]
    Path(receipt.path).write_bytes(b"other bytes")
    with pytest.raises(InputError, match=r"photos\.tgz\.tar has changed since its receipt"):
        receipts.read(receipt_file)


@pytest.mark.parametrize(
    "packed",
    [PACKED[:-1000], PACKED[:-6] + bytes([PACKED[-6] ^ 0xFF]) + PACKED[-5:]],
    ids=["truncated", "corrupt"],
)
def test_damaged_gzip_is_an_input_error(server, receipt_file, packed):
    server.contents["/wiki.tar.gz"] = packed
    for digest in (None, None, digest_of(packed)):
        with pytest.raises(InputError, match="damaged and cannot be decompressed"):
            downloads.obtain(server.url("/wiki.tar.gz"), digest, receipt_file)
    assert not receipt_file.exists()
    assert not receipt_file.with_name("wiki.tar").exists()
    assert len(server.requests) == 1
