"""The rule download: one archive from a server, and the script as a user runs it."""

import gzip
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import download
from helpers.download import HTML, MD5, SHA256, TAR, digest_of, names, run_download
from helpers.http_server import ArchiveServer, Response
from helpers.project import SCRIPTS
from renet.archives import downloads, receipts
from renet.common.errors import InputError

WAIT_SECONDS = 15.0


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
    assert f"begin {content[:80]!r}" in str(caught.value)
    assert names(receipt_file.parent) == set()


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


@pytest.mark.parametrize(
    "url",
    ["file:wiki_crop.tar", "file://data/wiki_crop.tar", "ftp://example.org/wiki_crop.tar",
     "/data/wiki_crop.tar", "resources/wiki_crop.tar", ""],
)  # fmt: skip
def test_unusable_url_gives_an_example(receipt_file, url):
    with pytest.raises(InputError, match=r"file:///data/wiki_crop\.tar"):
        downloads.obtain(url, None, receipt_file)


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://example.org/static/", "https://example.org/..",
     "https://example.org/?file=wiki_crop.tar", "https://example.org/a%2Fb",
     "https://example.org/a%00b", "https:///wiki_crop.tar", "https://[::1/wiki_crop.tar",
     "file:///data/wiki#1.tar"],
)  # fmt: skip
def test_url_without_server_or_file_name_is_refused(receipt_file, url):
    with pytest.raises(InputError):
        downloads.obtain(url, None, receipt_file)


def test_config_needs_the_standard_library_alone():
    command = [sys.executable, "-S", "-c", "import renet.config.checks"]
    subprocess.run(command, cwd=SCRIPTS, check=True, timeout=60)


def test_receipt_may_not_take_the_archives_name(server, archive):
    with pytest.raises(InputError, match=r"add \.json"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), None, archive)
    assert server.requests == []


def start_stalled(server: ArchiveServer, receipt_file: Path) -> subprocess.Popen:
    """The script in the middle of a download: it has 196,608 bytes and waits for more."""
    server.responses = [Response(stall_after=196_608)]
    command = [sys.executable, str(download.SCRIPT), server.url("/static/wiki_crop.tar")]
    process = subprocess.Popen([*command, "-o", str(receipt_file)], env=download.environment())
    part = receipt_file.with_name("wiki_crop.tar.part")
    deadline = time.monotonic() + WAIT_SECONDS
    while not (part.exists() and part.stat().st_size == 196_608):
        assert process.poll() is None
        assert time.monotonic() < deadline, "the download did not get going"
        time.sleep(0.02)
    return process


@pytest.mark.fault("shared-archives")
def test_second_process_stops_and_the_next_goes_on_where_the_first_was_killed(
    server, receipt_file, archive
):
    process = start_stalled(server, receipt_file)
    url = server.url("/static/wiki_crop.tar")
    try:
        with pytest.raises(InputError, match=r"wiki_crop\.tar is being written by another process"):
            downloads.obtain(url, MD5, receipt_file)
        assert len(server.requests) == 1
    finally:
        process.kill()
        process.wait(WAIT_SECONDS)
    assert downloads.obtain(url, MD5, receipt_file).digest == MD5
    assert archive.read_bytes() == TAR and server.body_bytes == len(TAR)
    assert server.requested_ranges() == [None, "bytes=196608-"]
