"""A training's threads have a core each, where they are as many as the cores."""

import json
import os
import subprocess
import sys

import pytest

from helpers.project import SCRIPTS

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
values = torch.rand(1 << 22)
assert torch.equal(values.neg(), -values)
print(json.dumps([found for thread, found in cores().items() if before.get(thread) != found]))
"""


def cores_of_bound_threads(count: int, **environment: str) -> list[list[int]]:
    """The cores of each thread that a training on the CPU binds or starts."""
    outcome = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(count)],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    return sorted(json.loads(outcome.stdout))


@several_cores
def test_as_many_threads_as_cores_have_a_core_each():
    found = cores_of_bound_threads(len(CORES))
    assert [cores for cores in found if cores != CORES] == [[core] for core in CORES]


@several_cores
def test_fewer_threads_than_cores_stay_free():
    """Two trainings side by side would choose the same cores."""
    found = cores_of_bound_threads(len(CORES) - 1)
    assert found == [CORES] * len(found)


@several_cores
def test_placement_is_left_to_the_user_who_sets_it():
    found = cores_of_bound_threads(len(CORES), OMP_PROC_BIND="false")
    assert found == [CORES] * len(found)
