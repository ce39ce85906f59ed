"""The output of `make` on a terminal: one line for each rule, and an error once."""

import os
import pty
import sys
from pathlib import Path

import pytest

from helpers.workflow import copy_project, write_config

COLUMNS = 110


def on_a_terminal(project: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run snakemake as `make` does, in a pseudo-terminal; its exit status and its lines."""
    printed = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 1 << 16)
        printed.extend(data)
        return b""

    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(project)
        os.environ |= {"PYTHONPATH": "workflow/logger", "COLUMNS": str(COLUMNS)}
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--logger", "summary"]
        os.execv(sys.executable, [*command, "--configfile", "small.yaml", *arguments])
    try:
        while True:
            read(descriptor)
    except OSError:  # the child has ended
        status = os.waitpid(child, 0)[1]
    lines = printed.decode().replace("\r\n", "\n").split("\n")
    return os.waitstatus_to_exitcode(status), [line for line in lines if line.strip()]


@pytest.fixture
def project(tmp_path) -> Path:
    made = copy_project(tmp_path)
    write_config(made)
    return made


def test_run_prints_a_line_for_each_rule_and_the_accuracy_last(project):
    status, lines = on_a_terminal(project)
    assert status == 0, "\n".join(lines)
    rules = [line.split()[0] for line in lines if " s  " in line]
    assert rules[0] == "make_sample" and rules[-1] == "report"
    assert len(rules) == len(set(rules)) == 14
    assert "test accuracy" in lines[-1]
    assert len(lines) < 30
    status, lines = on_a_terminal(project)
    assert status == 0 and lines[-1] == "Nothing to be done: the results are up to date."


def test_error_of_a_job_appears_once_and_last(project):
    receipt = "resources/sample/wiki_crop.tar.json"
    assert on_a_terminal(project, "--", receipt)[0] == 0
    (project / receipt).with_suffix("").unlink()
    status, lines = on_a_terminal(project)
    assert status == 1
    assert lines[-1].startswith("index_archive failed: ")
    assert len([line for line in lines if "delete the receipt" in line]) == 1
