"""What the workflow asks of a file system that many share: few files, for any amount of data."""

import re

import pytest

from helpers.dry_run import plan
from helpers.project import ROOT

MOST_FILES = 700  # profiles/README.md says so
OTHERS = 0.1 * 523_051 / 256 + 21  # sheets of faces, if every row became one; files in folders


@pytest.mark.slow
def test_imdb_and_wiki_together_leave_a_few_hundred_files(tmp_path):
    """Outputs, Snakemake's note of each and logs; an output that is a folder counts as one file."""
    said = plan(ROOT, "--config", "sources=[imdb, wiki]", "--directory", tmp_path)
    outputs = [*re.findall(r"^    output: (.+)", said, re.MULTILINE)]
    jobs = int(re.search(r"^total +(\d+)", said, re.MULTILINE)[1]) - 1  # all
    files = 2 * sum(len(one.split(", ")) for one in outputs) + jobs
    assert 400 < files + OTHERS < MOST_FILES
