"""SIGTERM and Ctrl-C are requests to stop a training."""

import os
import signal

import pytest

from renet.training.processes import stop_requests


@pytest.mark.fault("killed-training")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_is_a_request_as_long_as_a_training_runs(number):
    others: list[int] = []
    before = signal.signal(number, lambda number, _: others.append(number))
    try:
        with stop_requests() as received:
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    assert received == others == [number]


def test_ctrl_c_that_a_background_process_ignores_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests() as received:
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not received
