"""Digests, rejected downloads, and files that are not archives."""

import gzip
from pathlib import Path

import pytest

from helpers.download import HTML, MD5, SHA256, TAR
from helpers.http_server import Response
from renet.archives import downloads
from renet.common.errors import InputError


@pytest.mark.fault("wrong-digest")
def test_wrong_digest_is_explained_and_kept_as_rejected(server, receipt_file, archive):
    wrong = "md5:" + "0" * 32
    with pytest.raises(InputError) as caught:
        downloads.obtain(server.url("/static/wiki_crop.tar"), wrong, receipt_file)
    message = str(caught.value)
    for said in (wrong, MD5, f"{len(TAR):,}", "b'wiki_crop", "Delete that file", "in the config"):
        assert said in message
    rejected = archive.with_name("wiki_crop.tar.rejected")
    assert str(rejected) in message
    assert rejected.read_bytes() == TAR
    assert not archive.exists()
    assert not receipt_file.exists()


def test_rejected_bytes_are_not_fetched_again(server, receipt_file):
    url, wrong = server.url("/static/wiki_crop.tar"), "md5:" + "0" * 32
    messages = []
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            downloads.obtain(url, wrong, receipt_file)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert len(server.requests) == 1


def test_accepting_the_digest_makes_the_rejected_the_archive(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    with pytest.raises(InputError):
        downloads.obtain(url, "md5:" + "0" * 32, receipt_file)
    receipt = downloads.obtain(url, MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert not archive.with_name("wiki_crop.tar.rejected").exists()
    assert len(server.requests) == 1
    assert (receipt.verified, receipt.etag) == (True, '"first"')


def test_deleting_the_rejected_fetches_again(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    server.responses = [Response(body=HTML)]
    with pytest.raises(InputError, match=r"begin b.<!DOCTYPE html>"):
        downloads.obtain(url, MD5, receipt_file)
    archive.with_name("wiki_crop.tar.rejected").unlink()
    downloads.obtain(url, MD5, receipt_file)
    assert archive.read_bytes() == TAR


def test_rejected_file_is_accepted_by_a_digest_alone(server, receipt_file, archive):
    with pytest.raises(InputError):
        downloads.obtain(server.url("/static/wiki_crop.tar"), "md5:" + "0" * 32, receipt_file)
    with pytest.raises(InputError, match=r"a rejected file needs a digest.*Delete that file"):
        downloads.obtain(server.url("/other/wiki_crop.tar"), None, receipt_file)
    assert downloads.obtain(server.url("/other/wiki_crop.tar"), MD5, receipt_file).etag is None
    assert archive.read_bytes() == TAR


def test_without_digest_the_computed_one_is_recorded(server, receipt_file, caplog):
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert (receipt.digest, receipt.verified) == (SHA256, False)
    assert "not verified" in caplog.text
    assert SHA256 in caplog.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("wiki_crop.tar", HTML),
        ("wiki_crop.tar", gzip.compress(TAR, mtime=0)),
        ("wiki_crop.tar", b"\xff\xd8\xff\xe0" + bytes(600)),
        ("wiki_crop.tar", bytes(2048)),
        ("wiki_crop.tar", b""),
        ("wiki.tar.gz", TAR),
        ("wiki.tgz", gzip.compress(HTML, mtime=0)),
        ("wiki.mat", HTML),
        ("wiki", HTML),
    ],
)
def test_without_digest_the_file_must_be_of_the_kind_of_its_url(
    server, receipt_file, name, content
):
    server.contents["/" + name] = content
    with pytest.raises(InputError) as caught:
        downloads.obtain(server.url("/" + name), None, receipt_file)
    assert "what the config expects: it is not a" in str(caught.value)
    assert f"which begin {content[:80]!r}" in str(caught.value)
    assert receipt_file.with_name(name + ".rejected").read_bytes() == content
    assert not receipt_file.exists()


def test_old_tar_without_magic_and_mat_file_pass_without_digest(server, receipt_file):
    old = bytearray(TAR[:512])
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    server.contents["/old.tar"] = bytes(old) + TAR[512:]
    server.contents["/wiki.mat"] = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(256)
    for name in ("old.tar", "wiki.mat"):
        receipt = downloads.obtain(server.url("/" + name), None, receipt_file)
        assert Path(receipt.path).read_bytes() == server.contents["/" + name]
