"""Children of this process, which have imported what it has imported."""

import faulthandler
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from renet.common.progress import Progress

SECONDS = 900  # after which a child that hangs is ended by SIGALRM


def pytest_configure() -> None:
    """Prepare this process, which has threads, for forks: its children lack them.

    The garbage collector of a child leaves the objects of this process alone. A launcher of
    trainings, for example, leaves a TCPStore in a reference cycle; a child that frees it joins a
    thread that the child lacks, and ends by SIGSEGV. A child that hangs is ended, and either way
    the stack is written to the child's own stderr.
    """
    prepared = os.getpid()

    def unfreeze_here() -> None:
        if os.getpid() == prepared:  # a child that forks has to leave them alone afterwards, too
            gc.unfreeze()

    def begin_child() -> None:
        gc.set_threshold(1)  # what may die in a collection dies in the tests
        # Forks share the lock of tqdm, which a child that is killed may hold for ever.
        Progress.set_lock(threading.RLock())
        faulthandler.enable(2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        faulthandler.register(signal.SIGALRM, 2, chain=True)
        signal.alarm(SECONDS)

    os.register_at_fork(before=gc.freeze, after_in_parent=unfreeze_here, after_in_child=begin_child)


def start(run: Callable[[], object], out: TextIO, err: TextIO) -> int:
    """Call a function in a child whose output goes to two files, and return the child's process.

    The child ends with the exit status that Python would have.
    """
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        for number, file in enumerate((out, err), 1):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
        run()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):  # Python prints it where nothing catches the exception
            print(end.code, file=sys.stderr)
        else:
            status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 the child must end here
        sys.excepthook(*sys.exc_info())  # which a script may have set
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # nothing of the parent is cleaned up


def end_of(process: int, err: TextIO) -> int:
    """Wait for a child to end; returns its status, negative for a signal, which `err` names."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status < 0:
        err.seek(0, os.SEEK_END)
        err.write(f"\nIt was ended by {signal.Signals(-status).name}.\n")
        err.flush()
    return status
