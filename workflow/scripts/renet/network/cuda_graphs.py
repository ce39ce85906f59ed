"""CUDA graphs: what a GPU computes again and again is captured once, and replayed as a whole."""

from collections.abc import Callable

import torch


class GraphCapture:
    """Captures functions as graphs, on one stream and with one pool of memory.

    A graph computes with the tensors that its function used when it was captured: new values have
    to be copied into them. Graphs of one capture have to be replayed in the order of their capture.
    """

    WARM_UP_RUNS = 3

    def __init__(self) -> None:
        """Take a stream and a pool of the current GPU."""
        self._stream, self._pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def warm_up(self, function: Callable[[], object]) -> None:
        """Run a function, while cuDNN and cuBLAS choose their algorithms.

        It runs on the stream of the capture, as PyTorch requires.
        """
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(self.WARM_UP_RUNS):
                function()
        torch.cuda.current_stream().wait_stream(self._stream)

    def capture(self, function: Callable[[], object]) -> Callable[[], object]:
        """Capture what a function does, without doing it, and return what does it from then on.

        The memory that the warm-up has used is freed before.
        """
        graph = torch.cuda.CUDAGraph()
        # thread_local: the loader's threads may allocate pinned memory during the capture.
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            function()
        return graph.replay
