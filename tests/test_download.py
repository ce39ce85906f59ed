"""The rule download: resumed, checked, refused or accepted archives, against a real server."""

import gzip
import hashlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from helpers.http_server import Answer, ArchiveServer, serving
from helpers.project import ROOT, SCRIPTS
from renet.archives import downloads, http_client, http_transfer, receipts
from renet.archives.file_kinds import describe_bytes
from renet.common.errors import InputError
from renet.config import settings

SCRIPT = SCRIPTS / "download.py"
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not &amp; Found</title></head><body>no</body></html>"
)
WAIT_SECONDS = 15.0


def tar_bytes(size: int = 300_000, seed: int = 1) -> bytes:
    """A tar of one photo-like member, which does not compress."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("wiki_crop/00/1_2000-01-01_2010.jpg")
        member.size = size
        photo = b"\xff\xd8\xff" + random.Random(seed).randbytes(size - 3)
        tar.addfile(member, io.BytesIO(photo))
    return buffer.getvalue()


TAR = tar_bytes()
MD5 = "md5:" + hashlib.md5(TAR).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(TAR).hexdigest()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transfer, "BACKOFF", 0.005)
    monkeypatch.setattr(http_client, "RETRY_AFTER_LIMIT", 0.02)
    monkeypatch.setattr(http_client, "TIMEOUT", (2.0, 10.0))
    monkeypatch.setattr(http_transfer, "RECEIVE_BYTES", 4096)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving() as running:
        running.contents["/static/wiki_crop.tar"] = TAR
        yield running


@pytest.fixture
def receipt_file(tmp_path: Path) -> Path:
    return tmp_path / "resources" / "wiki" / "wiki_crop.tar.json"


@pytest.fixture
def archive(receipt_file: Path) -> Path:
    return receipt_file.with_suffix("")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def digest_of(data: bytes) -> str:
    return "md5:" + hashlib.md5(data).hexdigest()


# The plain way.


def test_archive_is_fetched_verified_and_receipted(server, receipt_file, archive):
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
        "wiki_crop.tar.json",
        "wiki_crop.tar.source.json",
    }


def test_request_names_the_project_and_asks_for_the_bytes_as_they_are(server, receipt_file):
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
    server.answers = [Answer(status=302, headers={"Location": target})]
    downloads.obtain(server.url("/old/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR


# Interruptions.


def test_dropped_connection_is_resumed_where_it_broke(server, receipt_file, archive):
    server.answers = [Answer(drop_after=100_000), Answer(drop_after=50_000)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", "bytes=150000-"]
    assert server.requests[1].headers["If-Range"] == '"first"'
    assert server.body_bytes == len(TAR)


def test_stalled_connection_is_given_up_and_resumed(server, receipt_file, archive, monkeypatch):
    monkeypatch.setattr(http_client, "TIMEOUT", (2.0, 0.4))
    server.answers = [Answer(stall_after=81_920)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=81920-"]


def test_last_modified_vouches_where_there_is_no_etag(server, receipt_file, archive):
    dated = {"ETag": None, "Last-Modified": "Tue, 24 Nov 2015 10:00:00 GMT"}
    server.answers = [Answer(drop_after=100_000, headers=dated), Answer(headers=dated)]
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requests[1].headers["If-Range"] == dated["Last-Modified"]
    assert server.body_bytes == len(TAR)
    assert (receipt.etag, receipt.last_modified) == (None, dated["Last-Modified"])


def test_without_strong_validator_nothing_is_resumed(server, receipt_file, archive):
    server.answers = [Answer(drop_after=100_000, etag='W/"weak"')]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, None]


def test_server_without_ranges_is_fetched_from_the_start(server, receipt_file, archive):
    server.answers = [Answer(drop_after=100_000), Answer(ranges=False)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes == len(TAR) + 100_000


def test_cutting_server_without_ranges_is_not_asked_for_ever(server, receipt_file, archive):
    server.answers = [Answer(drop_after=100_000, ranges=False)] * 50
    with pytest.raises(InputError, match="attempts in a row brought nothing new"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == http_transfer.ATTEMPTS + 1
    assert not archive.exists()


def test_attempts_with_progress_are_not_counted(server, receipt_file, archive):
    server.answers = [Answer(drop_after=10_000)] * (3 * http_transfer.ATTEMPTS)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes == len(TAR)


@pytest.mark.parametrize(
    "lie",
    [
        Answer(headers={"Content-Range": f"bytes 0-{len(TAR) - 1}/{len(TAR)}"}),
        Answer(headers={"Content-Range": f"bytes 100000-200000/{len(TAR)}"}),
        Answer(headers={"Content-Range": f"bytes 100000-{len(TAR) - 1}/{len(TAR) + 1}"}),
        Answer(headers={"Content-Range": f"bytes 100000-{len(TAR)}/{len(TAR)}"}, chunked=True),
        Answer(headers={"Content-Range": "bytes"}),
        Answer(headers={"Content-Range": None}),
    ],
    ids=["start", "length", "total", "end", "unreadable", "absent"],
)
def test_wrong_content_range_is_noticed(server, receipt_file, archive, caplog, lie):
    server.answers = [Answer(drop_after=100_000), lie]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", "bytes=100000-"]
    assert "wrong range" in caplog.text
    assert server.body_bytes < 2 * len(TAR)


def test_server_that_keeps_giving_wrong_ranges_is_fetched_from_the_start(
    server, receipt_file, archive
):
    lie = Answer(headers={"Content-Range": "bytes 0-1/2"})
    server.answers = [Answer(drop_after=100_000), lie, lie]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", "bytes=100000-", None]


def test_range_that_is_shorter_than_asked_for_is_continued(server, receipt_file, archive):
    headers = {"Content-Range": f"bytes 100000-199999/{len(TAR)}"}
    short = Answer(status=206, body=TAR[100_000:200_000], headers=headers, chunked=True)
    server.answers = [Answer(drop_after=100_000), short]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", "bytes=200000-"]


def test_length_that_only_a_range_tells_is_held_against_what_came(server, receipt_file, archive):
    headers = {"Content-Range": f"bytes 98304-199999/{len(TAR)}", "ETag": '"first"'}
    short = Answer(status=206, body=TAR[98_304:200_000], headers=headers)
    server.answers = [Answer(chunked=True, drop_after=98_304), short]
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=98304-", "bytes=200000-"]


def test_range_that_nobody_asked_for_is_noticed(server, receipt_file, archive):
    whole = {"Content-Range": f"bytes 0-{len(TAR) - 1}/{len(TAR)}"}
    server.answers = [Answer(status=206, body=TAR, headers=whole)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert len(server.requests) == 2


def test_changed_file_is_fetched_from_the_start(server, receipt_file, archive):
    server.contents["/static/wiki_crop.tar"] = tar_bytes(seed=2)
    server.answers = [Answer(body=TAR, drop_after=100_000), Answer(etag='"second"')]
    new = digest_of(tar_bytes(seed=2))
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), new, receipt_file)
    assert archive.read_bytes() == tar_bytes(seed=2)
    assert server.ranges_asked() == [None, "bytes=100000-"]
    assert receipt.etag == '"second"'


def test_server_that_ignores_if_range_is_seen_through(server, receipt_file, archive):
    changed = Answer(etag='"second"', ranges=None)
    server.answers = [Answer(drop_after=100_000), changed, Answer(etag='"second"')]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", None]


def test_unsatisfiable_range_starts_again(server, receipt_file, archive):
    server.answers = [Answer(drop_after=100_000), Answer(status=416)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=100000-", None]


def test_part_that_is_longer_than_the_file_starts_again(server, receipt_file, archive):
    leave_part(server, receipt_file)
    with archive.with_name("wiki_crop.tar.part").open("ab") as part:
        part.write(bytes(len(TAR)))
    server.requests.clear()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None]


def test_whole_part_is_checked_without_another_request(server, receipt_file, archive):
    leave_part(server, receipt_file)
    archive.with_name("wiki_crop.tar.part").write_bytes(TAR)
    server.requests.clear()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requests == []


def test_part_of_another_url_is_not_continued(server, receipt_file, archive):
    leave_part(server, receipt_file)
    server.contents["/mirror/wiki_crop.tar"] = TAR
    server.requests.clear()
    downloads.obtain(server.url("/mirror/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None]


def test_damaged_note_beside_the_part_starts_again(server, receipt_file, archive):
    leave_part(server, receipt_file)
    archive.with_name("wiki_crop.tar.part.json").write_text("{")
    server.requests.clear()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None]


def leave_part(server: ArchiveServer, receipt_file: Path) -> None:
    """Fetch 100,000 bytes, then find the server gone for good."""
    server.answers = [Answer(drop_after=100_000), Answer(status=410)]
    with pytest.raises(InputError, match="410"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert receipt_file.with_name("wiki_crop.tar.part").stat().st_size == 100_000


def test_length_left_unsaid_is_still_fetched_whole(server, receipt_file, archive):
    server.answers = [Answer(chunked=True, drop_after=100_000), Answer(chunked=True)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes < len(TAR) + 100_000


# A server in trouble, and one that is none.


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again(server, receipt_file, archive, caplog, status):
    server.answers = [Answer(status=status), Answer(status=status)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert len(server.requests) == 3
    assert f"answered {status}" in caplog.text


def test_retry_after_is_waited_for(server, receipt_file, caplog, monkeypatch):
    monkeypatch.setattr(http_client, "RETRY_AFTER_LIMIT", 0.3)
    server.answers = [Answer(status=503, headers={"Retry-After": "86400"})]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert "trying again in 0.3 s" in caplog.text


@pytest.mark.parametrize("value", ["soon", "Tue, 24 Nov 2015 10:00:00 GMT", "9" * 400, "-3"])
def test_odd_retry_after_does_no_harm(server, receipt_file, archive, value):
    server.answers = [Answer(status=503, headers={"Retry-After": value})]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR


def test_server_that_stays_busy_is_given_up(server, receipt_file):
    server.answers = [Answer(status=503)] * 50
    with pytest.raises(InputError, match=r"503.*start again later"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == http_transfer.ATTEMPTS


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_ends_at_once(server, receipt_file, archive, status):
    server.answers = [Answer(status=status)]
    with pytest.raises(InputError, match=f"answered {status}"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == 1
    assert names(archive.parent) == set()


def test_unreachable_server_is_an_input_error(receipt_file):
    with serving() as gone:
        url = gone.url("/wiki_crop.tar")
    with pytest.raises(InputError, match="cannot be reached"):
        downloads.obtain(url, MD5, receipt_file)


# Digests, and what is not an archive.


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
    server.answers = [Answer(body=HTML)]
    with pytest.raises(InputError, match='an HTML page titled "404 Not & Found"'):
        downloads.obtain(url, MD5, receipt_file)
    archive.with_name("wiki_crop.tar.rejected").unlink()
    downloads.obtain(url, MD5, receipt_file)
    assert archive.read_bytes() == TAR


def test_rejected_of_another_url_does_not_stand_in_the_way(server, receipt_file, archive):
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
def test_without_digest_only_what_the_url_promises_passes(
    server, receipt_file, name, content, looks
):
    server.contents["/" + name] = content
    with pytest.raises(InputError, match=looks) as caught:
        downloads.obtain(server.url("/" + name), None, receipt_file)
    assert "was expected" in str(caught.value)
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


# Reruns.


@pytest.mark.parametrize("digest", [MD5, SHA256, None])
def test_receipt_of_an_archive_that_lies_there_is_the_same(server, receipt_file, digest):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, digest, receipt_file)
    first = receipt_file.read_bytes()
    receipt_file.unlink()
    downloads.obtain(url, digest, receipt_file)
    assert receipt_file.read_bytes() == first
    assert server.body_bytes == len(TAR)


def test_changing_the_kind_of_digest_fetches_nothing(server, receipt_file):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, MD5, receipt_file)
    assert downloads.obtain(url, SHA256, receipt_file).digest == SHA256
    downloads.obtain(url, MD5, receipt_file)
    receipt = downloads.obtain(url, None, receipt_file)
    assert (receipt.digest, receipt.verified) == (SHA256, False)
    assert server.body_bytes == len(TAR)


def test_archive_put_there_by_hand_needs_no_server(receipt_file, archive):
    archive.parent.mkdir(parents=True)
    archive.write_bytes(TAR)
    with serving() as gone:
        url = gone.url("/wiki_crop.tar")
    assert downloads.obtain(url, MD5, receipt_file).verified
    assert not downloads.obtain(url, None, receipt_file).verified


def test_archive_of_another_url_needs_that_server_or_a_digest(server, receipt_file, archive):
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    with serving() as gone:
        url = gone.url("/wiki_crop.tar")
    with pytest.raises(InputError, match="cannot be reached"):
        downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == TAR
    assert downloads.obtain(url, MD5, receipt_file).etag is None


def test_part_goes_once_the_archive_is_there(server, receipt_file, archive):
    leave_part(server, receipt_file)
    archive.write_bytes(TAR)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert not {name for name in names(archive.parent) if ".part" in name}


def test_successor_put_there_by_hand_does_not_inherit_the_etag(server, receipt_file, archive):
    url, successor = server.url("/static/wiki_crop.tar"), tar_bytes(seed=2)
    downloads.obtain(url, MD5, receipt_file)
    archive.with_name("wiki_crop.tar.rejected").write_bytes(successor)
    assert downloads.obtain(url, digest_of(successor), receipt_file).etag is None
    assert archive.read_bytes() == successor


def test_archive_with_another_digest_is_fetched_again(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, MD5, receipt_file)
    server.contents["/static/wiki_crop.tar"] = tar_bytes(seed=2)
    downloads.obtain(url, digest_of(tar_bytes(seed=2)), receipt_file)
    assert archive.read_bytes() == tar_bytes(seed=2)


def test_archive_stays_while_its_successor_is_rejected(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, MD5, receipt_file)
    server.contents["/static/wiki_crop.tar"] = HTML
    with pytest.raises(InputError, match="an HTML page"):
        downloads.obtain(url, "md5:" + "0" * 32, receipt_file)
    assert archive.read_bytes() == TAR
    assert downloads.obtain(url, MD5, receipt_file).etag == '"first"'


def test_without_digest_another_size_at_the_server_fetches_again(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, None, receipt_file)
    server.contents["/static/wiki_crop.tar"] = tar_bytes(size=40_000)
    downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == tar_bytes(size=40_000)


@pytest.mark.parametrize("digest", [MD5, None])
def test_without_digest_damage_on_the_disk_fetches_again(server, receipt_file, archive, digest):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, digest, receipt_file)
    archive.write_bytes(TAR[:-1] + b"!")
    downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == TAR


@pytest.mark.parametrize("ranges", [True, False])
def test_server_without_head_is_asked_for_one_byte(server, receipt_file, archive, ranges):
    url = server.url("/static/wiki_crop.tar")
    server.head_status = 405
    downloads.obtain(url, None, receipt_file)
    server.answers = [Answer(ranges=ranges)]
    downloads.obtain(url, None, receipt_file)
    assert [request.method for request in server.requests] == ["GET", "HEAD", "GET"]
    assert server.ranges_asked()[-1] == "bytes=0-0"
    server.contents["/static/wiki_crop.tar"] = tar_bytes(size=40_000)
    server.answers = [Answer(ranges=ranges)]
    downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == tar_bytes(size=40_000)


# Archives in place.


def test_file_url_is_used_where_it_lies(tmp_path, receipt_file, archive):
    source = tmp_path / "my photos" / "wiki_crop.tar"
    source.parent.mkdir()
    source.write_bytes(TAR)
    url = source.as_uri()
    assert "my%20photos" in url
    receipt = downloads.obtain(url, MD5, receipt_file)
    assert (receipt.path, receipt.size, receipt.verified) == (str(source), len(TAR), True)
    assert names(receipt_file.parent) == {"wiki_crop.tar.json"}
    assert names(source.parent) == {"wiki_crop.tar"}
    first = receipt_file.read_bytes()
    downloads.obtain(url, MD5, receipt_file)
    assert receipt_file.read_bytes() == first


def test_file_url_with_the_wrong_bytes_is_left_alone(tmp_path, receipt_file):
    source = tmp_path / "wiki_crop.tar"
    source.write_bytes(HTML)
    for digest in (MD5, None):
        with pytest.raises(InputError, match="an HTML page titled") as caught:
            downloads.obtain(source.as_uri(), digest, receipt_file)
        assert "Put the right file there" in str(caught.value)
    assert source.read_bytes() == HTML
    assert not receipt_file.exists()


def test_missing_file_is_named(tmp_path, receipt_file):
    missing = tmp_path / "none.tar"
    with pytest.raises(InputError, match=f"There is no file {missing}"):
        downloads.obtain(missing.as_uri(), None, receipt_file)


@pytest.mark.parametrize(
    "url",
    [
        "file:wiki_crop.tar",
        "file://data/wiki_crop.tar",
        "ftp://example.org/wiki_crop.tar",
        "/data/wiki_crop.tar",
        "resources/wiki_crop.tar",
        "",
    ],
)
def test_url_that_cannot_be_used_says_what_can(receipt_file, url):
    with pytest.raises(InputError, match=r"file:///data/wiki_crop\.tar"):
        downloads.obtain(url, None, receipt_file)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "https://example.org/static/",
        "https://example.org/?file=wiki_crop.tar",
        "https://example.org/..",
        "https://example.org/a%2Fb",
        "https://example.org/a%00b",
        "https:///wiki_crop.tar",
        "https://[::1/wiki_crop.tar",
        "file:///data/wiki#1.tar",
    ],
)
def test_url_without_server_or_file_name_is_refused(receipt_file, url):
    with pytest.raises(InputError):
        downloads.obtain(url, None, receipt_file)


@pytest.mark.parametrize("url", ["https://example.org/static/", "file://data/wiki_crop.tar"])
def test_url_that_cannot_be_used_is_refused_before_any_job(url):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["archives"]["wiki"]["url"] = url
    with pytest.raises(InputError):
        settings.check(config | {"sources": ["wiki"]})


def test_settings_need_the_standard_library_alone():
    command = [sys.executable, "-S", "-c", "import renet.config.settings"]
    subprocess.run(command, cwd=SCRIPTS, check=True, timeout=60)


def test_receipt_may_not_take_the_archives_name(server, archive):
    with pytest.raises(InputError, match=r"add \.json"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), None, archive)
    assert server.requests == []


# Gzipped tars.


@pytest.mark.parametrize(("name", "tar_name"), [("a.tar.gz", "a.tar"), ("a.tgz", "a.tar")])
def test_gzipped_tar_is_decompressed_once(server, receipt_file, name, tar_name):
    packed = gzip.compress(TAR, mtime=0)
    server.contents["/" + name] = packed
    receipt = downloads.obtain(server.url("/" + name), digest_of(packed), receipt_file)
    assert receipt.path == str(receipt_file.with_name(tar_name))
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


def test_content_encoding_is_not_undone(server, receipt_file):
    packed = gzip.compress(TAR, mtime=0)
    server.contents["/wiki.tar.gz"] = packed
    server.answers = [Answer(headers={"Content-Encoding": "gzip"})]
    downloads.obtain(server.url("/wiki.tar.gz"), digest_of(packed), receipt_file)
    assert receipt_file.with_name("wiki.tar.gz").read_bytes() == packed


# The disk.


def test_too_little_space_is_said_before_anything_is_written(server, receipt_file, archive):
    server.answers = [Answer(headers={"Content-Length": str(1 << 60)})]
    with pytest.raises(
        InputError, match=rf"needs {1 << 60:,} bytes more, but only [\d,]+ are free"
    ):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert names(archive.parent) == set()


def test_write_error_keeps_the_part_for_the_next_run(server, receipt_file, archive):
    """A limit on the size of files stands for a full disk: both are errors of write()."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    url = server.url("/static/wiki_crop.tar")
    result = run_script(url, "--md5", MD5[4:], "-o", receipt_file, preexec_fn=limit)
    assert result.returncode == 1
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    kept = archive.with_name("wiki_crop.tar.part").stat().st_size
    assert 0 < kept <= 100_000
    assert run_script(url, "--md5", MD5[4:], "-o", receipt_file).returncode == 0
    assert server.ranges_asked() == [None, f"bytes={kept}-"]
    assert archive.read_bytes() == TAR


# The script, as a user runs it.


def environment() -> dict[str, str]:
    return os.environ | {"NO_PROXY": "*"}


def run_script(*arguments: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment(), **options
    )


def start_stalled(server: ArchiveServer, receipt_file: Path) -> subprocess.Popen:
    """The script in the middle of a download: it has 196,608 bytes and waits for more."""
    server.answers = [Answer(stall_after=196_608)]
    command = [sys.executable, str(SCRIPT), server.url("/static/wiki_crop.tar")]
    process = subprocess.Popen([*command, "-o", str(receipt_file)], env=environment())
    part = receipt_file.with_name("wiki_crop.tar.part")
    deadline = time.monotonic() + WAIT_SECONDS
    while not (part.exists() and part.stat().st_size == 196_608):
        assert process.poll() is None
        assert time.monotonic() < deadline, "the download did not get going"
        time.sleep(0.02)
    return process


def test_killed_script_is_resumed_by_the_next(server, receipt_file, archive):
    process = start_stalled(server, receipt_file)
    process.send_signal(signal.SIGKILL)
    process.wait(WAIT_SECONDS)
    result = run_script(
        server.url("/static/wiki_crop.tar"), "--sha256", SHA256[7:], "-o", receipt_file
    )
    assert result.returncode == 0, result.stderr
    assert archive.read_bytes() == TAR
    assert server.ranges_asked() == [None, "bytes=196608-"]
    assert server.body_bytes == len(TAR)


def test_second_process_does_not_write_the_same_part(server, receipt_file):
    process = start_stalled(server, receipt_file)
    try:
        with pytest.raises(InputError, match="being written by another process"):
            downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    finally:
        process.kill()
        process.wait(WAIT_SECONDS)
    assert len(server.requests) == 1


def test_script_shows_an_error_without_traceback(receipt_file):
    result = run_script("ftp://example.org/wiki_crop.tar", "-o", receipt_file)
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


# Descriptions.


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
