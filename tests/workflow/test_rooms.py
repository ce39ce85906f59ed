"""A feature with a page of its own is a room: the workflow runs without it."""

import re
import shutil

import pytest

from helpers.dry_run import in_fork
from helpers.workflow import planned, write_config


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "page"), [("walkthrough", "walkthrough.html"), ("audit", "audit/index.html")]
)
def test_workflow_without_a_room_plans_the_rest_and_writes_an_index_without_its_link(
    project, room, page
):
    shutil.rmtree(project / "workflow/scripts/renet" / room)
    for place in (f"scripts/{room}.py", f"rules/{room}.smk"):
        (project / "workflow" / place).unlink()
    snakefile = project / "Snakefile"
    line = rf'include: [^\n]*/{room}\.smk"\n'
    snakefile.write_text(re.sub(line, "", snakefile.read_text()))
    write_config(project, audit={"folds": 2 if room == "audit" else 0})
    rules = planned(project)
    assert "report" in rules and not {room, "train", "infer"} & rules
    (project / "results/index.html").unlink()
    words = ["--cores", 1, "--configfile", "small.yaml", "--", "results/index.html"]
    outcome = in_fork(project, *words)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert page not in (project / "results/index.html").read_text()
