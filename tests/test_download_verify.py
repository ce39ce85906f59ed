"""Digests, rejected downloads, and files that are not archives."""

import gzip
from pathlib import Path

import pytest

from helpers.download import HTML, MD5, SHA256, TAR
from helpers.http_server import Response
from renet.archives import downloads
from renet.archives.verification import describe_bytes
from renet.common.errors import InputError


@pytest.mark.fault("wrong-digest")
def test_wrong_digest_is_explained_and_kept_as_rejected(server, receipt_file, archive):
    wrong = "md5:" + "0" * 32
    with pytest.raises(InputError) as caught:
        downloads.obtain(server.url("/static/wiki_crop.tar"), wrong, receipt_file)
    message = str(caught.value)
    for said in (wrong, MD5, f"{len(TAR):,}", "a tar file", "Delete that file", "in the config"):
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
    with pytest.raises(InputError, match='an HTML page titled "404 Not & Found"'):
        downloads.obtain(url, MD5, receipt_file)
    archive.with_name("wiki_crop.tar.rejected").unlink()
    downloads.obtain(url, MD5, receipt_file)
    assert archive.read_bytes() == TAR


def test_rejected_file_of_another_url_is_not_used(server, receipt_file, archive):
    server.contents["/wrong/wiki_crop.tar"] = HTML
    with pytest.raises(InputError):
        downloads.obtain(server.url("/wrong/wiki_crop.tar"), MD5, receipt_file)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR


def test_without_digest_the_computed_one_is_recorded(server, receipt_file, caplog):
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert (receipt.digest, receipt.verified) == (SHA256, False)
    assert "not verified" in caplog.text
    assert SHA256 in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "looks"),
    [
        ("wiki_crop.tar", HTML, "an HTML page titled"),
        ("wiki_crop.tar", gzip.compress(TAR, mtime=0), "a gzip file"),
        ("wiki_crop.tar", b"\xff\xd8\xff\xe0" + bytes(600), "a JPEG"),
        ("wiki_crop.tar", bytes(2048), "unknown bytes"),
        ("wiki_crop.tar", b"", "an empty file"),
        ("wiki.tar.gz", TAR, "a tar file"),
        ("wiki.tgz", gzip.compress(HTML, mtime=0), "a gzip file"),
        ("wiki.mat", HTML, "an HTML page"),
        ("wiki", HTML, "an HTML page"),
    ],
)
def test_without_digest_the_file_must_be_of_the_kind_of_its_url(
    server, receipt_file, name, content, looks
):
    server.contents["/" + name] = content
    with pytest.raises(InputError, match=looks) as caught:
        downloads.obtain(server.url("/" + name), None, receipt_file)
    assert "what the config expects: it is not a" in str(caught.value)
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


def test_digest_of_another_form_is_refused(server, receipt_file):
    for digest in ("md5:" + "0" * 31, "sha1:" + "0" * 40, "0" * 32, "md5:" + "g" * 32, ""):
        with pytest.raises(InputError, match="hexadecimal digits"):
            downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert server.requests == []


@pytest.mark.parametrize(
    ("content", "described"),
    [
        (b"", "an empty file"),
        (HTML, 'an HTML page titled "404 Not & Found"'),
        (b"\xef\xbb\xbf\n <HTML><body>Moved", "an HTML page"),
        (b"<?xml version='1.0'?><html><TITLE>\n Log\n in </TITLE>", 'an HTML page titled "Log in"'),
        (gzip.compress(b"x", mtime=0), "a gzip file"),
        (TAR, "a tar file"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG"),
        (b"PK\x03\x04....", "a zip file"),
        (b'{"message": "no access"}', 'text that begins "{"message": "no access"}"'),
        (b"\x00\x01\x02\x03", "unknown bytes that begin 00 01 02 03"),
    ],
)
def test_bytes_are_described_by_what_they_look_like(tmp_path, content, described):
    path = tmp_path / "bytes"
    path.write_bytes(content)
    assert describe_bytes(path) == described
