"""Small disks in memory, which a test fills or lets nobody write to."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = 4096  # bytes; a disk in memory has whole pages


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes on a folder; the test is skipped where none can be mounted."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("A full disk was not tested: to mount a small one needs root")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("A full disk was not tested: this machine lets nobody mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def make_read_only(disk: Path) -> None:
    """Let nobody write to a disk, root neither."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
