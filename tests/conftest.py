"""What the tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real photographs and neon's numbers, which cannot be part of the project."""
    folder = os.environ.get("REFERENCE_DATA")
    if not folder:
        pytest.skip("REFERENCE_DATA does not name the folder with the reference data")
    return Path(folder)
