"""Passwords and signatures in URLs stay out of what is published."""

import logging
import sys

import pytest

from helpers.config import check
from helpers.download import MD5
from helpers.http_server import Response
from renet.archives import downloads, receipts
from renet.common import logs
from renet.common.errors import InputError
from renet.planning import data_summary

SECRETS = "s3cret", "X-Amz-Signature", "t0ken"
QUERY = "?X-Amz-Signature=t0ken"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://bob:s3cret@a.org:80/b@c/own.tar" + QUERY, "http://a.org:80/b@c/own.tar"),
        ("https://t0ken@a.org/own.tar#s3cret", "https://a.org/own.tar"),
        ("file:///data/a@b/own.tar", "file:///data/a@b/own.tar"),
        ("made:sample", "made:sample"),
    ],
)
def test_public_url_has_neither_user_info_nor_query(url, shown):
    assert logs.public(url) == shown
    if url.startswith("http"):
        own = {"url": url, "database": "wiki", "photos": "crop"}
        config = check({"archives": {"own": own}, "sources": ["own"]})
        assert data_summary.to_repeat(config, "renet", [])["archives"]["own"]["url"] == shown
        record = logging.makeLogRecord({"msg": f"from {url} to {url}"})
        assert logs.Formatter("%(message)s").format(record) == f"from {shown} to {shown}"


@pytest.mark.fault("secret-url")
def test_log_of_a_download_has_no_secret_and_its_receipt_no_password(
    server, receipt_file, tmp_path, monkeypatch
):
    url = server.url("/static/wiki_crop.tar" + QUERY).replace("//", "//bob:s3cret@")
    moved = Response(status=302, headers={"Location": f"{url}-moved"})
    server.responses = [moved, Response(drop_after=10), Response(status=503)]
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    logs.start(str(tmp_path / "download.log"))
    with pytest.raises(InputError) as caught:
        downloads.obtain(url, "md5:" + "0" * 32, receipt_file)
    logging.error("%s", caught.value, exc_info=caught.value)
    downloads.obtain(url, MD5, receipt_file)
    logging.captureWarnings(capture=False)
    text = (tmp_path / "download.log").read_text()
    assert "did not send" in text and not [secret for secret in SECRETS if secret in text]
    for path in (receipt_file, receipt_file.with_suffix(".checked")):
        assert QUERY in path.read_text() and "bob" not in path.read_text()
    assert receipts.facts(receipt_file)["url"] == server.url("/static/wiki_crop.tar")
