"""A crash in a child is an error in the parent, and everything else comes back as it is."""

import os
import signal

import pytest

from renet.common.errors import InputError
from renet.metadata.isolation import ChildCrashed, in_child


def refuse() -> None:
    raise InputError("This file is no good.")


def test_result_and_input_error_come_back():
    assert in_child(lambda a, b: {"sum": a + b}, 1, 2) == {"sum": 3}
    with pytest.raises(InputError, match=r"This file is no good\."):
        in_child(refuse)


def test_fault_of_the_program_is_no_crash_of_the_reader(capfd):
    with pytest.raises(RuntimeError, match="traceback is above"):
        in_child(lambda: {}["absent"])
    assert "KeyError: 'absent'" in capfd.readouterr().err


def test_open_file_is_read_in_the_child(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    with (tmp_path / "file").open("rb") as handle:
        assert in_child(handle.read) == b"content"


def test_crash_is_an_error_that_says_how():
    with pytest.raises(ChildCrashed, match=f"exit code -{signal.SIGSEGV.value}"):
        in_child(lambda: os.kill(os.getpid(), signal.SIGSEGV))
