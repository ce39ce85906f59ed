"""What the workflow asks of a file system that many share: few files, for any amount of data."""

import re

import pytest

from helpers.dry_run import dry_run
from helpers.project import ROOT

pytestmark = pytest.mark.slow
MOST_FILES = 700  # profiles/README.md says so
TEST_SHARE, ROWS, FACES_A_SHEET = 0.1, 523_051, 256
WALKTHROUGH_PICTURES = 15  # of the one run
KEPT_BY_A_RUN = 6  # in its folder training: .lock, training.json, three results, and events


def test_imdb_and_wiki_together_leave_a_few_hundred_files(tmp_path):
    """Outputs, Snakemake's note of each and logs; an output that is a folder counts as one file."""
    arguments = ("--config", "sources=[imdb, wiki]", "--directory", tmp_path)
    summary, plan = (dry_run(ROOT, *more, *arguments) for more in (["--summary"], []))
    assert summary.returncode == plan.returncode == 0, summary.stderr + plan.stderr
    outputs = summary.stdout.partition("output_file\t")[2].splitlines()[1:]
    jobs = int(re.search(r"^total +(\d+)", plan.stdout + plan.stderr, re.MULTILINE)[1]) - 1  # all
    files = 2 * len(outputs) + jobs + KEPT_BY_A_RUN
    sheets = TEST_SHARE * ROWS / FACES_A_SHEET  # even if every row became a face
    assert 400 < files + sheets + WALKTHROUGH_PICTURES < MOST_FILES
