"""Gzipped tars, and a disk without space."""

import gzip
import os
import resource
import tarfile
from pathlib import Path

import pytest

from helpers.download import MD5, TAR, digest_of, names, run_download, tar_bytes
from helpers.http_server import Response
from renet.archives import downloads, receipts
from renet.common.errors import InputError


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz"])
def test_gzipped_tar_is_decompressed_once(server, receipt_file, name):
    packed = gzip.compress(TAR, mtime=0)
    server.contents["/" + name] = packed
    receipt = downloads.obtain(server.url("/" + name), digest_of(packed), receipt_file)
    assert receipt.path == str(receipt_file.with_name("a.tar"))
    assert (receipt.size, receipt.digest) == (len(packed), digest_of(packed))
    with tarfile.open(receipt.path) as tar:
        assert tar.getnames() == ["wiki_crop/00/1_2000-01-01_2010.jpg"]
    first, inode = receipt_file.read_bytes(), Path(receipt.path).stat().st_ino
    downloads.obtain(server.url("/" + name), digest_of(packed), receipt_file)
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
    source.write_bytes(gzip.compress(TAR, mtime=0))
    receipt = downloads.obtain(source.as_uri(), None, receipt_file)
    assert receipt.path == str(receipt_file.with_name("wiki.tar"))
    assert Path(receipt.path).read_bytes() == TAR
    assert names(tmp_path) == {"wiki.tar.gz", "resources"}


def test_query_and_fragment_of_a_url_do_not_hide_that_its_tar_was_gzipped(server, receipt_file):
    packed = gzip.compress(TAR, mtime=0)
    server.contents["/a.tar.gz"] = packed
    receipt = downloads.obtain(server.url("/a.tar.gz#first"), digest_of(packed), receipt_file)
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


@pytest.mark.parametrize("damage", ["truncated", "corrupt"])
def test_damaged_gzip_is_an_input_error(server, receipt_file, damage):
    packed = bytearray(gzip.compress(TAR, mtime=0))
    if damage == "truncated":
        del packed[-1000:]
    else:
        packed[-6] ^= 0xFF
    server.contents["/wiki.tar.gz"] = bytes(packed)
    for digest in (None, digest_of(packed)):
        with pytest.raises(InputError, match="damaged and cannot be decompressed"):
            downloads.obtain(server.url("/wiki.tar.gz"), digest, receipt_file)
    assert not receipt_file.exists()
    assert not receipt_file.with_name("wiki.tar").exists()


def test_content_encoding_is_not_decoded(server, receipt_file):
    packed = gzip.compress(TAR, mtime=0)
    server.contents["/wiki.tar.gz"] = packed
    server.responses = [Response(headers={"Content-Encoding": "gzip"})]
    downloads.obtain(server.url("/wiki.tar.gz"), digest_of(packed), receipt_file)
    assert receipt_file.with_name("wiki.tar.gz").read_bytes() == packed


@pytest.mark.fault("too-little-space")
def test_too_little_space_is_an_error_before_anything_is_written(server, receipt_file, archive):
    server.responses = [Response(headers={"Content-Length": str(1 << 60)})]
    with pytest.raises(
        InputError, match=rf"needs {1 << 60:,} more bytes, but only [\d,]+ are free"
    ):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert names(archive.parent) == set()


@pytest.mark.fault("full-disk")
def test_write_error_keeps_the_part_for_the_next_run(server, receipt_file, archive):
    """A limit on the size of files stands for a full disk: both are errors of write()."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    url = server.url("/static/wiki_crop.tar")
    result = run_download(url, "--digest", MD5, "-o", receipt_file, preexec_fn=limit)
    assert result.returncode == 1
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    kept = archive.with_name("wiki_crop.tar.part").stat().st_size
    assert 0 < kept <= 100_000
    assert run_download(url, "--digest", MD5, "-o", receipt_file).returncode == 0
    assert server.requested_ranges() == [None, f"bytes={kept}-"]
    assert archive.read_bytes() == TAR
