"""Batches come in the order asked for, ahead of time, and in a few batches' memory."""

import contextlib
import threading

import numpy as np
import pytest
import torch

from renet.network import loader
from renet.network.loader import ResidentFaces, StreamedFaces

CPU = torch.device("cpu")


@pytest.fixture
def faces(tmp_path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    path = tmp_path / "pixels"
    random.integers(0, 256, (50, 3, 4, 4), dtype=np.uint8).tofile(path)
    return np.memmap(path, np.uint8, "r", shape=(50, 3, 4, 4)), random.integers(0, 2, 50)


def orders() -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(1).permutation(50), [16, 32, 48])


@pytest.mark.parametrize("kind", [StreamedFaces, ResidentFaces])
def test_batches_are_the_rows_asked_for(faces, kind):
    pixels, targets = faces
    found = list(kind(pixels, targets, CPU).batches(orders()))
    assert len(found) == 4
    for rows, (some_pixels, some_targets) in zip(orders(), found, strict=True):
        assert np.array_equal(some_pixels.numpy(), pixels[rows])
        assert some_targets.tolist() == targets[rows].tolist()
        assert (some_pixels.dtype, some_targets.dtype) == (torch.uint8, torch.int64)


def test_set_larger_than_a_slab_is_whole_on_the_device(faces, monkeypatch):
    monkeypatch.setattr(loader, "SLAB_BYTES", 7 * 48)
    (pixels, _), *_ = ResidentFaces(*faces, CPU).batches([np.arange(50)])
    assert np.array_equal(pixels.numpy(), faces[0])


def test_no_more_than_a_few_batches_are_read_ahead(faces):
    asked = []

    def rows():
        for number in range(30):
            asked.append(number)
            yield np.array([number])

    feed = StreamedFaces(*faces, CPU)
    with contextlib.closing(feed.batches(rows())) as found:
        next(found)
        assert len(asked) == StreamedFaces.AHEAD + 1
    assert feed.waited > 0
    assert not [thread for thread in threading.enumerate() if "reader" in thread.name]


def test_fault_of_the_disk_is_not_lost_in_a_thread(faces):
    class Broken(np.ndarray):
        def take(self, *arguments, **options):
            raise OSError("Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        list(StreamedFaces(faces[0].view(Broken), faces[1], CPU).batches(orders()))


def test_set_is_kept_on_a_gpu_only_where_it_fits(faces, monkeypatch):
    class Kept:
        def __init__(self, *arguments):
            pass

    gpu = torch.device("cuda:0")
    monkeypatch.setattr(loader, "ResidentFaces", Kept)
    bytes_needed = faces[0].nbytes / loader.RESIDENT_SHARE
    for free, kind in ((bytes_needed + 10, Kept), (bytes_needed - 10, StreamedFaces)):
        monkeypatch.setattr(loader, "free_bytes", lambda device, free=free: free)
        assert isinstance(loader.make_feed(*faces, gpu), kind)
    assert isinstance(loader.make_feed(*faces, CPU), StreamedFaces)
