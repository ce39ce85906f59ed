"""A trained model is not lost before another one has ended, and a run's folder has one process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.holders import held
from helpers.liveness import is_alive
from helpers.training import SMALL
from helpers.workflow import copy_project, run, snakemake, write_config
from renet.common import locks
from renet.common.errors import InputError
from renet.network import model_file
from renet.network.kinds.renet import ReNet
from renet.training.finished import Finished


@pytest.fixture
def outputs(tmp_path) -> tuple[Path, ...]:
    """The outputs of a training: a model, a table, and a folder of events; no saved models."""
    model_file.save(tmp_path / "model.pt", ReNet((3, 32, 32), SMALL))
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "events").write_text("events")
    return tuple(tmp_path / name for name in ("model.pt", "history.csv", "tensorboard", "models"))


def delete(outputs: tuple[Path, ...]) -> None:
    """As Snakemake does before a job."""
    outputs[0].unlink()
    outputs[1].unlink()
    (outputs[2] / "events").unlink()


def test_results_that_are_deleted_are_put_back_for_the_same_settings_and_faces_alone(outputs):
    finished = Finished(outputs, ({"epochs": 3}, "digest"))
    assert not finished.restore()
    finished.keep()
    model = outputs[0].read_bytes()
    delete(outputs)
    assert not Finished(outputs, ({"epochs": 4}, "digest")).restore()
    assert not outputs[0].exists()
    assert finished.restore()
    assert outputs[0].read_bytes() == model and outputs[1].read_text() == "epoch\n1\n"
    assert (outputs[2] / "events").read_text() == "events" and not outputs[3].exists()


def test_saved_models_of_another_training_do_not_stay_beside_results_that_are_put_back(outputs):
    finished = Finished(outputs, ("digest",))
    finished.keep()
    outputs[3].mkdir()
    (outputs[3] / "model_5.pt").write_text("of another training")
    assert finished.restore() and not outputs[3].exists()


def test_kept_results_need_no_space_and_go_when_another_training_has_ended(outputs):
    first, second = Finished(outputs, ("first",)), Finished(outputs, ("second",))
    first.keep()
    assert (first.folder / "model.pt").samefile(outputs[0])
    second.keep()
    assert not first.folder.exists() and (second.folder / "tensorboard" / "events").exists()
    second.keep()
    assert [path.name for path in outputs[0].parent.glob("finished-*")] == [second.folder.name]


def test_damaged_model_is_not_put_back(outputs, caplog):
    finished = Finished(outputs, ("digest",))
    finished.keep()
    delete(outputs)
    kept = finished.folder / "model.pt"
    kept.write_bytes(kept.read_bytes()[:-1000])
    assert not finished.restore() and not outputs[0].exists()
    assert "kept results of this training are not used" in caplog.text


def test_faces_without_a_digest_never_count_as_the_same(outputs):
    finished = Finished(outputs, ({}, ""))
    finished.keep()
    assert not finished.restore()


@pytest.fixture(scope="module")
def planned_project(tmp_path_factory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("project"))
    write_config(project)
    return project


def is_forced(project: Path, *options: str) -> bool:
    """Whether a dry run would train anew where the results of the same training are kept."""
    outcome = snakemake(project, "-n", "--configfile", "small.yaml", *options)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (found,) = re.findall(r"^rule train:.*?forced=(\d)", outcome.stdout, re.DOTALL | re.MULTILINE)
    return found == "1"


RUN = "results/runs/renet"


@pytest.mark.parametrize(
    ("options", "forced"),
    [
        (["--forcerun", "train"], True),
        (["--forcerun", "report"], False),
        (["--force", f"{RUN}/model.pt"], True),
        (["--forcerun", f"./{RUN}/history.csv", "--"], True),
        pytest.param(["--forceall"], True, marks=pytest.mark.slow),
        pytest.param(["--force"], False, marks=pytest.mark.slow),  # the rule all
        pytest.param(["--force", f"{RUN}/report.html"], False, marks=pytest.mark.slow),
        pytest.param(["--forcerun", "write_hdf5"], False, marks=pytest.mark.slow),
    ],
)
def test_training_is_forced_where_its_rule_or_a_file_of_it_is(planned_project, options, forced):
    assert is_forced(planned_project, *options) == forced


@pytest.mark.parametrize("given", ["0", "1"])
def test_job_on_a_cluster_is_forced_as_its_main_process_says(planned_project, monkeypatch, given):
    monkeypatch.setenv("RENET_FORCED_train", given)
    assert is_forced(planned_project, "--mode", "remote", "--force") == (given == "1")


@pytest.fixture
def holder(tmp_path) -> Iterator[subprocess.Popen]:
    """A process that works in the folder of the run renet."""
    with held(tmp_path / "results" / "runs" / "renet") as process:
        yield process


def test_process_that_holds_a_folder_is_named_until_it_ends(tmp_path, holder):
    folder = tmp_path / "results" / "runs" / "renet"
    sentence = rf"in use by the process {holder.pid} on .*wait_minutes"
    with pytest.raises(InputError, match=sentence), locks.alone_in(folder):
        pass
    assert f"the process {holder.pid}" in locks.owner(folder)
    holder.kill()
    holder.wait()
    with locks.alone_in(folder, wait_minutes=1):
        assert locks.owner(folder)
    assert locks.owner(folder) is None


def test_lock_is_asked_for_with_a_file_that_nfs_can_lock(tmp_path, holder, monkeypatch):
    """NFS gives an exclusive lock on a file that is open for writing alone."""
    asked = []
    monkeypatch.setattr(locks, "_take", lambda handle: asked.append(handle.writable()))
    assert locks.owner(tmp_path / "results" / "runs" / "renet")
    assert asked == [True]


def test_folder_is_waited_for_where_the_config_says_so(tmp_path, holder, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: holder.communicate())
    with locks.alone_in(tmp_path / "results" / "runs" / "renet", wait_minutes=1):
        pass
    assert f"Waiting for the process {holder.pid}" in caplog.text


def test_no_job_starts_and_no_output_goes_while_an_orphan_works_in_the_folder(tmp_path, holder):
    project = copy_project(tmp_path)
    write_config(project)
    model = project / "results" / "runs" / "renet" / "model.pt"
    model.write_text("a model")
    outcome = snakemake(project, "--cores", 1, "--configfile", "small.yaml")
    assert outcome.returncode != 0 and "Traceback" not in outcome.stderr
    assert f"results/runs/renet is in use by the process {holder.pid}" in outcome.stderr
    assert model.read_text() == "a model" and not (project / "resources").exists()
    owned = json.loads((model.parent / ".lock").read_text())
    assert owned["process"] == holder.pid


@pytest.mark.slow
def test_training_that_outlives_a_killed_snakemake_is_named_and_its_work_is_used(tmp_path):
    project = copy_project(tmp_path)
    write_config(project, train={"epochs": 400})
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "small.yaml"]
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(command, cwd=project, stdout=log, stderr=log)
    log = project / "results" / "logs" / "train" / "renet.log"
    while not log.exists() or "epoch 3," not in log.read_text():
        assert started.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.1)
    started.kill()
    started.wait()
    training = json.loads((project / "results/runs/renet/.lock").read_text())["process"]
    os.kill(training, signal.SIGSTOP)  # so that it does not end meanwhile
    assert snakemake(project, "--unlock", *command[5:]).returncode == 0  # as Snakemake asks for
    again = snakemake(project, *command[3:])
    assert again.returncode != 0
    assert f"results/runs/renet is in use by the process {training}" in again.stderr
    os.kill(training, signal.SIGTERM)
    os.kill(training, signal.SIGCONT)
    deadline = time.monotonic() + 60
    while is_alive(training):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    run(project)
    assert "Continuing after epoch" in log.read_text()
