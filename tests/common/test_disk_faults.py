"""A full disk, or a file that cannot be written: one sentence, and nothing half-written."""

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from helpers.faces import write_hdf5
from renet.common import command_line, disk, files, logs
from renet.common.errors import InputError

PAGE = 4096  # bytes; a disk in memory has whole pages


@pytest.fixture
def full(tmp_path) -> Iterator[Callable[[int], Path]]:
    """A disk in memory that is full but for so many bytes; skipped where none can be mounted."""
    disk = tmp_path / "disk"

    def filled(free: int) -> Path:
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={PAGE + free}", "tmpfs", disk]
        if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("A full disk was not tested: nobody, or root alone, can mount a small one")
        (disk / "filler").write_bytes(bytes(PAGE))
        return disk

    yield filled
    if disk.is_mount():
        subprocess.run(["umount", disk], check=True)


def said(write: Callable[[Path], object], path: Path) -> str:
    """What the error says of a job that writes its output."""
    with pytest.raises(InputError) as caught, disk.explained([path]):
        write(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_text(path: Path) -> None:
    files.write_text(path, "text" * 400_000)


def save_by_torch(path: Path) -> None:
    with files.replacing(path) as temporary, temporary.open("wb") as handle:
        torch.save([0.5] * 300_000, handle)


def write_faces(path: Path) -> None:
    with files.replacing(path) as temporary:
        write_hdf5(temporary, np.ones((300, 3, 32, 32), np.uint8), np.ones(300))


@pytest.mark.fault("full-disk")
@pytest.mark.parametrize(
    ("writer", "free"),
    [
        (write_text, 0), (write_text, 4096), (save_by_torch, 4096), (write_faces, 0),
        (Mock(side_effect=OSError("(errno = 28, 'No space left on device')")), 0),  # of a library
    ],
)  # fmt: skip
def test_full_disk_is_one_sentence_with_its_folder_and_bytes(full, writer, free):
    path = full(free) / "output"
    sentence = said(writer, path)
    assert f"No space left on device in {path.parent}, where {free:,} bytes are free" in sentence
    assert [left.name for left in path.parent.iterdir()] == ["filler"]


@pytest.mark.fault("full-disk")
@pytest.mark.parametrize("by", ["Snakemake", "hand"])
def test_script_says_it_of_the_outputs_of_its_job_or_the_arguments_of_its_command(
    full, monkeypatch, by
):

    class Outputs(list):
        """Stands for Snakemake's list."""

        items = {}.items

    def fail(path: Path | None = None) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = str(full(0) / "output")
    parts = {part: {} for part in ("input", "params", "resources", "wildcards")}
    job = SimpleNamespace(**parts, output=Outputs([path]), threads=1, log=[""], rule="fail")
    monkeypatch.setenv(logs.JOB, "")  # which the job sets
    if by == "Snakemake":
        monkeypatch.setitem(fail.__globals__, "snakemake", job)
    monkeypatch.setattr(sys, "argv", ["script.py", path])
    monkeypatch.setattr(logs, "start", lambda *_: None)
    with pytest.raises(InputError, match=f"in {Path(path).parent}, where 0 bytes are free"):
        command_line.run(fail)


@pytest.mark.fault("full-disk")
@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EFBIG])
def test_limit_of_a_user_is_named_with_the_folder_of_the_outputs(tmp_path, number):
    error = OSError(number, os.strerror(number))
    sentence = said(Mock(side_effect=error), tmp_path / "results" / "output")
    assert f"{os.strerror(number)} in {tmp_path}, where " in sentence


@pytest.mark.fault("no-permission")
def test_disk_that_is_read_only_is_one_sentence_with_the_file_or_log(full, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    path = full(PAGE) / "output"
    subprocess.run(["mount", "-o", "remount,ro", path.parent], check=True)
    assert f"{path}.renet-tmp cannot be written or read: Read-only" in said(write_text, path)
    assert f"{path} cannot be written or read: Read-only" in said(logs.start, path)
    logging.captureWarnings(capture=False)


@pytest.mark.fault("no-permission")
def test_file_without_permission_is_named_and_not_the_one_that_is_written(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied", "/data/wiki.tar")
    sentence = said(Mock(side_effect=error), tmp_path / "1-of-2.npy")
    assert sentence.startswith("/data/wiki.tar cannot be written or read: Permission denied; ")


@pytest.mark.fault("no-permission")
def test_folder_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    (hidden := tmp_path / "lost+found").mkdir()
    scan, refused = os.scandir, [hidden]

    def refuse(path):  # also where root runs the tests, who may read everything
        if Path(path) in refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert files.below(tmp_path) == [hidden]
    refused.append(tmp_path)
    with pytest.raises(PermissionError, match="Permission denied"):
        files.below(tmp_path)


@pytest.mark.fault("no-permission")
@pytest.mark.parametrize("name", ["a" * 256, "a" * 246, "in/" * 1400 + "a"])
def test_path_that_is_too_long_is_one_sentence_before_anything_is_computed(tmp_path, name):
    sentence = said(files.check_writable, tmp_path / name)
    assert "… cannot be used: File name too long; shorten it" in sentence


@pytest.mark.parametrize("error", [ValueError("no disk"), FileNotFoundError(2, "No such", "a.csv")])
def test_other_errors_keep_their_traceback(tmp_path, error):
    with pytest.raises(type(error)), disk.explained([tmp_path / "output"]):
        raise error


@pytest.mark.fault("too-little-space")
def test_file_of_a_known_size_is_not_begun_on_a_disk_where_it_does_not_fit(full):
    path = full(4096) / "train.h5"
    sentence = r"train\.h5 needs 5,000 more bytes, but only 4,096"
    with pytest.raises(InputError, match=sentence), files.replacing(path, size=5000):
        raise AssertionError("it was begun")
    assert not path.with_name("train.h5.renet-tmp").exists()
