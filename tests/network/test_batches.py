"""The loader gives the batches that are asked for, read ahead, in the memory of a few batches."""

import contextlib
import threading

import numpy as np
import pytest
import torch

from renet.network.loader import Loader

CPU = torch.device("cpu")
ORDERS = np.array_split(np.random.default_rng(1).permutation(50), [16, 32, 48])


@pytest.fixture
def faces(tmp_path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    path = tmp_path / "pixels"
    random.integers(0, 256, (50, 3, 4, 4), dtype=np.uint8).tofile(path)
    return np.memmap(path, np.uint8, "r", shape=(50, 3, 4, 4)), random.integers(0, 2, 50)


def test_batches_are_the_rows_asked_for(faces):
    pixels, targets = faces
    found = list(Loader(pixels, targets, CPU).batches(ORDERS))
    assert len(found) == 4
    for rows, (some_pixels, some_targets) in zip(ORDERS, found, strict=True):
        assert np.array_equal(some_pixels.numpy(), pixels[rows])
        assert some_targets.tolist() == targets[rows].tolist()
        assert (some_pixels.dtype, some_targets.dtype) == (torch.uint8, torch.int64)


def test_no_more_than_a_few_batches_are_read_ahead(faces):
    asked = []

    def rows():
        for number in range(30):
            asked.append(number)
            yield np.array([number])

    loader = Loader(*faces, CPU)
    with contextlib.closing(loader.batches(rows())) as found:
        next(found)
        assert len(asked) == Loader.AHEAD
    assert loader.data_wait > 0
    assert not [thread for thread in threading.enumerate() if "reader" in thread.name]


def test_fault_of_the_disk_is_not_lost_in_a_thread(faces):
    class Broken(np.ndarray):
        def take(self, *arguments, **options):
            raise OSError("Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        list(Loader(faces[0].view(Broken), faces[1], CPU).batches(ORDERS))
