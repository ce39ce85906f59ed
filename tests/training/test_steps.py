"""An update is that of its formulas, whether it runs directly or as a CUDA graph."""

import os
import tempfile
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import MagicMock, call

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch.nn.functional import one_hot
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers.training import SMALL, new_network, same
from renet.common.errors import InputError
from renet.config.train import Recipe
from renet.network import devices
from renet.network.kinds.renet import ReNet
from renet.training import processes, train_step
from renet.training.settings import RunSettings

CPU = torch.device("cpu")
RECIPE = Recipe(batch_size=8, learning_rate=0.05, device="cpu")


def network() -> ReNet:
    return devices.to_device(new_network(), CPU).train()


def some_batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    sizes = [8, 8, 3, 8, 8, 8, 3, 8]
    pixels = torch.randint(0, 256, (sum(sizes), 3, 32, 32), dtype=torch.uint8)
    targets = torch.randint(0, 2, (sum(sizes),))
    return [*zip(pixels.split(sizes), targets.split(sizes), strict=True)]


@pytest.mark.parametrize("cell", ["tanh", "relu", "gru", "lstm"])
def test_step_keeps_types_and_layouts(cell):
    """A product with another layout would be copied at each step."""
    model = devices.to_device(new_network(SMALL.replace(cell=cell)), CPU).train()
    step = train_step.TrainStep(model, RECIPE.replace(precision="bfloat16"))
    step(*some_batches()[0])
    for name, parameter in model.named_parameters():
        momentum = step.optimizer.state[parameter]["momentum_buffer"]
        for tensor in (parameter, parameter.grad, momentum):
            assert (tensor.dtype, tensor.stride()) == (torch.float32, parameter.stride()), name
    assert {buffer.dtype for buffer in model.buffers()} == {torch.float32}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_first_step_is_that_of_the_formulas(optimizer):
    options = {"weight_decay": 0.3, "label_smoothing": 0.2, "age_weight": 0.4, "momentum": 0.8}
    recipe = RECIPE.replace(optimizer=optimizer, nesterov=True, **options)
    network = torch.nn.Sequential(torch.nn.Linear(3, 2)).double()
    step, faces = train_step.TrainStep(network, recipe), torch.randn(4, 3).double()
    torch.nn.init.normal_(step.model.ages.weight)

    def parameters() -> np.ndarray:
        """The weights of both layers, with the biases as a further column."""
        layers = network[0], step.model.ages
        return np.vstack([np.c_[one.weight.detach(), one.bias.detach()] for one in layers])

    weights, genders, groups = parameters(), [0, 1, 1, 0], [2, 0, 5, 2]
    step(faces, torch.tensor(genders) + 2 * torch.tensor(groups))
    faces = np.c_[faces, np.ones(4)]
    logits = faces @ weights.T
    error = softmax(logits[:, :2], axis=1) - (0.8 * np.eye(2)[genders] + 0.1)
    age_error = 0.4 * (softmax(logits[:, 2:], axis=1) - np.eye(6)[groups])
    gradient = np.hstack([error, age_error]).T @ faces / 4
    adamw = gradient / (abs(gradient) + 1e-8) + 0.3 * weights
    change = adamw if optimizer == "adamw" else (1 + 0.8) * (gradient + 0.3 * weights)
    expected = weights - 0.05 * change
    np.testing.assert_allclose(parameters(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mixed", [False, True])
def test_training_accuracy_is_of_the_larger_label_without_age_groups_and_adjustment(mixed):
    recipe = RECIPE.replace(age_weight=0.5, age_adjustment=True)
    layer = torch.nn.Linear(1, 2)
    step = train_step.TrainStep(torch.nn.Sequential(layer), recipe)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([1.0, 0]))  # all are of class 0
        step.model.ages.bias[1] = 2
    step.adjustment = torch.tensor([[-9.0, 9.0]] * 7)
    labels = torch.tensor([0, 0, 0, 1])
    weights = 0.7 * one_hot(labels, 14) + 0.3 * one_hot(1 - labels, 14)
    step(torch.ones(4, 1), weights if mixed else labels)
    assert step.sums[1] == 3


class Operations(TorchDispatchMode):
    """Keeps each operation with its arguments and results, as a CUDA graph does.

    A replay runs these operations, with the tensors and the numbers of the capture and without the
    Python code that called them.
    """

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
                if isinstance(kept, torch.Tensor) and kept.data_ptr() != value.data_ptr():
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


@pytest.mark.parametrize(
    "options",
    [{}, {"precision": "bfloat16"}, {"optimizer": "adamw"},
     {"nesterov": True, "weight_decay": 0.01, "label_smoothing": 0.1}],
    ids=["course", "bfloat16", "adamw", "nesterov"],
)  # fmt: skip
def test_replayed_updates_are_those_of_plain_steps(monkeypatch, options):
    recipe, capture = RECIPE.replace(**options), CaptureOnCPU()
    monkeypatch.setattr(train_step, "GraphCapture", lambda: capture)
    plain = train_step.TrainStep(network(), recipe)
    captured = train_step.TrainStep(network(), recipe)
    captured.captures = True
    for number, batch in enumerate(some_batches()):
        for step in (plain, captured):
            step.set_rate(0.05 / (1 + number))
            step(*batch)
    assert same(plain.model.state_dict(), captured.model.state_dict())
    assert torch.equal(plain.sums, captured.sums)
    full, short = ["replay 1", "replay 2"], ["replay 3", "replay 4"]
    first, last = (["warm-up", f"capture {one}", f"capture {one + 1}"] for one in (1, 3))
    assert capture.log == [*first, *2 * full, *last, *short, *3 * full, *short, *full]


def test_gradients_that_processes_add_up_begin_at_multiples_of_16_bytes(monkeypatch):
    monkeypatch.setattr(processes, "size", lambda: 2)
    step = train_step.TrainStep(network(), RECIPE)
    start = step._added.data_ptr()
    for parameter in step.model.parameters():
        assert (parameter.grad.data_ptr() - start) % 16 == 0
        assert parameter.grad.stride() == parameter.stride()


@pytest.fixture
def two_gpus(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"uuid{number}")
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    devices.own_gpu.cache_clear()
    yield
    devices.own_gpu.cache_clear()


def test_group_of_processes_knows_the_gpu_of_each(two_gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(processes, "distributed", distributed := MagicMock())
    for device in ("auto", "cpu"):
        with processes.group(device):
            pass
    made = distributed.init_process_group.call_args_list
    assert made == [call("nccl", device_id=torch.device("cuda:1")), call("gloo", device_id=None)]
    assert distributed.destroy_process_group.call_count == 2


def test_process_has_the_gpu_of_its_number(two_gpus):
    assert devices.choose("auto", 1, local_rank=1) == torch.device("cuda:1")
    with pytest.raises(InputError, match=r"GPU number 2 \(from 0\) is needed, but PyTorch sees 2"):
        devices.choose("cuda", 1, local_rank=2)


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS"])
def test_granted_gpu_that_cannot_be_used_is_an_error(monkeypatch, variable):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(variable, "3")
    with pytest.raises(InputError, match=rf"granted to this job \({variable}=3\), but PyTorch"):
        devices.choose("auto", 1)
    assert devices.choose("cpu", 1).type == "cpu"
    monkeypatch.setenv(variable, "")
    assert devices.choose("auto", 1).type == "cpu"


def test_visible_gpu_that_cannot_be_used_is_a_warning(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "NVIDIA_DEVICE", tmp_path)
    assert devices.choose("auto", 1).type == "cpu"
    assert "This machine has a GPU, but PyTorch" in caplog.text
    caplog.clear()
    assert devices.choose("auto", 1, local_rank=1).type == "cpu"
    assert "This machine has" not in caplog.text  # the first process has said it


@pytest.mark.parametrize(
    ("gpus", "ranks", "found", "tried"),
    [(2, 1, [0, 1, 0], "0, 1"), (4, 2, [0, 1, 2, 3, 0, 1], "0, 2")],
)
def test_each_job_has_gpus_of_its_own_until_it_ends_as_long_as_there_are_some(
    two_gpus, monkeypatch, caplog, gpus, ranks, found, tried
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(ranks))
    numbers, take, locks = [], devices.locks.take, []
    monkeypatch.setattr(devices.locks, "take", lambda file: take(file) and not locks.append(file))
    for rank in 3 * [*range(ranks)]:
        devices.own_gpu.cache_clear()  # as in a process of its own
        numbers.append(devices.own_gpu(rank))
        assert ("Other jobs" in caplog.text) == (len(numbers) > gpus)
    assert numbers == found
    assert f"Other jobs use GPU {tried}; this job shares GPU 0." in caplog.text
    devices.own_gpu.cache_clear()
    for descriptor in locks:
        os.close(descriptor)
    assert [devices.own_gpu(0) for _ in range(2)] == [0, 0]  # the second time, it is its own


def test_processes_of_one_training_take_no_gpu_of_another_rank(two_gpus, monkeypatch, caplog):
    assert devices.own_gpu(0) == 0
    devices.own_gpu.cache_clear()  # another job has it; its descriptor keeps the lock
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert [devices.own_gpu(rank) for rank in (0, 1)] == [0, 1]
    assert "Other jobs use GPU 0; this job shares GPU 0." in caplog.text


def test_float32_is_float32_in_the_convolutions_of_a_gpu_too(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # PyTorch's default
    network()
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_gpus_that_snakemake_grants_go_before_the_settings(device, two_gpus):
    assert devices.choose(devices.granted(device, 0), 1).type == "cpu"
    for gpus in (1, None):
        assert devices.choose(devices.granted(device, gpus), 1).type == "cuda"


def test_fewer_gpus_than_processes_are_an_error_with_the_way_out():
    settings = RunSettings(train=Recipe(processes=2))
    with pytest.raises(InputError, match=r"`train\.processes` is 2.* raise --resources gpu=N"):
        settings.granted(1)


def test_number_of_threads_is_that_of_the_settings():
    threads = torch.get_num_threads() + 1
    devices.choose("cpu", threads)
    assert torch.get_num_threads() == threads


def test_warm_up_and_capture_have_one_stream_for_which_the_computation_waits(monkeypatch):
    cuda, run = MagicMock(), MagicMock()
    monkeypatch.setattr(torch, "cuda", cuda)
    capture, graph, stream = train_step.GraphCapture(), cuda.CUDAGraph(), cuda.Stream()
    capture.warm_up(run)
    assert run.call_count == 3
    cuda.stream.assert_called_once_with(stream)
    stream.wait_stream.assert_called_once_with(cuda.current_stream())
    cuda.current_stream().wait_stream.assert_called_once_with(stream)
    assert capture.capture(run) is graph.replay and run.call_count == 4
    options = {"capture_error_mode": "thread_local"}
    cuda.graph.assert_called_once_with(graph, cuda.graph_pool_handle(), stream, **options)
