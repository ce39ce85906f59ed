"""The layout that snakedeploy and Snakemake's workflow catalogue expect."""

import importlib
import json
import re
import shutil
import tomllib

import yaml

from helpers.config import CONFIG
from helpers.dry_run import plan
from helpers.project import ROOT, SCRIPTS
from renet.config.model import KINDS
from renet.config.version import VERSION
from renet.pages import templates
from renet.planning import code_digest

# What snakedeploy writes for a workflow with workflow/Snakefile and config/config.yaml.
DEPLOYED = """
from snakemake.utils import min_version
min_version("6.10.0")
configfile: "config/config.yaml"
module renet:
    snakefile:
        "{snakefile}"
    config:
        config
use rule * from renet
"""


def test_deployed_workflow_plans_all_pages_of_the_sample(tmp_path):
    """`snakedeploy deploy-workflow` copies config, profiles and licence, and writes a module."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copy(ROOT / "LICENSE", tmp_path)
    (tmp_path / "workflow").mkdir()
    snakefile = DEPLOYED.format(snakefile=ROOT / "workflow" / "Snakefile")
    (tmp_path / "workflow" / "Snakefile").write_text(snakefile)
    planned = plan(tmp_path)
    assert "rule make_sample" in planned and "rule report" in planned
    assert "rule everything:" in planned and "results/runs/renet/report.html" in planned


def test_config_for_the_catalogue_is_a_part_of_the_defaults():
    given = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for key, value in given.items():
        is_part = isinstance(value, dict) and value.items() <= CONFIG[key].items()
        assert is_part or value == CONFIG[key]


def test_profile_for_a_module_is_a_part_of_the_default_one():
    text = (ROOT / "docs" / "config.md").read_text()
    given = yaml.safe_load(text[text.index("    rerun-triggers:") :])
    default = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text())
    assert len(given) == 4 and given.items() <= default.items()
    assert default["resources"] == ["downloads=2"]  # see test_params.py


def test_no_link_of_the_documents_dangles():
    folders = ("", "docs", "config", "profiles", "benchmarks")
    pages = [page for folder in folders for page in sorted((ROOT / folder).glob("*.md"))]
    assert ROOT / "README.md" in pages and ROOT / "docs" / "install.md" in pages
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            made_by_a_run = link.startswith("../results/")
            if not re.match(r"\w+:", link) and not made_by_a_run:
                assert (page.parent / link).exists(), (page.name, link)


def test_version_and_its_date_are_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) – (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in settings["project"]["dynamic"]
    module, name = settings["tool"]["setuptools"]["dynamic"]["version"]["attr"].rsplit(".", 1)
    package = getattr(importlib.import_module(module), name)
    assert citation["version"] == newest[1] == package == VERSION
    assert str(citation["date-released"]) == newest[2]
    page = templates.render("base.html.j2", title="", data={"origin": "", "sources": []})
    assert f"renet-gender-workflow {VERSION}" in page[page.index("<footer>") :]


def test_changes_name_the_kinds_of_network_that_train_again_since_the_last_version():
    digests = {
        kind: code_digest.digest(SCRIPTS / "train.py", *section.modules())
        for kind, section in KINDS.items()
    }
    last = json.loads((ROOT / "tests/project/training_digests.json").read_text())
    newest = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]
    if not newest.startswith("Unreleased"):  # then the file has the digests of this version
        assert last == {"version": VERSION, **digests}
    stated = re.search(r"Runs of these kinds of network train again:([\w\s,]+)\.", newest)
    changed = [kind for kind, digest in digests.items() if last.get(kind) != digest]
    assert (re.findall(r"\w+", stated[1]) if stated else []) == changed


def test_each_row_of_the_faults_has_a_test_and_each_marker_names_a_row():
    rows = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "faults.md").read_text(), re.MULTILINE)
    code = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    marked = re.findall(r'^@pytest\.mark\.fault\("?(.*?)"?\)$', code, re.MULTILINE)
    assert len(rows) == len(set(rows)) > 35
    assert set(marked) == set(rows)
