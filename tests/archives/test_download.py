"""One archive from a server."""

import gzip
import resource
from pathlib import Path

import pytest

from helpers.download import HTML, MD5, PACKED, SHA256, TAR, digest_of, leave_part, names
from helpers.http_server import Response
from renet.archives import downloads, receipts
from renet.common import locks
from renet.common.errors import InputError


def test_archive_is_downloaded_verified_and_gets_a_receipt(server, receipt_file, archive):
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), MD5.upper(), receipt_file)
    assert archive.read_bytes() == TAR
    assert receipt == receipts.read(receipt_file)
    url = server.url("/static/wiki_crop.tar")
    assert receipt == receipts.Receipt(url, str(archive), len(TAR), MD5, verified=True)
    assert names(archive.parent) == {"wiki_crop.tar", "wiki_crop.tar.checked", receipt_file.name}
    (request,) = server.requests
    assert request.headers["User-Agent"].startswith("renet-workflow")
    assert request.headers["Accept-Encoding"] == "identity"


def test_local_name_is_the_decoded_end_of_the_path(server, receipt_file):
    server.contents["/my%20photos.tar"] = TAR
    receipt = downloads.obtain(server.url("/my%20photos.tar?raw=1"), MD5, receipt_file)
    assert Path(receipt.path).name == "my photos.tar"
    assert server.requests[0].path == "/my%20photos.tar?raw=1"


def test_without_digest_the_computed_one_is_recorded(server, receipt_file, caplog):
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert (receipt.digest, receipt.verified) == (SHA256, False)
    assert "not verified" in caplog.text
    assert SHA256 in caplog.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("wiki_crop.tar", HTML),
        ("wiki_crop.tar", PACKED),
        ("wiki_crop.tar", b"\xff\xd8\xff\xe0" + bytes(600)),
        ("wiki_crop.tar", bytes(2048)),
        ("wiki_crop.tar", b""),
        ("wiki.tar.gz", TAR),
        ("wiki.tgz", gzip.compress(HTML, mtime=0)),
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
    assert f"begin with {content[:80]!r}" in str(caught.value)
    assert names(receipt_file.parent) == set()


def test_old_tar_without_magic_passes_without_digest(server, receipt_file):
    old = bytearray(TAR[:512])
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    server.contents["/old.tar"] = bytes(old) + TAR[512:]
    receipt = downloads.obtain(server.url("/old.tar"), None, receipt_file)
    assert Path(receipt.path).read_bytes() == server.contents["/old.tar"]


def test_content_encoding_is_not_decoded(server, receipt_file):
    server.contents["/wiki.tar.gz"] = PACKED
    server.responses = [Response(headers={"Content-Encoding": "gzip"})]
    downloads.obtain(server.url("/wiki.tar.gz"), digest_of(PACKED), receipt_file)
    assert receipt_file.with_name("wiki.tar.gz").read_bytes() == PACKED


@pytest.mark.fault("too-little-space")
def test_too_little_space_is_an_error_before_anything_is_written(server, receipt_file, archive):
    server.responses = [Response(headers={"Content-Length": str(1 << 60)})]
    fault = rf"needs {1 << 60:,} more bytes, but only [\d,]+ are free"
    with pytest.raises(InputError, match=fault):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert names(archive.parent) == set()


@pytest.mark.fault("full-disk")
def test_write_error_keeps_the_part_for_the_next_run(server, receipt_file, archive):
    """A limit on the size of files stands for a full disk: both are errors of write()."""
    url, limits = server.url("/static/wiki_crop.tar"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            downloads.obtain(url, MD5, receipt_file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = archive.with_name("wiki_crop.tar.part").stat().st_size
    assert 0 < kept <= 100_000
    downloads.obtain(url, MD5, receipt_file)
    assert server.requested_ranges() == [None, f"bytes={kept}-"]
    assert archive.read_bytes() == TAR


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://example.org/static/", "https://example.org/..",
     "https://example.org/?file=wiki_crop.tar", "https://example.org/a%2Fb",
     "https://example.org/a%00b", "https://[::1/wiki_crop.tar", "file:///data/wiki#1.tar",
     f"https://example.org/{'a' * 300}.tar", f"https://example.org/{'é' * 125}.tar"],
)  # fmt: skip
def test_unusable_url_is_refused_with_what_to_write(receipt_file, url):
    with pytest.raises(InputError, match=r"write|give|correct"):
        downloads.obtain(url, None, receipt_file)


@pytest.mark.fault("second-start")
def test_part_that_another_process_writes_is_left_to_it(server, receipt_file):
    part = leave_part(receipt_file)
    sentence = r"wiki_crop\.tar is being written by another process"
    with locks.sole_writer(part), pytest.raises(InputError, match=sentence):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert part.read_bytes() == TAR[:100_000] and not server.requests


@pytest.mark.fault("second-start")
def test_folder_that_another_process_packs_is_left_to_it(receipt_file, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"photo")
    receipt_file.parent.mkdir(parents=True)
    packed = locks.sole_writer(receipt_file.with_name("photos.tar.renet-tmp"))
    with packed, pytest.raises(InputError, match=r"photos\.tar is being written by another"):
        downloads.obtain((tmp_path / "photos").as_uri(), None, receipt_file)
