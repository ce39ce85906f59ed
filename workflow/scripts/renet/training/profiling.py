"""A trace of some steps of a training, for chrome://tracing or ui.perfetto.dev."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from torch import profiler

from renet.common import files, logs

WARM_UP_STEPS = 3  # that are not in the trace: allocations, and a GPU's choice of algorithms


@contextlib.contextmanager
def trace_of(steps: int, model: Path) -> Iterator[Callable[[], None]]:
    """Yield a function to call after every step, which writes a trace of some of them.

    The trace is beside the log, or without a log beside the model, with the suffix .trace.json. A
    training of `WARM_UP_STEPS` or fewer leaves none.

    Args:
        steps: number of steps after the warm-up; 0 traces nothing.
        model: the output of the training.
    """
    if not steps:
        yield lambda: None
        return
    path = Path(logs.log_file() or model).with_suffix(".trace.json")

    def write(trace: profiler.profile) -> None:
        if trace.step_num <= WARM_UP_STEPS:  # the profiler has begun, and no step has followed
            return
        with files.replacing(path) as temporary:
            trace.export_chrome_trace(str(temporary))
        logging.info("Trace of the training: %s", path)

    schedule = profiler.schedule(wait=0, warmup=WARM_UP_STEPS, active=steps, repeat=1)
    activities = profiler.supported_activities()
    with profiler.profile(
        activities=activities, schedule=schedule, on_trace_ready=write, record_shapes=True
    ) as trace:
        yield trace.step
