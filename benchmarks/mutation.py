"""How many small faults the tests notice: mutants of the modules that compute the results.

    pip install cosmic-ray
    python benchmarks/mutation.py --mutants 25 --output mutants.csv

cosmic-ray changes one operator, number or condition of a module at a time, and the quick test files
of the module run. A mutant is killed if they fail. For each module, a random sample of the mutants
is tried, at most one for each place in the code. Mutants of `|` are left out: most of them are in
type hints. Survivors are printed as diffs. Some survivors are equivalent to the original code; a
person has to decide which. The tests run in a copy of the committed project, at most two at a time.
"""

import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measuring
import pandas as pd

try:
    from cosmic_ray.work_db import use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult
except ModuleNotFoundError:
    use_db = None

PACKAGE = Path("workflow/scripts/renet")
TESTS = {
    "metadata/row_filter.py": ["metadata/test_mat_file.py", "metadata/test_own_photos.py"],
    "faces/crop.py": ["faces/test_faces.py"],
    "faces/perceptual_hash.py": ["dataset/test_near_duplicates.py"],
    "faces/hash_distance.py": ["dataset/test_near_duplicates.py"],
    "dataset/near_duplicates.py": ["dataset/test_near_duplicates.py"],
    "dataset/splits.py": ["dataset/test_splits.py", "evaluation/test_folds.py"],
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
    "evaluation/metrics.py": ["evaluation/test_metrics.py"],
    "evaluation/confidence_intervals.py": ["evaluation/test_metrics.py"],
    "config/checks.py": ["config/test_config.py", "config/test_config_errors.py"],
    "config/validation.py": ["config/test_config.py", "config/test_config_errors.py"],
    "network/devices.py": ["network/test_precision.py", "training/test_steps.py"],
    "training/train_step.py": ["training/test_steps.py", "training/test_augmentation.py"],
    "pages/lead.py": ["evaluation/test_comparison.py"],
}  # fmt: skip
GIT = shutil.which("git") or "git"
LEFT_OUT = "core/ReplaceBinaryOperator_BitOr_"
SECONDS = 240.0  # of one test run; longer is a kill


def try_module(module: str, mutants: int, seed: int) -> pd.DataFrame:
    """Try a sample of the mutants of a module: `module`, `line`, `operator`, `outcome`, `diff`."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        subprocess.run([GIT, "clone", "--quiet", measuring.ROOT, project], check=True)
        files = " ".join(f"tests/{name}" for name in TESTS[module])
        command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not slow' {files}"
        subprocess.run(shlex.split(command), cwd=project, check=True, stdout=subprocess.DEVNULL)
        config, session = project / "mutation.toml", project / "mutation.sqlite"
        config.write_text(
            f'[cosmic-ray]\nmodule-path = "{PACKAGE / module}"\ntimeout = {SECONDS}\n'
            f'excluded-modules = []\ntest-command = "{command}"\n'
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
            places = {item.job_id: item.mutations[0] for item in database.work_items}
            rows = [
                (module, places[job].start_pos[0], places[job].operator_name,
                 result.test_outcome.value, result.diff)
                for job, result in database.results
                if job in chosen
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=["module", "line", "operator", "outcome", "diff"])


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
    """Try the mutants of all modules and print the table."""
    parser = measuring.parser(__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="default: all")
    parser.add_argument("--mutants", type=int, default=25, help="of each module (default: 25)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time (default: 2)")
    parser.add_argument("--output", type=Path, help="CSV of all mutants that were tried")
    options = parser.parse_args()
    if use_db is None:
        parser.error("cosmic-ray is not installed; install it with: pip install cosmic-ray")
    with ThreadPoolExecutor(options.jobs) as workers:
        tables = []
        for found in workers.map(
            lambda module: try_module(module, options.mutants, options.seed), options.modules
        ):
            tables.append(found)
            survivors = found[found.outcome == "survived"]
            print(f"{found.module[0]}: {len(found) - len(survivors)} of {len(found)} killed")
            for survivor in survivors.itertuples():
                print(f"  line {survivor.line}\n{survivor.diff}", flush=True)
    table = pd.concat(tables)
    if options.output:
        table.to_csv(options.output, index=False)
    print(f"{(table.outcome != 'survived').sum()} of {len(table)} killed")


if __name__ == "__main__":
    main()
