"""The rule download: one archive from a server, and the script as a user runs it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.download import MD5, SCRIPT, SHA256, TAR, environment, names, run_download
from helpers.http_server import ArchiveServer, Response
from renet.archives import downloads, receipts
from renet.common.errors import InputError

WAIT_SECONDS = 15.0


def test_archive_is_downloaded_verified_and_gets_a_receipt(server, receipt_file, archive):
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert receipt == receipts.read(receipt_file)
    assert receipt == receipts.Receipt(
        url=server.url("/static/wiki_crop.tar"),
        path=str(archive),
        size=len(TAR),
        digest=MD5,
        verified=True,
        etag='"first"',
    )
    assert names(archive.parent) == {
        "wiki_crop.tar",
        "wiki_crop.tar.checked",
        "wiki_crop.tar.json",
        "wiki_crop.tar.source.json",
    }


def test_request_names_the_project_and_accepts_no_encoding(server, receipt_file):
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    (request,) = server.requests
    assert request.headers["User-Agent"].startswith("renet-workflow")
    assert request.headers["Accept-Encoding"] == "identity"


def test_query_is_no_part_of_the_local_name(server, receipt_file, archive):
    downloads.obtain(server.url("/static/wiki_crop.tar?raw=1"), SHA256, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requests[0].path == "/static/wiki_crop.tar?raw=1"


def test_local_name_is_decoded(server, receipt_file):
    server.contents["/my%20photos.tar"] = TAR
    receipt = downloads.obtain(server.url("/my%20photos.tar"), MD5, receipt_file)
    assert Path(receipt.path).name == "my photos.tar"


def test_upper_case_digest_is_the_same_digest(server, receipt_file):
    url = server.url("/static/wiki_crop.tar")
    assert downloads.obtain(url, MD5.upper(), receipt_file).digest == MD5


def test_redirect_is_followed(server, receipt_file, archive):
    target = server.url("/static/wiki_crop.tar")
    server.responses = [Response(status=302, headers={"Location": target})]
    downloads.obtain(server.url("/old/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR


def start_stalled(server: ArchiveServer, receipt_file: Path) -> subprocess.Popen:
    """The script in the middle of a download: it has 196,608 bytes and waits for more."""
    server.responses = [Response(stall_after=196_608)]
    command = [sys.executable, str(SCRIPT), server.url("/static/wiki_crop.tar")]
    process = subprocess.Popen([*command, "-o", str(receipt_file)], env=environment())
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


def test_script_shows_an_error_without_traceback(receipt_file):
    result = run_download("ftp://example.org/wiki_crop.tar", "-o", receipt_file)
    assert result.returncode == 1
    assert "https://" in result.stderr
    assert "Traceback" not in result.stderr


def test_script_takes_what_snakemake_gives(server, tmp_path):
    url = server.url("/static/wiki_crop.tar")
    (tmp_path / "Snakefile").write_text(
        "rule download:\n"
        "    output: receipt='wiki_crop.tar.json'\n"
        "    log: 'download.log'\n"
        f"    params: url={url!r}, digest=None\n"
        f"    script: {str(SCRIPT)!r}\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--workflow-profile", "none"]
    options = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True}
    for arguments in ([], ["--forceall"]):
        result = subprocess.run([*command, *arguments], timeout=60, **options)
        assert result.returncode == 0, result.stderr
        receipt = json.loads((tmp_path / "wiki_crop.tar.json").read_text())
        assert (receipt["path"], receipt["digest"]) == ("wiki_crop.tar", SHA256)
    assert "not verified" in (tmp_path / "download.log").read_text()
    assert server.body_bytes == len(TAR)
