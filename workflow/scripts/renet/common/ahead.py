"""Compute results in workers before they are needed, in order and in bounded memory."""

import collections
import itertools
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    workers: Executor, function: Callable[[Item], Result], items: Iterable[Item], *, count: int
) -> Generator[Result, None, None]:
    """Yield the function's result for each item, while workers compute the next `count` results.

    Executor.map would submit all items at once, and store all results until they are consumed.
    """
    results = (workers.submit(function, item) for item in items)
    pending = collections.deque(itertools.islice(results, count))
    try:
        while pending:
            yield pending.popleft().result()
            pending.extend(itertools.islice(results, 1))
    finally:
        for future in pending:
            future.cancel()
