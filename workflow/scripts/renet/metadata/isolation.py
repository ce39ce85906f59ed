"""Foreign bytes in a process of their own: a decoder in C that crashes takes only that along."""

import faulthandler
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from renet.common.errors import InputError

Result = TypeVar("Result")


class ChildCrashed(Exception):
    """The process ended without an answer; the message says how."""


def in_child(function: Callable[..., Result], *arguments: object) -> Result:
    """What `function(*arguments)` returns, computed in a forked process.

    The arguments are the child's by inheritance and need not be picklable, open files among them;
    the result has to be.

    Raises:
        InputError: what the function raised.
        ChildCrashed: the process was ended by a signal, as a segmentation fault or want of memory.
        RuntimeError: a fault of the function; its traceback went to standard error.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, function, arguments), daemon=True)
    child.start()
    theirs.close()
    try:
        failed, value = ours.recv()
    except (EOFError, OSError) as error:  # nothing came, or half of an answer
        child.join()
        if child.exitcode >= 0:
            raise RuntimeError("A child process failed; its traceback is above.") from error
        raise ChildCrashed(f"its reader ended with exit code {child.exitcode}") from error
    finally:
        ours.close()
    child.join()
    if failed:
        raise value
    return value


def _answer(pipe: Connection, function: Callable, arguments: tuple) -> None:
    faulthandler.disable()  # the parent says it in a sentence
    try:
        answer = (False, function(*arguments))
    except InputError as error:
        answer = (True, error)
    pipe.send(answer)
