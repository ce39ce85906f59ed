"""Interrupted downloads, wrong responses and servers in trouble."""

import time

import pytest

from helpers.download import MD5, TAR, digest_of, leave_part, names, tar_bytes
from helpers.http_server import Response, serving
from renet.archives import downloads, http_transfer
from renet.common.errors import InputError


@pytest.mark.fault("broken-connection")
def test_dropped_connection_is_resumed_where_it_broke(server, receipt_file, archive):
    server.responses = [Response(drop_after=100_000), Response(drop_after=50_000)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert server.requests[1].headers["If-Range"] == '"first"'
    assert server.body_bytes == len(TAR)


@pytest.mark.fault("broken-connection")
def test_stalled_connection_is_cut_and_resumed(server, receipt_file, archive, monkeypatch):
    monkeypatch.setattr(http_transfer, "TIMEOUT", (2.0, 0.4))
    server.responses = [Response(stall_after=81_920)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=81920-"]


def test_last_modified_is_the_validator_without_an_etag(server, receipt_file, archive):
    dated = {"ETag": None, "Last-Modified": "Tue, 24 Nov 2015 10:00:00 GMT"}
    server.responses = [Response(drop_after=100_000, headers=dated), Response(headers=dated)]
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requests[1].headers["If-Range"] == dated["Last-Modified"]
    assert server.body_bytes == len(TAR)
    assert (receipt.etag, receipt.last_modified) == (None, dated["Last-Modified"])


def test_without_strong_validator_nothing_is_resumed(server, receipt_file, archive):
    server.responses = [Response(drop_after=100_000, etag='W/"weak"')]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, None]


def test_server_without_ranges_is_fetched_from_the_start(server, receipt_file, archive):
    server.responses = [Response(drop_after=100_000), Response(ranges=False)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes == len(TAR) + 100_000


@pytest.mark.fault("busy-server")
def test_cutting_server_without_ranges_is_not_retried_without_end(server, receipt_file, archive):
    server.responses = [Response(drop_after=100_000, ranges=False)] * 50
    with pytest.raises(InputError, match="attempts in a row brought no new bytes"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == http_transfer.MAX_FAILURES + 1
    assert not archive.exists()


def test_attempts_with_progress_are_not_counted(server, receipt_file, archive):
    server.responses = [Response(drop_after=10_000)] * (3 * http_transfer.MAX_FAILURES)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes == len(TAR)


@pytest.mark.fault("wrong-range")
@pytest.mark.parametrize(
    "lie",
    [
        Response(headers={"Content-Range": f"bytes 0-{len(TAR) - 1}/{len(TAR)}"}),
        Response(headers={"Content-Range": f"bytes 100000-200000/{len(TAR)}"}),
        Response(headers={"Content-Range": f"bytes 100000-{len(TAR) - 1}/{len(TAR) + 1}"}),
        Response(headers={"Content-Range": f"bytes 100000-{len(TAR)}/{len(TAR)}"}, chunked=True),
        Response(headers={"Content-Range": "bytes"}),
        Response(headers={"Content-Range": None}),
    ],
    ids=["start", "length", "total", "end", "unreadable", "absent"],
)
def test_wrong_content_range_is_noticed(server, receipt_file, archive, caplog, lie):
    server.responses = [Response(drop_after=100_000), lie]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=100000-", None]
    assert "instead of one that begins at byte 100000" in caplog.text


WHOLE = {"Content-Range": f"bytes 0-{len(TAR) - 1}/{len(TAR)}"}
SHORT = {"Content-Range": f"bytes 100000-199999/{len(TAR)}"}
CHANGED = Response(etag='"second"', ranges=None)


@pytest.mark.fault("wrong-range")
@pytest.mark.parametrize(
    ("responses", "offsets"),
    [
        (
            [Response(drop_after=100_000),
             Response(status=206, body=TAR[100_000:200_000], headers=SHORT, chunked=True)],
            [0, 100_000, 200_000],
        ),
        ([Response(status=206, body=TAR, headers=WHOLE)], [0, 0]),
        (
            [Response(drop_after=100_000), CHANGED, Response(etag='"second"')],
            [0, 100_000, 0],
        ),
        ([Response(drop_after=100_000), Response(status=416)], [0, 100_000, 0]),
    ],
    ids=["shorter", "not asked for", "another ETag", "unsatisfiable"],
)  # fmt: skip
def test_range_is_continued_only_where_it_is_the_rest_of_the_file(
    server, receipt_file, archive, responses, offsets
):
    server.responses = list(responses)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    ranges = [f"bytes={offset}-" if offset else None for offset in offsets]
    assert server.requested_ranges() == ranges


@pytest.mark.fault("wrong-range")
def test_length_from_a_content_range_is_compared_with_the_bytes_received(
    server, receipt_file, archive
):
    headers = {"Content-Range": f"bytes 98304-199999/{len(TAR)}", "ETag": '"first"'}
    short = Response(status=206, body=TAR[98_304:200_000], headers=headers)
    server.responses = [Response(chunked=True, drop_after=98_304), short]
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=98304-", "bytes=200000-"]


def test_changed_file_is_fetched_from_the_start(server, receipt_file, archive):
    server.contents["/static/wiki_crop.tar"] = tar_bytes(seed=2)
    server.responses = [Response(body=TAR, drop_after=100_000), Response(etag='"second"')]
    new = digest_of(tar_bytes(seed=2))
    receipt = downloads.obtain(server.url("/static/wiki_crop.tar"), new, receipt_file)
    assert archive.read_bytes() == tar_bytes(seed=2)
    assert server.requested_ranges() == [None, "bytes=100000-"]
    assert receipt.etag == '"second"'


@pytest.mark.parametrize(
    ("change", "ranges"),
    [
        (lambda part: part.write_bytes(bytes(2 * len(TAR))), [None]),
        (lambda part: part.write_bytes(TAR), []),  # whole, but not checked yet
        (lambda part: part.with_name("wiki_crop.tar.part.json").write_text("{"), [None]),
    ],
    ids=["longer than the file", "whole", "damaged origin"],
)
def test_part_is_continued_only_with_its_origin_and_size(
    server, receipt_file, archive, change, ranges
):
    leave_part(server, receipt_file)
    change(archive.with_name("wiki_crop.tar.part"))
    server.requests.clear()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == ranges


def test_part_of_another_url_is_not_continued(server, receipt_file, archive):
    leave_part(server, receipt_file)
    server.contents["/mirror/wiki_crop.tar"] = TAR
    server.requests.clear()
    downloads.obtain(server.url("/mirror/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None]


def test_file_of_unknown_length_is_downloaded_whole(server, receipt_file, archive):
    server.responses = [Response(chunked=True, drop_after=100_000), Response(chunked=True)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes < len(TAR) + 100_000


@pytest.mark.fault("busy-server")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_retried(server, receipt_file, archive, caplog, status):
    server.responses = [Response(status=status), Response(status=status)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert len(server.requests) == 3
    assert f"responded {status}" in caplog.text


@pytest.mark.fault("busy-server")
def test_server_that_stays_busy_is_an_error(server, receipt_file):
    server.responses = [Response(status=503)] * 50
    with pytest.raises(InputError, match=r"503.*start again later"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == http_transfer.MAX_FAILURES


@pytest.mark.fault("refused-download")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_not_retried(server, receipt_file, archive, status):
    server.responses = [Response(status=status)]
    with pytest.raises(InputError, match=f"responded {status}"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == 1
    assert names(archive.parent) == set()


@pytest.mark.fault("refused-download")
def test_unreachable_server_is_an_input_error(receipt_file):
    with serving() as gone:
        url = gone.url("/wiki_crop.tar")
    with pytest.raises(InputError, match="cannot be reached"):
        downloads.obtain(url, MD5, receipt_file)


@pytest.mark.fault("refused-download")
def test_redirects_in_a_circle_are_one_sentence(server, receipt_file, archive):
    here = Response(status=302, headers={"Location": server.url("/static/wiki_crop.tar")})
    server.responses = [here] * 99
    with pytest.raises(InputError, match=r"cannot be downloaded.*redirects.*check the URL"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) < 50 and names(archive.parent) == set()


@pytest.mark.fault("broken-connection")
def test_slow_server_is_waited_for_as_long_as_bytes_come(server, receipt_file, monkeypatch):
    monkeypatch.setattr(http_transfer, "TIMEOUT", (2.0, 1.0))
    server.responses = [Response(throttle=150_000)]
    started = time.monotonic()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert time.monotonic() - started > 1.0 and len(server.requests) == 1
