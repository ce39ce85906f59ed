"""Each script has a conda environment that parses, is complete, and holds the tested versions."""

import ast
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from rattler import MatchSpec, Version, VersionSpec

from helpers.project import ROOT, SCRIPTS
from renet.common import code_digest

SCRIPT_FILES = sorted(SCRIPTS.glob("*.py"))
ENV_FILES = sorted((ROOT / "envs").glob("*.yaml"))

# Names of one package: where it is imported, in conda-forge, and in the package index.
CONDA_NAMES = {
    "cv2": "py-opencv",
    "torch": "pytorch",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "tensorboardX": "tensorboardx",
}
PIP_NAMES = {
    "py-opencv": "opencv-python-headless",
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "tensorboardx": "tensorboardX",
}


def dependencies(env_file: Path) -> list[MatchSpec]:
    environment = yaml.safe_load(env_file.read_text())
    return [MatchSpec(text, strict=True) for text in environment["dependencies"]]


def third_party_imports(script: Path) -> set[str]:
    names = set()
    for path in code_digest.dependencies(script):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            names |= {name.split(".")[0] for name in code_digest.imported_names(tree)}
    return names - set(sys.stdlib_module_names) - {"renet", "snakemake"}


@pytest.mark.parametrize("script", SCRIPT_FILES, ids=lambda path: path.stem)
def test_environment_holds_all_that_the_script_and_its_modules_import(script):
    packages = {
        spec.name.normalized for spec in dependencies(ROOT / "envs" / f"{script.stem}.yaml")
    }
    needed = {CONDA_NAMES.get(name, name) for name in third_party_imports(script)}
    packages |= {"matplotlib"} if "matplotlib-base" in packages else set()
    assert needed <= packages


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.stem)
def test_environment_holds_nothing_that_no_module_imports(env_file):
    packages = {spec.name.normalized for spec in dependencies(env_file)} - {"python"}
    imports = third_party_imports(SCRIPTS / f"{env_file.stem}.py")
    needed = {CONDA_NAMES.get(name, name) for name in imports}
    assert {name.removesuffix("-base") for name in packages} <= needed


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.stem)
def test_environment_takes_the_versions_that_the_tests_run_with(env_file):
    for spec in dependencies(env_file):
        name = spec.name.normalized
        if name == "python":
            installed = ".".join(map(str, sys.version_info[:3]))
        else:
            installed = metadata.version(PIP_NAMES.get(name, name)).split("+")[0]
        assert VersionSpec(str(spec.version)).matches(Version(installed)), name


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.stem)
def test_environment_and_requirements_name_the_same_range(env_file):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = {line.split(">")[0]: line for line in lines if line and not line.startswith("#")}
    for text in yaml.safe_load(env_file.read_text())["dependencies"]:
        name = text.split(">")[0].strip()
        if name != "python":
            pip_name = PIP_NAMES.get(name, name)
            assert wanted[pip_name] == pip_name + text.removeprefix(name).strip()


def test_each_script_has_one_environment_and_one_rule():
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert [path.stem for path in SCRIPT_FILES] == [path.stem for path in ENV_FILES]
    for script in SCRIPT_FILES:
        assert rules.count(f'"../scripts/{script.name}"') == 1
        assert rules.count(f'"../../envs/{script.stem}.yaml"') == 1


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.stem)
def test_environment_takes_packages_from_conda_forge_alone(env_file):
    assert yaml.safe_load(env_file.read_text())["channels"] == ["conda-forge", "nodefaults"]
