"""A partial download: which responses continue it, and that it survives all others."""

import pytest

from helpers.download import HTML, MD5, TAR, leave_part, names, tar_bytes
from helpers.http_server import Response
from renet.archives import downloads
from renet.archives.http_transfer import MAX_FAILURES
from renet.common import disk
from renet.common.errors import InputError

OTHER = tar_bytes(seed=2)


@pytest.mark.fault("wrong-digest")
@pytest.mark.parametrize(
    "response",
    [Response(status=200, body=HTML), Response(ranges=False, body=OTHER)],
    ids=["page", "other file"],
)
def test_part_survives_a_body_that_is_not_its_file(server, receipt_file, archive, response):
    part = leave_part(receipt_file)
    server.responses = [response]
    with pytest.raises(InputError, match=r"did not send what the config expects.*and retry"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert part.read_bytes() == TAR[:100_000] and names(archive.parent) == {part.name}
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == ["bytes=100000-"] * 2


def content_range(text: str | None, **more: object) -> Response:
    return Response(headers={"Content-Range": text}, **more)


def broken(*then: Response) -> list[Response]:
    """Responses of which the first breaks off in the middle of the file."""
    return [Response(drop_after=100_000), *then]


SIZE = len(TAR)
REST, WHOLE = "bytes=100000-", None
SHORT = content_range(f"bytes 100000-199999/{SIZE}", status=206, body=TAR[100_000:200_000])
LONG = content_range(f"bytes 100000-{SIZE - 2}/{SIZE - 1}")
# Each case: the server's responses, and the ranges that are requested.
CASES = {
    "broken twice": (broken(Response(drop_after=50_000)), [WHOLE, REST, "bytes=150000-"]),
    "broken with progress each time": (
        [Response(drop_after=10_000)] * 3 * MAX_FAILURES,
        [WHOLE, *(f"bytes={10_000 * count}-" for count in range(1, 3 * MAX_FAILURES + 1))],
    ),
    "busy": ([Response(status=status) for status in (408, 429, 500, 503)], [WHOLE] * 5),
    "without ranges": (broken(Response(ranges=False)), [WHOLE, REST]),
    "range that nobody asked for": (
        [content_range(f"bytes 0-{SIZE - 1}/{SIZE}", status=206, body=TAR)], [WHOLE] * 2,
    ),
    "unknown length": (
        [Response(chunked=True, drop_after=98_304), Response(chunked=True)],
        [WHOLE, "bytes=98304-"],
    ),
    "range that ends early": (broken(SHORT), [WHOLE, REST, "bytes=200000-"]),
    "body beyond the size that it declares": (broken(LONG), [WHOLE, REST, f"bytes={SIZE}-"]),
} | {
    name: (broken(response), [WHOLE, REST, WHOLE])
    for name, response in {
        "range with another start": content_range(f"bytes 0-{SIZE - 1}/{SIZE}"),
        "unreadable range": content_range("bytes"),
        "absent range": content_range(None),
        "refused range": Response(status=416),
    }.items()
}  # fmt: skip


@pytest.mark.fault("broken-connection")
@pytest.mark.fault("busy-server")
@pytest.mark.fault("wrong-range")
@pytest.mark.parametrize(("responses", "asked"), CASES.values(), ids=CASES)
def test_archive_is_whole_after_responses(server, receipt_file, archive, responses, asked):
    server.responses = list(responses)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == asked
    assert not [name for name in names(archive.parent) if ".part" in name]


@pytest.mark.fault("broken-connection")
def test_without_digest_each_attempt_begins_anew(server, receipt_file, archive):
    server.contents["/static/wiki_crop.tar"] = OTHER
    server.responses = [Response(body=TAR, drop_after=100_000), Response(drop_after=50_000)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert archive.read_bytes() == OTHER
    assert server.requested_ranges() == [None] * 3


@pytest.mark.parametrize(
    ("part", "digest", "asked", "needed"),
    [
        (TAR[:100_000], MD5, [REST], [SIZE - 100_000]),
        (TAR[:100_000], None, [WHOLE], [SIZE]),
        (TAR, MD5, [f"bytes={SIZE}-"], []),
        (bytes(2 * SIZE), MD5, [f"bytes={2 * SIZE}-", WHOLE], [SIZE]),
    ],
    ids=["continued", "without digest", "whole, but not checked yet", "longer than the file"],
)
def test_part_of_an_earlier_process_is_continued_only_with_a_digest(
    server, receipt_file, archive, monkeypatch, part, digest, asked, needed
):
    spaces = []
    monkeypatch.setattr(disk, "require_space", lambda path, count: spaces.append(count))
    leave_part(receipt_file, part)
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == TAR
    assert (server.requested_ranges(), spaces) == (asked, needed)


@pytest.mark.fault("wrong-digest")
def test_wrong_digest_is_explained_and_its_file_accepted_by_the_right_one(
    server, receipt_file, archive
):
    url, wrong = server.url("/static/wiki_crop.tar"), "md5:" + "0" * 32
    part = archive.with_name("wiki_crop.tar.part")
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            downloads.obtain(url, wrong, receipt_file)
        for said in (wrong, MD5, f"{len(TAR):,}", "b'wiki_crop", f"Delete {part}", "in the config"):
            assert said in str(caught.value)
        assert names(archive.parent) == {part.name}
    assert downloads.obtain(url, MD5, receipt_file).verified
    assert archive.read_bytes() == TAR and server.body_bytes == len(TAR)


def test_part_is_deleted_once_the_archive_is_there(server, receipt_file, archive):
    leave_part(receipt_file)
    archive.write_bytes(TAR)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert not {name for name in names(archive.parent) if ".part" in name}
    assert not server.requests
