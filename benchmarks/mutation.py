"""How many small faults the tests notice: committed mutations, and random ones ("mutants").

    python benchmarks/mutation.py
    pip install cosmic-ray
    python benchmarks/mutation.py --mutants 25

A patch in benchmarks/mutations changes one setting or condition of a module, and the quick test
files of the module run. The mutation is killed by the first test that fails, if this test passes
without the patch. The script ends with status 1 if a mutation is not killed or does not apply.

With --mutants, cosmic-ray changes one operator, number or condition of a module at a time. A mutant
is killed if the tests fail. For each module, a random sample of the mutants is tried, at most one
for each place in the code. Mutants of `|` are left out: most of them are in type hints. Survivors
are printed as diffs. Some survivors are equivalent to the original code; a person has to decide
which.

The tests run in copies of the committed project, at most two at a time, without REFERENCE_DATA.
"""

import functools
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measuring

try:
    from cosmic_ray.work_db import use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult
except ModuleNotFoundError:
    use_db = None

PACKAGE = Path("workflow/scripts/renet")
PATCHES = sorted((measuring.ROOT / "benchmarks" / "mutations").glob("*.patch"))
TESTS = {
    "metadata/row_filter.py": ["metadata/test_mat_file.py", "metadata/test_own_photos.py"],
    "faces/crop.py": ["faces/test_faces.py"],
    "faces/perceptual_hash.py": ["dataset/test_near_duplicates.py"],
    "faces/hash_distance.py": ["dataset/test_near_duplicates.py"],
    "faces/photo_index.py": ["faces/test_faces.py", "metadata/test_own_photos.py"],
    "dataset/near_duplicates.py": ["dataset/test_near_duplicates.py"],
    "dataset/splits.py": ["dataset/test_splits.py", "evaluation/test_folds.py"],
    "archives/http_transfer.py": ["archives/test_download_part.py"],
    "archives/tar_index.py": ["archives/test_tar_index.py"],
    "faces/shards.py": ["faces/test_faces.py", "dataset/test_hdf5.py"],
    "dataset/gather.py": ["dataset/test_hdf5.py"],
    "dataset/hdf5.py": ["dataset/test_hdf5.py", "training/test_age_groups.py"],
    "network/rnn.py": ["network/test_layers.py", "network/test_models.py"],
    "network/model_file.py": ["network/test_models.py", "training/test_start_from.py"],
    "network/model.py": ["network/test_models.py", "network/test_kinds.py"],
    "network/batch_norm.py": ["network/test_layers.py", "training/test_processes.py"],
    "training/folder.py": [
        "training/test_checkpoints.py", "training/test_training_folder.py",
    ],
    "evaluation/comparison.py": ["evaluation/test_comparison.py"],
    "evaluation/slices.py": [
        "evaluation/test_slice_tests.py", "evaluation/test_metrics.py",
        "metadata/test_own_photos.py",
    ],
    "evaluation/metrics.py": ["evaluation/test_metrics.py"],
    "evaluation/confidence_intervals.py": ["evaluation/test_metrics.py"],
    "config/checks.py": ["config/test_config.py", "config/test_config_errors.py"],
    "config/validation.py": ["config/test_config.py", "config/test_config_errors.py"],
    "network/devices.py": ["network/test_precision.py", "training/test_steps.py"],
    "training/loop.py": ["training/test_training.py", "training/test_modern_recipe.py"],
    "training/train_step.py": ["training/test_steps.py", "training/test_augmentation.py"],
    "prediction/pipeline.py": ["prediction/test_prediction.py"],
    "prediction/predictor.py": ["prediction/test_prediction.py"],
    "pages/index_page.py": ["evaluation/test_comparison.py"],
}  # fmt: skip
GIT = shutil.which("git") or "git"
LEFT_OUT = "core/ReplaceBinaryOperator_BitOr_"
SECONDS = 240.0  # of one test run; longer is a kill
PYTEST = [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider", "-m", "not slow"]


def copy_project(folder: str) -> Path:
    """Clone the committed project."""
    project = Path(folder, "project")
    subprocess.run([GIT, "clone", "--quiet", measuring.ROOT, project], check=True)
    return project


def files_for(module: str) -> list[str]:
    """The test files of a module."""
    return [f"tests/{name}" for name in TESTS[module]]


def try_patch(patch: Path) -> str:
    """Apply a committed mutation in a copy of the project; returns what became of it."""

    def run(*command: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(folder)
        if run(GIT, "apply", "-C0", patch).returncode:  # -C0: lines beside it may have changed
            return "does not apply"
        printed = run(*PYTEST, *files_for(module_of(patch))).stdout
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", printed, re.MULTILINE)
        if not failed:
            return "survived"
        run(GIT, "checkout", ".")
        passes = run(*PYTEST, failed[1]).returncode == 0
        return f"{'killed by' if passes else 'survived; also without it fails'} {failed[1]}"


def module_of(patch: Path) -> str:
    """The module that a committed mutation changes."""
    return re.findall(rf"(?m)^\+\+\+ b/{PACKAGE}/(.*)", patch.read_text())[0]


def try_module(module: str, mutants: int, seed: int) -> tuple[int, list[str]]:
    """Try a sample of the mutants of a module; returns their number, and survivors as diffs."""
    with tempfile.TemporaryDirectory() as folder:
        project, command = copy_project(folder), [*PYTEST, *files_for(module)]
        subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)
        config, session = project / "mutation.toml", project / "mutation.sqlite"
        config.write_text(
            f'[cosmic-ray]\nmodule-path = "{PACKAGE / module}"\ntimeout = {SECONDS}\n'
            f'excluded-modules = []\ntest-command = "{shlex.join(command)}"\n'
            '[cosmic-ray.distributor]\nname = "local"\n'
        )
        cosmic_ray = [sys.executable, "-m", "cosmic_ray.cli"]
        subprocess.run([*cosmic_ray, "init", config, session], cwd=project, check=True)
        with use_db(session) as database:
            chosen = sample(list(database.work_items), mutants, f"{module} {seed}")
            for item in database.work_items:
                if item.job_id not in chosen:
                    database.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))
        subprocess.run([*cosmic_ray, "exec", config, session], cwd=project, check=True)
        with use_db(session) as database:
            results = [result for job, result in database.results if job in chosen]
    survivors = [one.diff for one in results if one.test_outcome.value == "survived"]
    return len(results), survivors


def sample(items: list["WorkItem"], count: int, seed: str) -> set[str]:
    """The ids of some mutants, at most one at each place."""
    order = random.Random(seed)  # noqa: S311 (a sample, no secret)
    order.shuffle(items)
    places = {
        item.mutations[0].start_pos: item.job_id
        for item in items
        if not item.mutations[0].operator_name.startswith(LEFT_OUT)
    }
    return set(list(places.values())[:count])


def main() -> None:
    """Try the mutations of all modules and print what became of them."""
    parser = measuring.parser(__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="default: all")
    parser.add_argument("--mutants", type=int, help="number of random mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time (default: 2)")
    options = parser.parse_args()
    if options.mutants and use_db is None:
        parser.error("cosmic-ray is not installed; install it with: pip install cosmic-ray")
    os.environ.pop("REFERENCE_DATA", None)
    killed = tried = 0
    with ThreadPoolExecutor(options.jobs) as workers:
        if options.mutants:
            try_sample = functools.partial(try_module, mutants=options.mutants, seed=options.seed)
            found = zip(options.modules, workers.map(try_sample, options.modules), strict=True)
            for module, (count, survivors) in found:
                print(f"{module}: {count - len(survivors)} of {count} killed", *survivors, sep="\n")
                killed, tried = killed + count - len(survivors), tried + count
        else:
            patches = [patch for patch in PATCHES if module_of(patch) in options.modules]
            for patch, outcome in zip(patches, workers.map(try_patch, patches), strict=True):
                print(f"{patch.stem}: {outcome}", flush=True)
                killed, tried = killed + outcome.startswith("killed"), tried + 1
    print(f"{killed} of {tried} killed")
    sys.exit(killed < tried and not options.mutants)


if __name__ == "__main__":
    main()
