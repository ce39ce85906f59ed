"""Servers that are busy, slow, gone or refuse."""

import pytest
from requests.models import DEFAULT_REDIRECT_LIMIT

from helpers.download import MD5, TAR, names
from helpers.http_server import Response
from renet.archives import downloads, http_transfer
from renet.archives.http_transfer import MAX_FAILURES
from renet.common.errors import InputError


@pytest.mark.fault("broken-connection")
@pytest.mark.parametrize(
    ("seconds", "response", "asked"),
    [
        ({"TIMEOUT": (2.0, 2.0)}, Response(stall_after=81_920), [None, "bytes=81920-"]),
        ({"HEADERS_TIMEOUT": 2.0}, Response(pause_in_headers=0.1), [None, None]),
        # It takes two seconds.
        ({"TIMEOUT": (2.0, 1.0)}, Response(throttle=150_000), [None]),
    ],
    ids=["stalls", "headers byte by byte", "slow"],
)
def test_response_that_stalls_is_requested_again_but_a_slow_one_is_waited_for(
    server, receipt_file, archive, monkeypatch, seconds, response, asked
):
    for name, value in seconds.items():
        monkeypatch.setattr(http_transfer, name, value)
    server.responses = [response]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == asked


@pytest.mark.fault("busy-server")
@pytest.mark.fault("refused-download")
@pytest.mark.parametrize(
    ("responses", "fault", "requests"),
    [
        *(([Response(status=status)], f"responded {status}", 1) for status in (401, 403, 404)),
        ([Response(status=503)] * 50, "503.*start again later", MAX_FAILURES),
        ([Response(drop_after=100_000, ranges=False)] * 50,
         "attempts in a row brought no new bytes", MAX_FAILURES + 1),
        ([Response(status=302, headers={"Location": "/static/wiki_crop.tar"})] * 99,
         "cannot be downloaded.*redirects.*check the URL", DEFAULT_REDIRECT_LIMIT + 1),
    ],
    ids=["401", "403", "404", "busy for ever", "cut without ranges", "redirects in a circle"],
)  # fmt: skip
def test_server_is_given_up(server, receipt_file, archive, responses, fault, requests):
    server.responses = responses
    with pytest.raises(InputError, match=fault):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert len(server.requests) == requests
    assert names(archive.parent) <= {"wiki_crop.tar.part"}
