"""What a terminal shows: one line for each rule, one bar, and an error once."""

import importlib
import itertools
import logging
import queue
import re

import pytest

from helpers.project import ROOT, run_python
from helpers.workflow import SCREEN, WIDE, copy_project, run_on_a_terminal, write_config

RULE = re.compile(r"^\w+ (\(\d+ jobs\))? +\d+\.\d s +\d+ of \d+ jobs  \S")
TRAINING_WITHOUT_A_TERMINAL = r"""
import itertools, logging, os
from renet.common import logs, progress

os.environ[logs.JOB] = "renet"
logs.start("job.log")
progress.time.monotonic = itertools.count(step=10).__next__  # three times a record
with progress.Progress(total=20, desc="epoch 1/2", mininterval=0) as bar:
    for _ in range(20):
        bar.update()
logging.info("epoch 1", extra=logs.NEWS)
"""


def test_run_prints_a_line_for_each_rule_and_the_accuracy_last(finished):
    lines = (finished / SCREEN).read_text().splitlines()
    rules = [line.split()[0] for line in lines if RULE.match(line)]
    assert rules[0] == "make_sample" and "report" in rules[-3:]  # or predictor, or manifest
    assert len(rules) == len(set(rules)) == 19
    assert any("faces of the test set" in line for line in lines[-4:])
    assert lines[-1] == "Open results/index.html"
    assert len(lines) < 26
    assert not any("%|" in line for line in lines)


def test_run_with_nothing_to_do_says_so(project):
    session = run_on_a_terminal(project)
    assert session.status == 0
    assert session.lines[-1] == "Nothing to be done: the results are up to date."


@pytest.mark.slow
def test_trainings_at_once_show_one_bar_at_a_time_below_the_lines_of_the_rules(tmp_path):
    project = write_config(
        copy_project(tmp_path),
        train={"epochs": 16, "batch_size": 2, "threads": 1},
        runs={"renet": {}, "second": {"train": {"momentum": 0.8}}},
    )
    session = run_on_a_terminal(project, "--until", "train")
    assert session.status == 0, "\n".join(session.lines)
    bars = [[line for line in screen if "%|" in line] for screen in session.screens]
    for shown, screen in zip(bars, session.screens, strict=True):
        assert shown in ([], screen[-1:]), "\n".join(screen)
    names = [shown[0].split(" ")[0] for shown in bars if shown and "epoch" in shown[0]]
    changes = [name for name, _ in itertools.groupby(names)]
    assert changes and len(changes) == len(set(changes))  # the second waits for the first's end
    assert session.lines[-1].startswith("train (2 jobs) ") and bars[-1] == []


def test_job_without_a_terminal_prints_a_line_a_minute_and_one_for_each_epoch(tmp_path):
    outcome = run_python("-c", TRAINING_WITHOUT_A_TERMINAL, folder=tmp_path)
    *minutes, epoch = outcome.stderr.splitlines()
    assert epoch == "renet: epoch 1"
    records = (tmp_path / "job.log").read_text().count(" left, ")
    assert records >= 20 and len(minutes) == records // 2
    assert all(re.match(r"renet: epoch 1/2: \d+/20 in ", line) for line in minutes)


def test_error_of_a_job_appears_once_and_last(project):
    for lost in ("resources/sample/wiki_crop.tar", "results/data/sample/members.csv"):
        (project / lost).unlink()
    session = run_on_a_terminal(project, columns=WIDE)
    assert session.status == 1
    assert session.lines[-1].startswith("index_archive failed: ")
    assert len([line for line in session.lines if "delete the receipt" in line]) == 1
    again = "This start trains 1 of the models again, and replaces results/runs/renet/model.pt"
    assert any(again in line for line in session.lines)


@pytest.mark.usefixtures("ctrl_c_ends_processes")
def test_ctrl_c_leaves_one_line_in_place_of_a_traceback_and_an_error(tmp_path):
    project = write_config(copy_project(tmp_path))
    session = run_on_a_terminal(project, columns=WIDE, ctrl_c_at=r"epoch 1.*%\|")
    said = "\n".join(session.lines)
    assert session.status != 0 and session.lines[-1] == "Stopped. The same command resumes."
    assert said.count("resumes") == 1 and "Traceback" not in said and "failed" not in said


@pytest.fixture
def plugin(monkeypatch):
    """The logger of the terminal."""
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "logger"))
    return importlib.import_module("snakemake_logger_plugin_summary")


def test_seconds_of_a_rule_are_those_of_its_jobs_added_up(tmp_path, plugin, monkeypatch, capsys):
    handler, log = plugin.LogHandler(None, None), tmp_path / "train.log"
    log.write_text("07:00:00 INFO validation accuracy 0.9\n")
    job = {"rule_name": "train", "log": [str(log)], "output": [], "wildcards": {"run": "renet"}}
    events = plugin.LogEvent
    happened = [
        (0, events.RUN_INFO, {"stats": {"train": 2, "infer": 12, "all": 1, "total": 15}}),
        (10, events.JOB_INFO, job | {"jobid": 1}),
        (13, events.JOB_FINISHED, {"job_id": 1}),
        (90, events.JOB_INFO, job | {"jobid": 2}),  # after another rule's long job
        (94, events.JOB_FINISHED, {"job_id": 2}),
    ]
    for seconds, event, details in happened:
        monkeypatch.setattr(plugin.time, "monotonic", lambda now=seconds: now)
        handler.handle(logging.makeLogRecord({"event": event, **details}))
    line = " ".join(capsys.readouterr().err.split())
    assert line == "train (2 jobs) 7.0 s 2 of 14 jobs renet: validation accuracy 0.9"


def test_line_each_minute_without_a_terminal_names_the_running_jobs(plugin, monkeypatch):
    minutes, printed = queue.Queue(), queue.Queue()
    monkeypatch.setattr(plugin.time, "sleep", lambda seconds: minutes.get())
    monkeypatch.setattr(plugin.time, "monotonic", itertools.count(step=14 * 60).__next__)
    monkeypatch.setattr(plugin.LogHandler, "_print", lambda self, text: printed.put(text))
    job = {"jobid": 1, "rule_name": "fold", "wildcards": {"run": "renet", "fold": "2"}}
    job["event"] = plugin.LogEvent.JOB_INFO
    plugin.LogHandler(None, None).handle(logging.makeLogRecord(job))
    minutes.put("one")
    assert printed.get(timeout=60) == "0 of 0 jobs are done. Running: fold renet 2 (14 min)"
