"""Neither an update nor a prediction reads a value, for which the host would wait for a GPU.

benchmarks/gpu_check.py holds on a GPU that no copy waits either.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.training import MODERN, SMALL, make_trainer, new_network
from renet.network import batch_norm
from renet.network.model import infer
from renet.training.loop import Trainer

aten = torch.ops.aten
READS = {  # of a value or a size
    aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select,
    aten._unique2, aten.unique_dim, aten.unique_consecutive, aten.bincount, aten.repeat_interleave,
}  # fmt: skip


class Reads(TorchDispatchMode):
    """Records operations by which the host learns a value of a tensor, or how many it has."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        packet = operation.overloadpacket
        indices = arguments[1] if packet in (aten.index, aten.index_put_) else []
        by_mask = any(one is not None and one.dtype == torch.bool for one in indices)
        if packet in READS or by_mask:
            self.found.append(str(operation))
        return operation(*arguments, **options or {})


def test_update_by_the_modern_recipe_reads_nothing(faces, monkeypatch):
    update, reads = Trainer._update, Reads()

    def watched(*given: object) -> None:
        with reads:
            update(*given)

    monkeypatch.setattr(Trainer, "_update", watched)
    monkeypatch.setattr(batch_norm, "has_accurate_sums", lambda device: True)  # as on a GPU
    make_trainer(faces, MODERN.replace(epochs=1)).run(show_progress=False)
    assert reads.found == []


def test_prediction_reads_nothing(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)  # the way of a GPU
    network, pixels = new_network(SMALL).eval(), torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    with Reads() as reads:
        infer(network, pixels, "float32")
    assert reads.found == []


@pytest.mark.parametrize(
    "read",
    [
        lambda values: values.sum().item(), lambda values: bool(values.any()),
        lambda values: values.nonzero(), lambda values: values[values > 0],
    ],
    ids=["number", "condition", "places", "mask"],
)  # fmt: skip
def test_each_kind_of_read_would_be_noticed(read):
    with Reads() as reads:
        read(torch.ones(3))
    assert len(reads.found) == 1
