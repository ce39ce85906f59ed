"""Each script has a conda environment that parses, is complete, and holds the tested versions."""

import sys
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

import write_envs
import yaml
from rattler import MatchSpec

from helpers.project import ROOT, SCRIPTS, imported_packages
from renet.config.model import KINDS
from renet.planning import code_digest

BY_USERS_ALONE = {SCRIPTS / "demo.py", SCRIPTS / "verify.py"}  # which no rule runs
SCRIPT_FILES = sorted({*SCRIPTS.glob("*.py")} - BY_USERS_ALONE)
ENV_FILES = sorted((ROOT / "envs").glob("*.yaml"))

# By what is imported of them; pydantic brings pydantic_core.
DISTRIBUTIONS = packages_distributions() | {"pydantic_core": ["pydantic"]}


def dependencies(env_file: Path) -> list[MatchSpec]:
    """All of an environment, those that conda-forge lacks (`pip:`) among them."""
    texts = []
    for entry in yaml.safe_load(env_file.read_text())["dependencies"]:
        texts += entry["pip"] if isinstance(entry, dict) else [entry]
    return [MatchSpec(text.split(";")[0], strict=True) for text in texts if text != "pip"]


def third_party_imports(script: Path) -> set[str]:
    """What a script imports; one that builds networks can be asked for any kind."""
    found = code_digest.imported_modules(script)
    builds = "renet.network.kinds" in found
    count = 2 if "renet.training.loop" in found else builds
    by_name = [name for kind in KINDS.values() for name in kind.modules()[:count]]
    packages = imported_packages(script, *by_name)
    return packages - set(sys.stdlib_module_names) - {"snakemake"}


def test_at_most_five_environments_hold_what_their_scripts_import_and_nothing_else():
    imports = defaultdict(set)  # by the text of the file
    for env_file in ENV_FILES:
        imports[env_file.read_text()] |= third_party_imports(SCRIPTS / f"{env_file.stem}.py")
    assert len(imports) <= 5
    for env_file in ENV_FILES:
        found = [DISTRIBUTIONS.get(name, [name])[0] for name in imports[env_file.read_text()]]
        needed = {write_envs.CONDA_NAMES.get(name, name.casefold()) for name in found}
        names = {spec.name.normalized for spec in dependencies(env_file)}
        assert names - {"python"} == needed, env_file.name


def test_environments_are_written_from_the_groups_and_the_ranges_of_the_requirements():
    found = {path.stem: path.read_text() for path in ENV_FILES}
    assert found == write_envs.environments(ROOT)


def test_each_script_has_one_environment_and_one_rule():
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert [path.stem for path in SCRIPT_FILES] == [path.stem for path in ENV_FILES]
    for script in SCRIPT_FILES:
        assert rules.count(f'"../scripts/{script.name}"') == 1
        assert rules.count(f'"../../envs/{script.stem}.yaml"') == 1
