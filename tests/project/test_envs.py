"""Each script has a conda environment that parses, is complete, and holds the tested versions."""

import itertools
import sys
import tomllib
from pathlib import Path

import yaml
from rattler import MatchSpec

from helpers.project import ROOT, SCRIPTS, imported_packages
from renet.config.model import KINDS
from renet.planning import code_digest

SCRIPT_FILES = sorted({*SCRIPTS.glob("*.py")} - {SCRIPTS / "verify.py"})  # which no rule runs
ENV_FILES = sorted((ROOT / "envs").glob("*.yaml"))

# Names of one package: where it is imported, in conda-forge, and in the package index.
CONDA_NAMES = {
    "cv2": "py-opencv",
    "torch": "pytorch",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
    "markdown_it": "markdown-it-py",
    "tensorboardX": "tensorboardx",
}
PIP_NAMES = {
    "py-opencv": "opencv-python-headless",
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "tensorboardx": "tensorboardX",
}
# conda-forge counts OpenCV's own versions; its builds without a window system are `headless…`,
# those of any other name bring Qt.
CONDA_SPECS = {"py-opencv": "py-opencv>=4.10.0,<6 headless*"}


def written(env_file: Path) -> list[str]:
    """The dependencies as they are written, those that conda-forge lacks (`pip:`) among them."""
    texts = []
    for entry in yaml.safe_load(env_file.read_text())["dependencies"]:
        texts += entry["pip"] if isinstance(entry, dict) else [entry]
    return [text for text in texts if text != "pip"]


def dependencies(env_file: Path) -> list[MatchSpec]:
    return [MatchSpec(text.split(";")[0], strict=True) for text in written(env_file)]


def third_party_imports(script: Path) -> set[str]:
    """What a script imports; one that builds networks can be asked for any kind."""
    found = code_digest.imported_modules(script)
    builds = "renet.network.kinds" in found
    count = 2 if "renet.training.loop" in found else builds
    by_name = [name for kind in KINDS.values() for name in kind.modules()[:count]]
    packages = imported_packages(script, *by_name)
    optional = {"pillow_heif"}
    return packages - set(sys.stdlib_module_names) - {"snakemake"} - optional


def test_environment_holds_what_the_script_and_its_modules_import_and_nothing_else():
    for env_file in ENV_FILES:
        imports = third_party_imports(SCRIPTS / f"{env_file.stem}.py")
        needed = {CONDA_NAMES.get(name, name) for name in imports}
        names = {spec.name.normalized.removesuffix("-base") for spec in dependencies(env_file)}
        assert names - {"python"} == needed, env_file.name


def conda_specs() -> set[str]:
    """The table of all dependencies: requirements.txt and the Python, in conda-forge's names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda_names = {pip_name: name for name, pip_name in PIP_NAMES.items()}
    specs = {f"python{project['requires-python']}"}
    files = (ROOT / "requirements.txt", ROOT / "requirements-export.txt")
    for line in itertools.chain(*(path.read_text().splitlines() for path in files)):
        if not line.startswith("#"):
            pip_name, bound = line.split(">", 1)
            name = conda_names.get(pip_name, pip_name)
            specs.add(CONDA_SPECS.get(name, f"{name}>{bound}"))
    return specs


def test_environment_has_the_ranges_of_requirements_and_packages_of_conda_forge_alone():
    for env_file in ENV_FILES:
        assert set(written(env_file)) <= conda_specs(), env_file.name
        channels = yaml.safe_load(env_file.read_text())["channels"]
        assert channels == ["conda-forge", "nodefaults"], env_file.name


def test_each_script_has_one_environment_and_one_rule():
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert [path.stem for path in SCRIPT_FILES] == [path.stem for path in ENV_FILES]
    for script in SCRIPT_FILES:
        assert rules.count(f'"../scripts/{script.name}"') == 1
        assert rules.count(f'"../../envs/{script.stem}.yaml"') == 1
