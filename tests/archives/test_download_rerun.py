"""An archive that is already there is downloaded again only if it has to be."""

import pytest

from helpers.download import HTML, MD5, SHA256, TAR
from helpers.http_server import serving
from renet.archives import downloads
from renet.common.errors import InputError


@pytest.mark.parametrize("digest", [MD5, SHA256, None])
def test_existing_archive_gets_the_same_receipt(server, receipt_file, digest):
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
    assert (receipt.digest, receipt.verified) == (MD5, False)
    assert server.body_bytes == len(TAR)


def test_archive_of_another_url_needs_that_server_or_a_digest(server, receipt_file, archive):
    downloads.obtain(server.url("/static/wiki_crop.tar"), None, receipt_file)
    with serving() as gone:
        url = gone.url("/wiki_crop.tar")
    with pytest.raises(InputError, match="cannot be reached"):
        downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == TAR
    assert downloads.obtain(url, MD5, receipt_file).verified


def test_archive_stays_while_its_successor_is_not_proved(server, receipt_file, archive):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, MD5, receipt_file)
    server.contents["/static/wiki_crop.tar"] = HTML
    with pytest.raises(InputError, match="begin with b'<!DOCTYPE html>"):
        downloads.obtain(url, "md5:" + "0" * 32, receipt_file)
    assert archive.read_bytes() == TAR
    assert downloads.obtain(url, MD5, receipt_file).verified


@pytest.mark.parametrize("digest", [MD5, None])
def test_without_digest_damage_on_the_disk_fetches_again(server, receipt_file, archive, digest):
    url = server.url("/static/wiki_crop.tar")
    downloads.obtain(url, digest, receipt_file)
    archive.write_bytes(TAR[:-1] + b"!")
    downloads.obtain(url, None, receipt_file)
    assert archive.read_bytes() == TAR
