"""CUDA graphs: a repeated computation of a GPU is captured once, and replayed as a whole."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor


class GraphCapture:
    """Captures functions as graphs, on one stream and with one pool of memory.

    A graph computes with the tensors that its function used when it was captured: new values have
    to be copied into them. What one graph leaves in the pool, any other one may overwrite.
    """

    WARM_UP_RUNS = 3

    def __init__(self) -> None:
        """Take a stream and a pool of the current GPU."""
        self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def warm_up(self, *functions: Callable[[], object]) -> None:
        """Run functions in turn, while cuDNN and cuBLAS choose their algorithms.

        They run on the stream of the capture, as PyTorch requires.
        """
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for function in self.WARM_UP_RUNS * functions:
                function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def capture(self, function: Callable[[], object]) -> Callable[[], object]:
        """Capture a function without running it, and return a function that replays it.

        The memory that the warm-up has used is freed before.
        """
        graph = torch.cuda.CUDAGraph()
        # thread_local: the loader's threads may allocate pinned memory during the capture.
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            function()
        return graph.replay


class CapturedFunction:
    """A function on a GPU from a graph: one replay instead of many launches."""

    def __init__(self, graphs: GraphCapture, function: Callable, *arguments: object):
        """Capture the function; the tensors among its arguments become the graph's own."""
        self._arguments = arguments
        self._replay = graphs.capture(functools.partial(function, *arguments))

    def takes(self, *arguments: object) -> bool:
        """Whether the graph can take these arguments."""
        pairs = zip(self._arguments, arguments, strict=True)
        return all(getattr(one, "shape", one) == getattr(own, "shape", own) for own, one in pairs)

    def __call__(self, *arguments: object) -> None:
        """Run the function for arguments that the graph `takes`."""
        for own, given in zip(self._arguments, arguments, strict=True):
            if isinstance(own, Tensor):
                own.copy_(given)
        self._replay()
