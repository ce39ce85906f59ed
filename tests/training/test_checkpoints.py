"""A training can resume from the files on the disk after any failure, also a power loss."""

import errno
import functools
import operator
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import train as train_script

from helpers.training import QUICK, SMALL, make_trainer, same, train, train_job, weights_of
from renet.common.errors import InputError
from renet.network import model_file
from renet.training.folder import RECORD, RESULTS, Checkpoint
from renet.training.settings import RunSettings

HOUR = 3600


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize(
    "place", [("optimizer", "state", 7, "momentum_buffer"), ("best", "state", "bn3.running_var")]
)
def test_state_that_is_not_finite_is_refused_and_in_a_checkpoint_the_previous_one_used(
    faces, tmp_path, monkeypatch, caplog, place, value
):
    checkpoint = Checkpoint(tmp_path, HOUR, gap=0)
    trainer = train(faces, QUICK.replace(select_epoch="best"), checkpoint=checkpoint)
    before = {path: path.read_bytes() for path in (checkpoint.path, checkpoint.previous)}
    state = trainer.state() | {"epoch": 7}
    functools.reduce(operator.getitem, place, state)[0] = value
    name = re.escape(".".join(map(str, ("training", *place))))
    with pytest.raises(InputError, match=rf"\.pt is not written, because {name} has a NaN"):
        checkpoint.save(trainer.eval_model, state)
    assert {path: path.read_bytes() for path in before} == before
    with monkeypatch.context() as careless:
        careless.setattr(model_file, "check_tensors", lambda *_: None)
        checkpoint.save(trainer.eval_model, state)
    assert checkpoint.load()["training"]["epoch"] == 3
    assert f"{checkpoint.path.name} cannot be used, because training." in caplog.text
    make_trainer(faces, saved=checkpoint.load())


@pytest.mark.fault("damaged-checkpoint")
def test_bytes_that_flipped_in_a_checkpoint_never_go_into_a_training(faces, tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "run", HOUR, gap=0)
    train(faces, checkpoint=checkpoint)
    intact, whole = checkpoint.load(), checkpoint.path.read_bytes()
    fallen_back = 0
    for place in range(0, len(whole), len(whole) // 40):
        flipped = bytes([whole[place] ^ 0x41])
        checkpoint.path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        found = checkpoint.load()
        if found["training"]["epoch"] == 2:
            fallen_back += 1
        else:  # only what fills up the file was hit
            assert same(found["state"], intact["state"])
            assert repr(found["training"]) == repr(intact["training"])
    assert fallen_back > 20  # the others hit bytes that only fill up the file
    assert f"{checkpoint.path} cannot be loaded" in caplog.text
    assert checkpoint.path.with_name(checkpoint.path.name + ".damaged").exists()
    for values in (9_000, 100_000):  # in a small file, PyTorch seeks before the beginning
        torch.save(torch.zeros(values), checkpoint.path)
        checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-1000])
        assert checkpoint.load()["training"]["epoch"] == 2


@pytest.mark.fault("full-disk")
def test_full_disk_leaves_the_last_checkpoint_to_continue_from(faces, tmp_path, monkeypatch):
    whole, checkpoint = train(faces), Checkpoint(tmp_path / "run", HOUR, gap=0)
    save = torch.save

    def save_until_the_disk_is_full(content, handle):
        if content["training"]["epoch"] == 2:
            handle.write(b"PK" * 1000)
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, handle)

    with monkeypatch.context() as full:
        full.setattr(torch, "save", save_until_the_disk_is_full)
        with pytest.raises(OSError, match="No space left on device"):
            train(faces, checkpoint=checkpoint)
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.previous.name]
    saved = checkpoint.load()
    assert saved["training"]["epoch"] == 1
    resumed = make_trainer(faces, saved=saved)
    resumed.run(checkpoint)
    assert same(weights_of(whole), weights_of(resumed)) and whole.history == resumed.history


@pytest.fixture
def disk_events(monkeypatch) -> list[tuple[str, str]]:
    """What is done to files and folders, in order: fsync, rename or delete, and to which."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no /proc, which names the file of a descriptor")
    events = []

    def record(call: str, name: str, file_of: Callable[..., object]) -> None:
        original = getattr(os, call)

        def recorded(*given, **options):
            events.append((name, str(file_of(*given))))
            original(*given, **options)

        monkeypatch.setattr(os, call, recorded)

    record("fsync", "fsync", lambda descriptor: Path(f"/proc/self/fd/{descriptor}").readlink())
    record("replace", "rename", lambda source, target: target)
    record("unlink", "delete", lambda path: path)
    return events


@pytest.mark.fault("power-loss")
def test_each_file_is_on_the_disk_before_its_name_and_all_before_checkpoints_are_deleted(
    faces, tmp_path, disk_events
):
    job = train_job(tmp_path, RunSettings(SMALL, QUICK), checkpoint_seconds=0)
    train_script.train(job)
    folder = str(job.folder().path)
    checkpoints = [f"{folder}/{name}" for name in ("checkpoint.pt", "previous.pt")]
    deletions = [disk_events.index(("delete", path)) for path in checkpoints]
    for path in (f"{folder}/{name}" for name in ("checkpoint.pt", *RESULTS, RECORD)):
        written = disk_events.index(("fsync", f"{path}.renet-tmp"))
        named = disk_events.index(("rename", path))
        name_is_on_the_disk = disk_events.index(("fsync", folder), named)
        assert written < named < name_is_on_the_disk < min(deletions), path
