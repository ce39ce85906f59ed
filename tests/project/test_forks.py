"""A child of the tests' process is not ended by what the process leaves, and tells why it ended."""

import ctypes
import gc
import os
import signal
import tempfile
from collections.abc import Callable

import numpy as np
from torch.distributed import TCPStore

from helpers import forks
from renet.common.progress import Progress
from renet.faces.crop import cv2


def in_child(run: Callable[[], object]) -> tuple[int, str]:
    """The exit status of a child that calls a function, and what the child printed."""
    with tempfile.TemporaryFile("w+") as printed:
        status = forks.end_of(forks.start(run, printed, printed), printed)
        printed.seek(0)
        return status, printed.read()


def collect_after_a_child_has() -> None:
    assert in_child(gc.collect) == (0, "")
    gc.collect()


def test_child_and_its_child_leave_the_stores_alone_whose_threads_they_lack():
    gc.disable()
    for _ in range(8):  # in reference cycles, as launchers of trainings leave them
        left = {"store": TCPStore("localhost", 0, is_master=True)}
        left["cycle"] = left
    try:
        assert in_child(collect_after_a_child_has) == (0, "")
    finally:
        gc.enable()
    assert gc.get_freeze_count() == 0  # here, they are freed


def set_the_threads_of_opencv() -> None:
    signal.alarm(30)
    cv2.setNumThreads(1)  # as crop_faces.py does


def test_child_does_not_wait_for_threads_of_opencv():
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 2)  # uses every thread
    assert in_child(set_the_threads_of_opencv) == (0, "")


def die_with_the_lock() -> None:
    Progress.get_lock().acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def show_a_bar() -> None:
    signal.alarm(30)
    Progress([1], desc="bar").close()


def test_child_that_is_killed_while_it_draws_a_bar_stops_no_other_child():
    show_a_bar()
    signal.alarm(0)
    assert in_child(die_with_the_lock)[0] == -signal.SIGKILL
    assert in_child(show_a_bar)[0] == 0


def crash() -> None:
    print("The last line.")
    ctypes.string_at(0)


def test_child_that_crashes_tells_its_last_line_its_stack_and_the_signal():
    status, printed = in_child(crash)
    assert status == -signal.SIGSEGV
    assert printed.startswith("The last line.\n")
    assert "Segmentation fault" in printed and "in crash\n" in printed
    assert printed.endswith("\nIt was ended by SIGSEGV.\n")
