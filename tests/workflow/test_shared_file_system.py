"""What the workflow asks of a file system that many share: few files, for any amount of data."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.dry_run import dry_run
from helpers.project import ROOT

pytestmark = pytest.mark.slow
MOST_FILES = 700  # profiles/README.md says so
TEST_SHARE, ROWS, FACES_A_SHEET = 0.1, 523_051, 256
WALKTHROUGH_PICTURES = 15  # of the one run
KEPT_BY_A_RUN = 6  # in its folder training: .lock, training.json, three results, and events


def files_to_be_left(folder: Path, config: dict) -> int:
    """Files of a whole run: outputs, Snakemake's note of each, log of each job.

    An output that is a folder counts as one. The config has one run.
    """
    overlay = folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(config))
    arguments = ("--configfile", overlay, "--directory", folder)
    summary, plan = (dry_run(ROOT, *more, *arguments) for more in (["--summary"], []))
    assert summary.returncode == plan.returncode == 0, summary.stderr + plan.stderr
    outputs = summary.stdout.partition("output_file\t")[2].splitlines()[1:]
    jobs = int(re.search(r"^total +(\d+)", plan.stdout + plan.stderr, re.MULTILINE)[1]) - 1  # all
    return 2 * len(outputs) + jobs + KEPT_BY_A_RUN


def test_imdb_and_wiki_together_leave_a_few_hundred_files(tmp_path):
    files = files_to_be_left(tmp_path, {"sources": ["imdb", "wiki"]})
    sheets = TEST_SHARE * ROWS / FACES_A_SHEET  # even if every row became a face
    assert 400 < files + sheets + WALKTHROUGH_PICTURES < MOST_FILES


def test_a_run_leaves_the_files_that_are_counted_for_it(finished, tmp_path):
    folders = {path.parent for path in finished.rglob("results/**/.snakemake_timestamp")}
    files = [path for path in finished.rglob("results/**/*") if path.is_file()]
    made = {path.parent if path.parent in folders else path for path in files}
    notes = [path for path in (finished / ".snakemake" / "metadata").rglob("*") if path.is_file()]
    counted = files_to_be_left(tmp_path, {})
    receipts, undeclared = 1, 2  # no rule declares split_last.csv and the file in evaluations
    assert len(made) + len(notes) + receipts - undeclared == counted
