"""The calls that capture a CUDA graph are those that PyTorch documents; checked without a GPU."""

from unittest.mock import MagicMock, call

import torch

from renet.training.train_step import GraphCapture


def test_warm_up_and_capture_have_one_stream_for_which_the_computation_waits(monkeypatch):
    cuda, run = MagicMock(), MagicMock()
    cuda.attach_mock(run, "run")
    monkeypatch.setattr(torch, "cuda", cuda)
    capture, stream = GraphCapture(), cuda.Stream.return_value
    computation, pool = cuda.current_stream.return_value, cuda.graph_pool_handle.return_value
    cuda.reset_mock()
    capture.warm_up(run)
    assert cuda.mock_calls == [
        call.current_stream(), call.Stream().wait_stream(computation), call.stream(stream),
        call.stream().__enter__(), *[call.run()] * 3, call.stream().__exit__(None, None, None),
        call.current_stream(), call.current_stream().wait_stream(stream),
    ]  # fmt: skip
    cuda.reset_mock()
    replay, graph = capture.capture(run), cuda.CUDAGraph.return_value
    assert replay is graph.replay
    assert cuda.mock_calls == [
        call.CUDAGraph(), call.graph(graph, pool, stream, capture_error_mode="thread_local"),
        call.graph().__enter__(), call.run(), call.graph().__exit__(None, None, None),
    ]  # fmt: skip
