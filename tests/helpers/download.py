"""An archive to download, and its server, receipt and digests."""

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.http_server import ArchiveServer, serving
from renet.archives import http_transfer

HTML = b"<!DOCTYPE html>\n<html><head><title>404 Not &amp; Found</title></head></html>"


def tar_bytes(size: int = 300_000, seed: int = 1) -> bytes:
    """A tar of one member with the bytes of a JPEG, which cannot be compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("wiki_crop/00/1_2000-01-01_2010.jpg")
        member.size = size
        photo = b"\xff\xd8\xff" + random.Random(seed).randbytes(size - 3)  # noqa: S311
        tar.addfile(member, io.BytesIO(photo))
    return buffer.getvalue()


TAR = tar_bytes()
PACKED = gzip.compress(TAR, mtime=0)
MD5 = "md5:" + hashlib.md5(TAR, usedforsecurity=False).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(TAR).hexdigest()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without waiting, and small blocks."""
    monkeypatch.setattr(http_transfer, "BACKOFF", 0.005)
    monkeypatch.setattr(http_transfer, "TIMEOUT", (2.0, 10.0))
    monkeypatch.setattr(http_transfer, "RECEIVE_BYTES", 4096)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server(short_pauses: None) -> Iterator[ArchiveServer]:
    """A server of the archive, under /static/wiki_crop.tar."""
    with serving() as running:
        running.contents["/static/wiki_crop.tar"] = TAR
        yield running


@pytest.fixture
def receipt_file(tmp_path: Path, short_pauses: None) -> Path:
    return tmp_path / "resources" / "wiki" / "wiki_crop.tar.json"


@pytest.fixture
def archive(receipt_file: Path) -> Path:
    return receipt_file.with_suffix("")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def digest_of(data: bytes) -> str:
    return "md5:" + hashlib.md5(data, usedforsecurity=False).hexdigest()


def leave_part(receipt_file: Path, content: bytes = TAR[:100_000]) -> Path:
    """The part that an earlier process has left."""
    receipt_file.parent.mkdir(parents=True)
    part = receipt_file.with_name("wiki_crop.tar.part")
    part.write_bytes(content)
    return part
