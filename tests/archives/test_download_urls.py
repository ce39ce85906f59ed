"""Archives on this machine, and URLs that cannot be used."""

import subprocess
import sys

import pytest
import yaml

from helpers.download import HTML, MD5, TAR, names
from helpers.project import ROOT, SCRIPTS
from renet.archives import downloads
from renet.common.errors import InputError
from renet.config import checks


def test_file_url_is_used_in_place(tmp_path, receipt_file, archive):
    source = tmp_path / "my photos" / "wiki_crop.tar"
    source.parent.mkdir()
    source.write_bytes(TAR)
    url = source.as_uri()
    assert "my%20photos" in url
    receipt = downloads.obtain(url, MD5, receipt_file)
    assert (receipt.path, receipt.size, receipt.verified) == (str(source), len(TAR), True)
    assert names(receipt_file.parent) == {"wiki_crop.tar.json", "wiki_crop.tar.checked"}
    assert names(source.parent) == {"wiki_crop.tar"}
    first = receipt_file.read_bytes()
    downloads.obtain(url, MD5, receipt_file)
    assert receipt_file.read_bytes() == first


def test_file_url_with_the_wrong_bytes_is_left_alone(tmp_path, receipt_file):
    source = tmp_path / "wiki_crop.tar"
    source.write_bytes(HTML)
    for digest in (MD5, None):
        with pytest.raises(InputError, match="begin b'<!DOCTYPE html>") as caught:
            downloads.obtain(source.as_uri(), digest, receipt_file)
        assert "Put the right file there" in str(caught.value)
    assert source.read_bytes() == HTML
    assert not receipt_file.exists()


def test_missing_file_is_named(tmp_path, receipt_file):
    missing = tmp_path / "none.tar"
    with pytest.raises(InputError, match=f"The file {missing} of the URL .* does not exist"):
        downloads.obtain(missing.as_uri(), None, receipt_file)


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


@pytest.mark.parametrize("url", ["https://example.org/static/", "file://data/wiki_crop.tar"])
def test_url_that_cannot_be_used_is_refused_before_any_job(url):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["archives"]["wiki"]["url"] = url
    with pytest.raises(InputError):
        checks.check(config | {"sources": ["wiki"]})


def test_config_needs_the_standard_library_alone():
    command = [sys.executable, "-S", "-c", "import renet.config.checks"]
    subprocess.run(command, cwd=SCRIPTS, check=True, timeout=60)


def test_receipt_may_not_take_the_archives_name(server, archive):
    with pytest.raises(InputError, match=r"add \.json"):
        downloads.obtain(server.url("/static/wiki_crop.tar"), None, archive)
    assert server.requests == []
