"""The calls that capture a CUDA graph are those that PyTorch documents; checked without a GPU."""

import contextlib

import pytest
import torch

from renet.network.cuda_graphs import GraphCapture


class Stream:
    """A stream that writes down what it is asked for."""

    def __init__(self, name: str, calls: list[str]):
        self.name, self._calls = name, calls

    def wait_stream(self, other: "Stream") -> None:
        self._calls.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """What is asked of `torch.cuda`."""
    made: list[str] = []

    @contextlib.contextmanager
    def within(name):
        made.append(f"on {name}")
        yield
        made.append(f"off {name}")

    class Graph:
        def replay(self):
            made.append("replay")

    monkeypatch.setattr(torch.cuda, "Stream", lambda: Stream("capture", made))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("computation", made))
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: within(stream.name))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(
        torch.cuda,
        "graph",
        lambda graph, pool, stream, capture_error_mode: within(
            f"graph in {pool} by {stream.name}, {capture_error_mode}"
        ),
    )
    return made


def test_warm_up_and_capture_have_one_stream_for_which_the_computation_waits(calls):
    capture = GraphCapture()
    capture.warm_up(lambda: calls.append("run"))
    assert calls == [
        "capture waits for computation", "on capture", *["run"] * 3, "off capture",
        "computation waits for capture",
    ]  # fmt: skip
    calls.clear()
    replay = capture.capture(lambda: calls.append("run"))
    graph = "graph in pool by capture, thread_local"
    assert calls == [f"on {graph}", "run", f"off {graph}"]
    calls.clear()
    replay()
    assert calls == ["replay"]
