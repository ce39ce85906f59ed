"""Servers that are busy, slow, gone or refuse."""

import time

import pytest

from helpers.download import MD5, TAR, names
from helpers.http_server import Response, serving
from renet.archives import downloads, http_transfer
from renet.common.errors import InputError


@pytest.mark.fault("broken-connection")
@pytest.mark.parametrize("stalled", [Response(stall_after=81_920), Response(header_seconds=4)])
def test_response_that_stalls_is_given_up_and_requested_again(
    server, receipt_file, archive, monkeypatch, stalled
):
    monkeypatch.setattr(http_transfer, "TIMEOUT", (2.0, 0.4))
    monkeypatch.setattr(http_transfer, "HEADER_SECONDS", 0.5, raising=False)
    server.responses = [stalled]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    received = stalled.stall_after
    assert server.requested_ranges() == [None, f"bytes={received}-" if received else None]


@pytest.mark.fault("broken-connection")
def test_slow_server_is_waited_for_as_long_as_bytes_come(server, receipt_file, monkeypatch):
    monkeypatch.setattr(http_transfer, "TIMEOUT", (2.0, 0.5))
    monkeypatch.setattr(http_transfer, "HEADER_SECONDS", 0.5, raising=False)
    server.responses = [Response(throttle=300_000)]
    started = time.monotonic()
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert time.monotonic() - started > 0.8 and len(server.requests) == 1


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
