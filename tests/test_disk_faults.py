"""A full disk, or a file that cannot be written: one sentence, and nothing half-written."""

import errno
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.archives import write_tar
from helpers.faces import write_hdf5
from helpers.project import SCRIPTS, run_script
from helpers.training import SMALL
from renet.archives.receipts import Receipt
from renet.archives.tar_index import MEMBERS
from renet.common import disk, files, logs
from renet.common.errors import InputError
from renet.network import kinds, model_file
from renet.training.checkpoints import Checkpoint

DISK_BYTES = 800_000
NOBODY = 65534
AS_ANOTHER_USER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from renet.common import files, logs
if os.geteuid() == 0:
    os.setegid({nobody})
    os.seteuid({nobody})
{call}
"""


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory) -> Iterator[Path]:
    """A disk of its own, small and in memory."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("A full disk was not tested: to mount a small one needs root")
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("A full disk was not tested: this machine lets nobody mount one")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def full(small_disk) -> Iterator[Callable[[int], Path]]:
    """The disk, filled until the given number of bytes is free."""

    def filled(free: int) -> Path:
        (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - free))
        return small_disk

    yield filled
    for path in small_disk.iterdir():
        path.unlink()


def hdf5_file(path: Path) -> None:
    with files.replacing(path) as temporary:
        write_hdf5(temporary, np.ones((300, 3, 32, 32), np.uint8), np.ones(300))


def table(path: Path) -> None:
    row = {"file": 0, "member": "a" * 100, "offset": 0, "size": 0}
    MEMBERS.write(path, pd.DataFrame([row] * 9000))


WRITERS = {
    "text": lambda path: files.write_text(path, "text" * 400_000),
    "table": table,
    "HDF5": hdf5_file,
    "model": lambda path: model_file.save(
        path, kinds.build((3, 32, 32), SMALL), more=[0.5] * 300_000
    ),
}


@pytest.mark.parametrize("free", [0, 4096, 500_000])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_full_disk_is_one_sentence_with_the_file_and_the_bytes(full, writer, free):
    path = full(free) / "output"
    path.with_name("filler").stat()
    with pytest.raises(InputError) as caught:
        writer(path)
    said = str(caught.value)
    assert str(path) in said and "free in" in said and "\n" not in said
    assert "No space left on device" in said or "more bytes, but only" in said
    assert [left.name for left in path.parent.iterdir()] == ["filler"]


def test_file_of_a_known_size_is_not_begun_on_a_disk_where_it_does_not_fit(full):
    path = full(4096) / "train.h5"
    sentence = r"train\.h5 needs 5,000 more bytes, but only 4,096"
    with pytest.raises(InputError, match=sentence), files.replacing(path, size=5000):
        raise AssertionError("it was begun")
    assert not path.with_name("train.h5.tmp").exists()


def test_training_does_not_begin_where_its_checkpoints_do_not_fit(full):
    model = kinds.build((3, 32, 32), SMALL)
    needed = 4 * sum(parameter.nbytes for parameter in model.parameters())
    with pytest.raises(InputError, match=rf"needs {needed:,} more bytes"):
        Checkpoint(full(needed // 4096 * 4096), 600, "settings").require_space(model)


def test_script_says_one_sentence_on_a_full_disk(full, tmp_path):
    photos = {f"wiki/{number}.jpg": b"" for number in range(2000)}
    tar = write_tar(tmp_path / "a.tar", photos)
    Receipt(tar.as_uri(), str(tar), 1, "md5:0", verified=False).write(tmp_path / "a.json")
    members = full(4096) / "members.csv"
    outcome = run_script("index_archive.py", tmp_path / "a.json", "--members", members)
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    (line,) = [line for line in outcome.stderr.splitlines() if "ERROR" in line]
    assert "members.csv.tmp cannot be written: No space left on device." in line


def test_log_on_a_full_disk_says_so_once_and_the_job_goes_on(capsys):
    if not Path("/dev/full").exists():
        pytest.skip("This system has no /dev/full")
    root = logging.getLogger()
    handlers, hook = root.handlers[:], sys.excepthook
    try:
        logs.start("/dev/full")
        logging.info("first")
        logging.info("second")
    finally:
        for handler in set(root.handlers) - set(handlers):
            root.removeHandler(handler)
        root.handlers, sys.excepthook = handlers, hook
        logging.captureWarnings(capture=False)
    said = capsys.readouterr().err
    assert said.count("/dev/full cannot be written: No space left on device.") == 1
    assert "goes on without its log" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("logs.start(sys.argv[2] + '/job.log')", "job.log cannot be written or read: Permission"),
        (
            "logs.start(); files.write_text(sys.argv[2] + '/table.csv', 'text')",
            "table.csv.tmp cannot be written or read: Permission denied; change the permissions",
        ),
        (
            "logs.start(); open(sys.argv[2] + '/secret')",
            "secret cannot be written or read: Permission denied",
        ),
    ],
    ids=["log", "output", "input"],
)
def test_missing_permission_is_one_sentence(tmp_path_factory, call, sentence):
    folder = tmp_path_factory.mktemp("private")
    (folder / "secret").touch(mode=0o000)
    folder.chmod(0o500)
    try:
        script = AS_ANOTHER_USER.format(nobody=NOBODY, call=call)
        outcome = subprocess.run(
            [sys.executable, "-c", script, SCRIPTS, folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        folder.chmod(0o700)
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    assert sentence in outcome.stderr and len(outcome.stderr.splitlines()) == 1


def test_file_that_the_system_names_is_named_and_not_the_one_that_is_written(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied", "/data/wiki.tar")
    sentence = disk.fault(error, tmp_path / "1-of-2.npy.tmp")
    assert sentence.startswith("/data/wiki.tar cannot be written or read")


def test_other_errors_keep_their_traceback():
    assert disk.fault(ValueError("no disk")) is None
    assert disk.fault(FileNotFoundError(2, "No such file", "a.csv")) is None
