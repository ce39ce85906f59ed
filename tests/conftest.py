"""The environment of the tests, and where they find the reference data."""

import os
from pathlib import Path

import pytest

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

# A git hook sets these variables, and the tests' git commands would write to its repository.
for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
    os.environ.pop(name, None)

# Snakemake's plugin asks SLURM at each start, and one that is away lets it wait for ten seconds.
os.environ["SLURM_CONF"] = os.devnull


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
