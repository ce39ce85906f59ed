"""A full disk, or a file that cannot be written: one sentence, and nothing half-written."""

import contextlib
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import all_jobs, disks
from helpers.faces import write_hdf5
from helpers.project import SCRIPTS
from helpers.training import SMALL
from renet.archives.tar_index import MEMBERS
from renet.common import disk, files, locks
from renet.common.errors import InputError
from renet.network import kinds, model_file
from renet.prediction import export
from renet.training.tensorboard import EventLog

PROJECT_BYTES = 1 << 28
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


@pytest.fixture
def full(tmp_path) -> Iterator[Callable[[int], Path]]:
    """A disk in memory that is full but for the given number of bytes."""
    with contextlib.ExitStack() as stack:

        def filled(free: int) -> Path:
            disk = stack.enter_context(disks.mounted(tmp_path, disks.PAGE + free))
            (disk / "filler").write_bytes(bytes(disks.PAGE))
            return disk

        yield filled


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


@pytest.mark.fault("full-disk")
@pytest.mark.parametrize("free", [0, 4096, 500_000])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_full_disk_is_one_sentence_with_the_file_and_the_bytes(full, writer, free):
    path = full(free) / "output"
    with pytest.raises(InputError) as caught:
        writer(path)
    said = str(caught.value)
    assert str(path) in said and "free in" in said and "\n" not in said
    assert "No space left on device" in said or "more bytes, but only" in said
    assert [left.name for left in path.parent.iterdir()] == ["filler"]


@pytest.mark.fault("too-little-space")
def test_file_of_a_known_size_is_not_begun_on_a_disk_where_it_does_not_fit(full):
    path = full(4096) / "train.h5"
    sentence = r"train\.h5 needs 5,000 more bytes, but only 4,096"
    with pytest.raises(InputError, match=sentence), files.replacing(path, size=5000):
        raise AssertionError("it was begun")
    assert not path.with_name("train.h5.tmp").exists()


@pytest.mark.fault("full-disk")
def test_lock_of_a_folder_on_a_full_disk_is_one_sentence(full):
    folder = full(0) / "run"
    with pytest.raises(InputError, match=r"run/\.lock cannot be written"), locks.alone_in(folder):
        raise AssertionError("the job has begun")


@pytest.mark.fault("full-disk")
def test_events_for_tensorboard_on_a_full_disk_are_one_sentence_and_nobody_waits_for_them(full):
    events = EventLog(full(0) / "tensorboard")
    history = [{"epoch": epoch, "loss": 1.0, "accuracy": 0.5} for epoch in range(50)]
    with pytest.raises(InputError, match=r"tensorboard/events cannot be written"):
        events.add_epochs(history, [])


@pytest.mark.fault("full-temporary-folder")
def test_model_is_not_quantised_without_space_for_its_temporary_files(full, monkeypatch, tmp_path):
    model = SimpleNamespace(SerializeToString=lambda deterministic: bytes(5000))
    monkeypatch.setattr(export, "_onnx_model", lambda predictor: model)
    monkeypatch.setattr(tempfile, "tempdir", str(full(4096)))
    sentence = f"needs 15,000 more bytes, but only 4,096 are free in {tempfile.gettempdir()}"
    with pytest.raises(InputError, match=sentence):
        export.write_int8(tmp_path / "model.int8.onnx", None)


@pytest.mark.fault("full-disk")
@pytest.mark.fault("full-temporary-folder")
@pytest.mark.fault("no-permission")
@pytest.mark.slow
def test_job_of_every_rule_says_one_sentence_on_a_bad_disk_and_ends_well_on_a_good_one(tmp_path):
    """It has no space, too little, or cannot be written; or TMPDIR's has no space."""
    project, temporary = tmp_path / "project", tmp_path / "temporary"
    project.mkdir()
    temporary.mkdir()
    with disks.mounted(project, PROJECT_BYTES), disks.mounted(temporary, disks.PAGE):
        jobs = all_jobs.list_jobs(tmp_path, project)
        found = all_jobs.run_helper("disk_fault_jobs.py", jobs, project, temporary, folder=tmp_path)
    assert found == {rule: [] for rule in all_jobs.planned_rules()}


@pytest.mark.fault("full-log-disk")
def test_records_that_do_not_fit_into_the_log_are_printed_once_and_the_job_goes_on():
    if not Path("/dev/full").exists():
        pytest.skip("This system has no /dev/full")
    code = "logs.start('/dev/full')\n"
    code += "".join(f"logging.{level}('a record')\n" for level in ("info", "warning", "error"))
    command = [sys.executable, "-c", f"import logging; from renet.common import logs\n{code}"]
    outcome = subprocess.run(
        command, env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=False
    )
    texts = [line.split(" ", 1)[1] for line in outcome.stderr.splitlines()]
    assert sorted(texts) == ["ERROR a record", "INFO a record", "WARNING a record"]


@pytest.mark.fault("no-permission")
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("logs.start(sys.argv[2] + '/job.log')", "job.log cannot be written or read: Permission"),
        ("logs.start(); files.write_text(sys.argv[2] + '/a.csv', '')", "; change the permissions"),
        ("logs.start(); open(sys.argv[2] + '/secret')", "secret cannot be written or read: Permis"),
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


@pytest.mark.fault("full-disk")
def test_disk_without_free_inodes_is_one_sentence_that_names_them(tmp_path, monkeypatch):
    sizes = dict.fromkeys(["f_files", "f_bavail", "f_blocks", "f_bfree", "f_frsize"], 9)
    full = SimpleNamespace(**sizes, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    sentence = disk.fault(OSError(errno.ENOSPC, "No space"), tmp_path / "a.csv")
    assert "a.csv cannot be written" in sentence and "no inode" in sentence
    assert "delete some files" in sentence and "bytes" not in sentence


def test_other_errors_keep_their_traceback():
    assert disk.fault(ValueError("no disk")) is None
    assert disk.fault(FileNotFoundError(2, "No such file", "a.csv")) is None
