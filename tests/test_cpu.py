"""A training's threads have a core each, where they are as many as the cores."""

import json
import os
import subprocess
import sys

import pytest

from helpers.project import SCRIPTS
from helpers.training import write_faces

CORES = sorted(os.sched_getaffinity(0))
several_cores = pytest.mark.skipif(len(CORES) < 2, reason="this machine has one core")
PROGRAM = """
import json, os, sys
import torch
from renet.config.recipe import Recipe
from renet.network import cpu
from renet.training import run

def cores():
    threads = [int(path.name) for path in cpu.THREADS.iterdir()]
    return {thread: sorted(os.sched_getaffinity(thread)) for thread in threads}

before = cores()
run.choose_device(Recipe(device="cpu", threads=int(sys.argv[1])))
values = torch.rand(torch.get_num_threads() * cpu.ELEMENTS_OF_A_THREAD)
assert torch.equal(values.neg(), -values)
print(json.dumps([found for thread, found in cores().items() if before.get(thread) != found]))
"""


def cores_of_bound_threads(count: int, **environment: str) -> list[list[int]]:
    """The cores of each thread that a training on the CPU binds or starts."""
    return sorted(json.loads(python("-c", PROGRAM, count, **environment).stdout))


def python(*command: object, **environment: str) -> subprocess.CompletedProcess:
    outcome = subprocess.run(
        [sys.executable, *map(str, command)],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    return outcome


@several_cores
def test_as_many_threads_as_cores_have_a_core_each():
    found = cores_of_bound_threads(len(CORES))
    assert [cores for cores in found if cores != CORES] == [[core] for core in CORES]


@several_cores
def test_other_numbers_of_threads_stay_free():
    """Two trainings side by side would choose the same cores."""
    assert cores_of_bound_threads(len(CORES) - 1) == [CORES] * (len(CORES) - 2)
    found = cores_of_bound_threads(len(CORES) + 1)
    assert found and found == [CORES] * len(found)


@several_cores
def test_placement_is_left_to_the_user_who_sets_it():
    found = cores_of_bound_threads(len(CORES), OMP_PROC_BIND="false")
    assert found and found == [CORES] * len(found)


@several_cores
def test_threads_beside_the_computation_use_all_cores(tmp_path):
    """The reader of the faces is not kept on one core."""
    program = f"""
import os, sys
from concurrent.futures import ThreadPoolExecutor
import torch
from renet.config.recipe import Recipe
from renet.network import cpu
from renet.training import run

run.choose_device(Recipe(device="cpu", threads={len(CORES)}))
with ThreadPoolExecutor(1, initializer=cpu.use_all_cores) as beside, ThreadPoolExecutor(1) as bound:
    print(*(threads.submit(os.sched_getaffinity, 0).result() for threads in (beside, bound)))
"""
    said = python("-c", program).stdout
    assert said.strip() == f"{set(CORES)} {{{CORES[0]}}}"


@several_cores
def test_training_that_goes_on_from_a_model_file_is_bound_too(tmp_path):
    """PyTorch starts its threads when it reads a model file: they have to be bound before."""
    write_faces(tmp_path / "train.h5")
    write_faces(tmp_path / "test.h5", 20, 1)
    common = ["-b", "cpu", "-z", 8, "--threads", len(CORES), "--data_root", tmp_path]
    saved = ["--save_path", tmp_path / "model.pt"]
    for options in (["-e", 1, *saved], ["-e", 2, *saved, "--model_file", tmp_path / "model.pt"]):
        outcome = python(SCRIPTS / "train.py", *common, *options)
        assert f"Each of the {len(CORES)} threads has a core of its own" in outcome.stderr
