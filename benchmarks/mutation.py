"""Do the quick tests notice small faults? Each patch of benchmarks/mutations is one.

    python benchmarks/mutation.py
    python benchmarks/mutation.py training/loop.py

A patch changes one setting or condition of a module, and the quick test files of the module run.
The mutation is killed by the first test that fails, if this test passes without the patch. The
script ends with status 1 if a mutation is not killed or does not apply. The tests run in copies of
the committed project, at most two at a time, without REFERENCE_DATA.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measuring

PACKAGE = Path("workflow/scripts/renet")
PATCHES = sorted((measuring.ROOT / "benchmarks" / "mutations").glob("*.patch"))
TESTS = {
    "faces/crop.py": ["faces/test_faces.py"],
    "faces/photo_index.py": ["faces/test_faces.py", "metadata/test_own_photos.py"],
    "dataset/splits.py": ["dataset/test_splits.py", "evaluation/test_folds.py"],
    "dataset/corrections.py": ["dataset/test_corrections.py"],
    "archives/http_transfer.py": ["archives/test_download_part.py"],
    "network/rnn.py": ["network/test_layers.py", "network/test_models.py"],
    "evaluation/conclusions.py": ["evaluation/test_conclusions.py"],
    "evaluation/run_table.py": ["evaluation/test_conclusions.py"],
    "evaluation/comparison.py": ["evaluation/test_comparison.py"],
    "config/checks.py": ["config/test_config.py", "config/test_config_errors.py"],
    "training/loop.py": ["training/test_training.py", "training/test_modern_recipe.py"],
    "training/train_step.py": ["training/test_steps.py", "training/test_augmentation.py"],
    "prediction/pipeline.py": ["prediction/test_prediction.py"],
    "prediction/predictor.py": ["prediction/test_prediction.py"],
}
GIT = shutil.which("git") or "git"
PYTEST = [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider", "-m", "not slow"]


def module_of(patch: Path) -> str:
    """The module that a mutation changes."""
    return re.findall(rf"(?m)^\+\+\+ b/{PACKAGE}/(.*)", patch.read_text())[0]


def try_patch(patch: Path) -> str:
    """Apply a mutation in a copy of the project; returns what became of it."""

    def run(*command: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        subprocess.run([GIT, "clone", "--quiet", measuring.ROOT, project], check=True)
        if run(GIT, "apply", "-C0", patch).returncode:  # -C0: lines beside it may have changed
            return "does not apply"
        files = [f"tests/{name}" for name in TESTS[module_of(patch)]]
        printed = run(*PYTEST, *files).stdout
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", printed, re.MULTILINE)
        if not failed:
            return "survived"
        run(GIT, "checkout", ".")
        passes = run(*PYTEST, failed[1]).returncode == 0
        return f"{'killed by' if passes else 'survived; also without it fails'} {failed[1]}"


def main() -> None:
    """Try the mutations of all modules and print what became of them."""
    parser = measuring.parser(__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="default: all")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time (default: 2)")
    options = parser.parse_args()
    os.environ.pop("REFERENCE_DATA", None)
    patches, killed = [one for one in PATCHES if module_of(one) in options.modules], 0
    with ThreadPoolExecutor(options.jobs) as workers:
        for patch, outcome in zip(patches, workers.map(try_patch, patches), strict=True):
            print(f"{patch.stem}: {outcome}", flush=True)
            killed += outcome.startswith("killed")
    print(f"{killed} of {len(patches)} killed")
    sys.exit(killed < len(patches))


if __name__ == "__main__":
    main()
