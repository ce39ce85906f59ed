"""Loaders give the batches that are asked for, read ahead, in the memory of a few batches."""

import contextlib
import threading

import numpy as np
import pytest
import torch

from renet.network import loader
from renet.network.loader import DeviceLoader, StreamingLoader

CPU = torch.device("cpu")


@pytest.fixture
def faces(tmp_path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    path = tmp_path / "pixels"
    random.integers(0, 256, (50, 3, 4, 4), dtype=np.uint8).tofile(path)
    return np.memmap(path, np.uint8, "r", shape=(50, 3, 4, 4)), random.integers(0, 2, 50)


def orders() -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(1).permutation(50), [16, 32, 48])


@pytest.mark.parametrize("kind", [StreamingLoader, DeviceLoader])
def test_batches_are_the_rows_asked_for(faces, kind):
    pixels, targets = faces
    found = list(kind(pixels, targets, CPU).batches(orders()))
    assert len(found) == 4
    for rows, (some_pixels, some_targets) in zip(orders(), found, strict=True):
        assert np.array_equal(some_pixels.numpy(), pixels[rows])
        assert some_targets.tolist() == targets[rows].tolist()
        assert (some_pixels.dtype, some_targets.dtype) == (torch.uint8, torch.int64)


def test_set_larger_than_a_chunk_is_whole_on_the_device(faces, monkeypatch):
    monkeypatch.setattr(loader, "CHUNK_BYTES", 7 * 48)
    (pixels, _), *_ = DeviceLoader(*faces, CPU).batches([np.arange(50)])
    assert np.array_equal(pixels.numpy(), faces[0])


def test_no_more_than_a_few_batches_are_read_ahead(faces):
    asked = []

    def rows():
        for number in range(30):
            asked.append(number)
            yield np.array([number])

    streaming = StreamingLoader(*faces, CPU)
    with contextlib.closing(streaming.batches(rows())) as found:
        next(found)
        assert len(asked) == StreamingLoader.AHEAD + 1
    assert streaming.data_wait > 0
    assert not [thread for thread in threading.enumerate() if "reader" in thread.name]


def test_fault_of_the_disk_is_not_lost_in_a_thread(faces):
    class Broken(np.ndarray):
        def take(self, *arguments, **options):
            raise OSError("Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        list(StreamingLoader(faces[0].view(Broken), faces[1], CPU).batches(orders()))


def test_copy_to_a_gpu_has_a_stream_of_its_own_for_which_the_computation_waits(monkeypatch):
    """Without a GPU, the calls are compared with those that PyTorch documents for such a copy."""
    calls = []

    class Stream:
        def __init__(self, device=None):
            self.name = "copies" if device else "computation"

        def wait_stream(self, other):
            calls.append(f"{self.name} waits for {other.name}")

    class Part:
        def __init__(self, name):
            self.name = name

        def to(self, device, non_blocking):
            calls.append(f"{self.name} to {device}, {non_blocking=}")
            return self

        def record_stream(self, stream):
            calls.append(f"{self.name} used by {stream.name}")

    @contextlib.contextmanager
    def on_stream(stream):
        calls.append(f"on {stream.name}")
        yield
        calls.append(f"off {stream.name}")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", on_stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream())
    loader.CopyStream(torch.device("cuda:0"))((Part("pixels"), Part("targets")))
    assert calls == [
        "on copies", "pixels to cuda:0, non_blocking=True", "targets to cuda:0, non_blocking=True",
        "off copies", "computation waits for copies",
        "pixels used by computation", "targets used by computation",
    ]  # fmt: skip


def test_set_is_kept_on_a_gpu_only_where_it_fits(faces, monkeypatch):
    class Kept:
        def __init__(self, *arguments):
            pass

    gpu = torch.device("cuda:0")
    monkeypatch.setattr(loader, "DeviceLoader", Kept)
    monkeypatch.setattr(loader, "CopyStream", Kept)
    bytes_needed = faces[0].nbytes / loader.MAX_MEMORY_FRACTION
    for free, kind in ((bytes_needed + 10, Kept), (bytes_needed - 10, StreamingLoader)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, free))
        assert isinstance(loader.make_loader(*faces, gpu), kind)
    assert isinstance(loader.make_loader(*faces, CPU), StreamingLoader)
