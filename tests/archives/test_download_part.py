"""A partial download: what continues it, and that it survives any other answer."""

import pytest

from helpers.download import HTML, MD5, TAR, digest_of, leave_part, names, tar_bytes
from helpers.http_server import Response
from renet.archives import downloads
from renet.common.errors import InputError

OTHER = tar_bytes(seed=2)


@pytest.mark.fault("broken-connection")
@pytest.mark.parametrize("digest", [MD5, None])
def test_dropped_connection_is_resumed_where_it_broke(server, receipt_file, archive, digest):
    server.responses = [Response(drop_after=100_000), Response(drop_after=50_000)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert server.requests[1].headers.get("If-Range") == (None if digest else '"first"')
    assert server.body_bytes == len(TAR)


@pytest.mark.parametrize(("digest", "asked"), [(MD5, "bytes=100000-"), (None, None)])
def test_part_of_an_earlier_process_is_continued_only_with_a_digest(
    server, receipt_file, archive, digest, asked
):
    leave_part(receipt_file)
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [asked]


@pytest.mark.fault("wrong-digest")
@pytest.mark.parametrize(
    "answer",
    [Response(status=200, body=HTML), Response(ranges=False, body=OTHER)],
    ids=["page", "other file"],
)
def test_part_survives_a_body_that_is_not_its_file(server, receipt_file, archive, answer):
    part = leave_part(receipt_file)
    server.responses = [answer]
    with pytest.raises(InputError, match=r"did not send what the config expects.*Start again"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert part.read_bytes() == TAR[:100_000] and names(archive.parent) == {part.name}
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == ["bytes=100000-"] * 2


@pytest.mark.parametrize("digest", [MD5, None])
def test_server_without_ranges_sends_the_whole_file_again(server, receipt_file, archive, digest):
    server.responses = [Response(drop_after=100_000), Response(ranges=False)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes == len(TAR) + 100_000
    assert not {name for name in names(archive.parent) if ".part" in name}


def test_without_digest_and_strong_etag_nothing_is_continued(server, receipt_file, archive):
    server.responses = [Response(drop_after=100_000, etag='W/"weak"')]
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, None]


def content_range(text: str | None, **more: object) -> Response:
    return Response(headers={"Content-Range": text}, **more)


@pytest.mark.fault("wrong-range")
@pytest.mark.parametrize("digest", [MD5, None])
@pytest.mark.parametrize(
    "answer",
    [
        content_range(f"bytes 0-{len(TAR) - 1}/{len(TAR)}"),
        content_range(f"bytes 100000-200000/{len(TAR)}"),
        content_range(f"bytes 100000-{len(TAR) - 1}/{len(TAR) + 1}"),
        content_range(f"bytes 100000-{len(TAR)}/{len(TAR)}", chunked=True),
        content_range("bytes"),
        content_range(None),
        Response(etag='"second"', ranges=None),
        Response(status=416),
    ],
    ids=["start", "length", "total", "end", "unreadable", "absent", "another ETag", "refused"],
)
def test_range_that_does_not_continue_the_part_is_noticed(
    server, receipt_file, archive, answer, digest
):
    server.responses = [Response(drop_after=100_000), answer]
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=100000-", None]


@pytest.mark.fault("wrong-range")
def test_range_that_ends_early_is_continued(server, receipt_file, archive):
    short = content_range(f"bytes 98304-199999/{len(TAR)}", status=206, body=TAR[98_304:200_000])
    server.responses = [Response(chunked=True, drop_after=98_304), short]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, "bytes=98304-", "bytes=200000-"]


@pytest.mark.fault("wrong-range")
def test_range_that_nobody_asked_for_is_refused(server, receipt_file, archive):
    server.responses = [content_range(f"bytes 0-{len(TAR) - 1}/{len(TAR)}", status=206, body=TAR)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == [None, None]


@pytest.mark.parametrize("digest", [digest_of(OTHER), None])
def test_changed_file_is_fetched_whole(server, receipt_file, archive, digest):
    server.contents["/static/wiki_crop.tar"] = OTHER
    server.responses = [Response(body=TAR, drop_after=100_000), Response(etag='"2"', ranges=None)]
    server.responses += [Response(etag='"2"')]
    downloads.obtain(server.url("/static/wiki_crop.tar"), digest, receipt_file)
    assert archive.read_bytes() == OTHER


@pytest.mark.parametrize(
    ("content", "ranges"),
    [(TAR, [f"bytes={len(TAR)}-"]), (bytes(2 * len(TAR)), [f"bytes={2 * len(TAR)}-", None])],
    ids=["whole, but not checked yet", "longer than the file"],
)
def test_part_that_has_all_bytes_is_checked(server, receipt_file, archive, content, ranges):
    leave_part(receipt_file, content)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.requested_ranges() == ranges


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


@pytest.mark.fault("wrong-digest")
def test_page_in_place_of_an_archive_is_not_continued(server, receipt_file, archive):
    server.responses = [Response(body=HTML)]
    with pytest.raises(InputError, match=r"begin b.<!DOCTYPE html>.*Start again"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert names(archive.parent) == set()


def test_part_is_deleted_once_the_archive_is_there(server, receipt_file, archive):
    leave_part(receipt_file)
    archive.write_bytes(TAR)
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert not {name for name in names(archive.parent) if ".part" in name}
    assert not server.requests


def test_file_of_unknown_length_is_downloaded_whole(server, receipt_file, archive):
    server.responses = [Response(chunked=True, drop_after=100_000), Response(chunked=True)]
    downloads.obtain(server.url("/static/wiki_crop.tar"), MD5, receipt_file)
    assert archive.read_bytes() == TAR
    assert server.body_bytes < len(TAR) + 100_000
