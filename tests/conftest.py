"""The environment of the tests, and where they find the reference data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers import forks
from helpers.browser import browser, window  # noqa: F401 fixtures
from helpers.download import archive, receipt_file, server, short_pauses  # noqa: F401 fixtures
from helpers.pages import changed, results  # noqa: F401 fixtures
from helpers.training import faces  # noqa: F401 fixture
from helpers.workflow import ctrl_c_ends_processes, finished, project  # noqa: F401 fixtures
from renet.faces import crop  # noqa: F401 before anything else imports cv2: it sets a limit

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
# A proxy, which installations may need, has no part in requests to the tests' own servers.
direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{direct},localhost,127.0.0.1".lstrip(",")

forks.make_safe()
# Snakemake's plugin asks SLURM at each start, and one that is away lets it wait for ten seconds.
os.environ["SLURM_CONF"] = os.devnull


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
