"""A capture of graphs on a CPU, which keeps what makes a CUDA graph differ from its function.

A replay runs the captured operations, without the Python code that called them. They compute with
the tensors and the numbers of the capture.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Operations(TorchDispatchMode):
    """Keeps each operation with its arguments and results."""

    def __init__(self):
        super().__init__()
        self._calls: list[tuple] = []

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        result = operation(*arguments, **(options or {}))
        self._calls.append((operation, arguments, options or {}, result))
        return result

    @torch.inference_mode()
    def replay(self) -> None:
        """Run all operations again, into the tensors of their first results."""
        for operation, arguments, options, result in self._calls:
            found = tree_leaves(operation(*arguments, **options))
            for kept, value in zip(tree_leaves(result), found, strict=True):
                # A view, and an operation in place, have the memory of the capture.
                if isinstance(kept, Tensor) and kept.data_ptr() != value.data_ptr():
                    kept.copy_(value)


class CaptureOnCPU:
    """Stands in for `train_step.GraphCapture`."""

    def __init__(self):
        self.log: list[str] = []  # what was captured and replayed, by the number of the capture

    def warm_up(self, *functions: Callable[[], object]) -> None:
        """Run them as often as a GPU would."""
        self.log.append("warm-up")
        for function in 3 * functions:
            function()

    def capture(self, function: Callable[[], object]) -> Callable[[], None]:
        """Capture a function; the capture has the effect of the first replay, which has none."""
        number = 1 + sum(entry.startswith("capture") for entry in self.log)
        self.log.append(f"capture {number}")
        with (operations := Operations()):
            function()

        def replay() -> None:
            if f"replay {number}" in self.log:
                operations.replay()
            self.log.append(f"replay {number}")

        return replay
