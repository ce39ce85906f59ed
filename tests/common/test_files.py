"""Outputs are whole or absent."""

import errno
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from helpers.project import SCRIPTS, run_python
from renet.common import files, locks
from renet.common.errors import InputError


def test_output_that_is_an_input_or_another_output_is_refused(tmp_path):
    table = tmp_path / "a.csv"
    for outputs, inputs in ([[table], [tmp_path / "." / "a.csv"]], [[table, table], []]):
        with pytest.raises(InputError, match=r"a\.csv would replace an input, or another output"):
            files.check_distinct(outputs, inputs)


@pytest.mark.fault("own-file")
def test_failed_output_leaves_the_old_one_the_users_files_and_no_temporary_file(tmp_path):
    own = dict.fromkeys(["x.csv.tmp", "x.csv.new", "x.csv~", "x.tmp"], "mine")
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    files.write_text(tmp_path / "x.csv", "old")
    with pytest.raises(RuntimeError), files.replacing(tmp_path / "x.csv") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == own | {"x.csv": "old"}


def hold(path, held, release):
    with files.replacing(path) as temporary:
        temporary.write_text("theirs")
        held.set()
        release.wait(20)


@pytest.mark.fault("second-start")
def test_second_writer_of_one_file_stops_and_the_first_one_finishes(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    twin = context.Process(target=hold, args=(tmp_path / "table.csv", held, release))
    twin.start()
    assert held.wait(20)
    with (
        pytest.raises(InputError, match=r"table\.csv is being written by another process"),
        files.replacing(tmp_path / "table.csv"),
    ):
        pass
    release.set()
    twin.join()
    assert (tmp_path / "table.csv").read_text() == "theirs"


def test_file_system_without_locks_does_without(tmp_path, monkeypatch):
    error = OSError(errno.ENOSYS, "Function not implemented")
    monkeypatch.setattr(locks.fcntl, "flock", Mock(side_effect=error))
    files.write_text(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"


def test_json_has_no_word_for_nan(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(tmp_path / "figures.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_json_with_a_number_that_is_not_finite_is_refused(tmp_path, number):
    (tmp_path / "read.json").write_text(f'{{"unused": {number}}}')
    with pytest.raises(files.InputError, match=rf"read\.json is .*{number} is not a finite number"):
        files.read_json(tmp_path / "read.json")


def test_link_keeps_its_place_and_the_file_that_it_names_is_replaced(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    files.write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new"


def test_named_pipe_is_written_through_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        files.write_text(pipe, "all of it")
        assert read.result(timeout=10) == "all of it"
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_standard_output_is_appended_to_where_the_shell_appends(tmp_path):
    log = tmp_path / "all.csv"
    log.write_text("old\n")
    code = "from renet.common import files; files.write_text('/dev/stdout', 'new\\n')"
    with log.open("a") as handle:
        subprocess.run([sys.executable, "-c", code], stdout=handle, check=True,
                       env=os.environ | {"PYTHONPATH": str(SCRIPTS)})  # fmt: skip
    assert log.read_text() == "old\nnew\n"


def test_reader_of_standard_output_may_stop_early():
    pipe = "import os; reader, writer = os.pipe(); os.dup2(writer, 1); os.close(reader)"
    code = f"{pipe}; from renet.common import files; files.write_text('/dev/stdout', 'row')"
    outcome = run_python("-c", code)
    assert (outcome.returncode, outcome.stderr) == (0, "")
