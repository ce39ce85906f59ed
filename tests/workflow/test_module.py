"""The workflow as a module of another workflow, which lies in another folder."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.dry_run import dry_run, plan
from helpers.project import ROOT
from helpers.workflow import SMALL, copy_project, snakemake

INSTANCE = f"""
module {{0}}:
    snakefile: "{ROOT}/Snakefile"
    config: {{1}}
    pathvars:
        results="{{0}}",
        resources="{{0}}_resources"
use rule * from {{0}} as {{0}}_*
"""
SAME_CONFIG = f"""
SMALL = {SMALL}
{INSTANCE.format("one", "SMALL")}
{INSTANCE.format("two", "SMALL | {'runs': {'gru': {'model': {'cell': 'gru'}}}}")}
rule both:
    default_target: True
    input: rules.one_all.input, rules.two_all.input
"""
HOSTED = """
module renet:
    snakefile: github("owner/renet", path="workflow/Snakefile", tag="v1")
    config: {"sources": ["sample"]}
use rule * from renet
"""


def jobs_of(folder: Path, snakefile: str) -> str:
    (folder / "Snakefile").write_text(snakefile)
    return plan(folder)


def test_workflow_can_take_some_of_the_rules(tmp_path):
    """It gives a file that the other rules would make, here the HDF5 files."""
    for name in ("train.h5", "validation.h5", "test.h5", "validation.csv", "test.csv"):
        (tmp_path / "results" / "data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / "data" / name).touch()
    planned = jobs_of(
        tmp_path,
        f"module renet:\n    snakefile: '{ROOT}/Snakefile'\n    config: {SMALL}\n"
        "use rule train, infer from renet as part_*\n"
        "rule all:\n    default_target: True\n    input: 'results/runs/renet/inference.csv'\n",
    )
    found = set(re.findall(r"^rule (\w+):", planned, re.MULTILINE))
    assert found == {"part_train", "part_infer", "all"}


def test_instances_share_one_config_and_their_local_rules_stay_local(tmp_path):
    print_local = '\nprint("local:", *sorted(workflow._localrules))'  # a dry run does not tell
    planned = jobs_of(tmp_path, SAME_CONFIG + print_local)
    assert "one/index.html" in planned and "two/index.html" in planned
    models = {*re.findall(r"\w+/runs/\w+/model.pt", planned)}
    assert models == {"one/runs/renet/model.pt", "two/runs/gru/model.pt"}
    local = re.search(r"^local: (.*)", planned, re.MULTILINE)[1].split()
    names = ["download", "make_sample", "manifest", "provenance", "report"]
    assert local == [f"{module}_{name}" for module in ("one", "two") for name in names]


def test_file_that_a_module_names_needs_no_prefix_and_may_be_an_output(tmp_path):
    config = SMALL | {"corrections": "labels.csv", "datasheet": "notes.md"}
    workflow = (
        f"module renet:\n    snakefile: '{ROOT}/Snakefile'\n    config: {config}\n"
        "    prefix: 'inner'\nuse rule * from renet\n"
        "rule mine:\n    output: 'labels.csv', 'notes.md'\n    shell: 'touch {output}'\n"
    )
    planned = jobs_of(tmp_path, workflow)
    assert ", labels.csv" in planned and "inner/labels.csv" not in planned
    assert "inner/results/index.html" in planned
    assert "rule mine" in planned
    (tmp_path / "Snakefile").write_text(workflow.replace(", 'notes.md'", ""))
    missing = dry_run(tmp_path)
    assert missing.returncode == 1 and "notes.md" in missing.stdout + missing.stderr


def test_error_in_the_config_of_a_module_names_the_module(tmp_path):
    (tmp_path / "Snakefile").write_text(
        f"module faces:\n    snakefile: '{ROOT}/Snakefile'\n"
        "    config: {'train': {'epoch': 3}}\nuse rule * from faces\n"
    )
    outcome = dry_run(tmp_path)
    assert outcome.returncode != 0
    said = outcome.stdout + outcome.stderr
    assert "The config of the module faces: `train` has no key 'epoch'" in said
    assert "Traceback" not in said


@pytest.fixture
def hosted(tmp_path, monkeypatch) -> Path:
    """A folder in which github("owner/renet") needs no network: Snakemake's cache has the clone."""
    original = tmp_path / "original"
    copy_project(original)
    git = ["git", "-C", original, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    cache = tmp_path / "cache"
    clone = cache / "snakemake" / "snakemake" / "source-cache" / "snakemake-git-cache"
    clone = clone / "github.com" / "owner" / "renet"
    subprocess.run(["git", "clone", "-q", "--bare", original, clone], check=True)
    shutil.rmtree(original)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    (tmp_path / "deployed").mkdir()
    return tmp_path / "deployed"


@pytest.mark.slow
def test_module_of_a_hosted_repository_runs_from_a_checkout_of_its_revision(hosted):
    (hosted / "Snakefile").write_text(HOSTED)
    outcome = snakemake(hosted, "--cores", 1, "results/data/sample/metadata.csv")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert (hosted / "results" / "data" / "sample" / "metadata.csv").is_file()
