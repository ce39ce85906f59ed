"""`--sdm conda` through a stand-in for conda: the wiring of rules and environments.

The stand-in makes an environment of nothing but a `python` that notes its own use and starts that
of the tests; as conda from 26.7 on, it knows no channel but conda-forge. So this shows which
environment each rule is run in and when it runs again, not that conda can solve the files in envs/;
`test_envs.py` holds these against conda's own grammar.
"""

import os
import sys
from pathlib import Path

import pytest

from helpers.workflow import EVERYTHING_AFTER, copy_project, digests, planned, run, write_config

pytestmark = pytest.mark.slow

CONDA = """#!/bin/bash
# Stand-in for conda: only what Snakemake asks of it.
set -euo pipefail
case "$1 ${{2:-}}" in
    "info --json")
        echo '{{"conda_prefix": "{prefix}", "platform": "linux-64"}}' ;;
    "--version ")
        echo "conda 26.7.0" ;;
    "config --get")
        echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    "clean -y") ;;
    "env create")
        while [ "$1" != --file ]; do shift; done
        others=$(sed '/^dependencies:/,$d; /^#/d; /^channels:/d; /^- conda-forge$/d' "$2")
        [ ! "$others" ] || {{ echo "UnavailableInvalidChannel: $others" >&2; exit 1; }}
        while [ "$1" != --prefix ]; do shift; done
        mkdir -p "$2/bin"
        echo '#!/bin/bash' > "$2/bin/python"
        echo "echo \\"$2 \\$*\\" >> {notes}" >> "$2/bin/python"
        echo 'exec {python} "$@"' >> "$2/bin/python"
        chmod +x "$2/bin/python" ;;
    *)
        echo "The stand-in for conda knows no: $*" >&2
        exit 1 ;;
esac
"""


@pytest.fixture
def conda(tmp_path, monkeypatch) -> Path:
    """The stand-in on the PATH; returns the file in which environments note what they run."""
    prefix, notes = tmp_path / "conda", tmp_path / "notes"
    (prefix / "bin").mkdir(parents=True)
    script = prefix / "bin" / "conda"
    script.write_text(CONDA.format(prefix=prefix, notes=notes, python=sys.executable))
    script.chmod(0o755)
    (prefix / "bin" / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    monkeypatch.setenv("PATH", f"{prefix}/bin{os.pathsep}{os.environ['PATH']}")
    return notes


def environments(project: Path) -> dict[str, str]:
    """The text of the file of which each environment was made, by its folder."""
    made = (project / ".snakemake" / "conda").glob("*.yaml")
    return {str(path.with_suffix("")): path.read_text() for path in made}


def test_rules_run_in_the_environments_of_their_scripts_and_give_the_same_bytes_on_8_cores(
    conda, finished, tmp_path
):
    project = write_config(copy_project(tmp_path / "project"))
    run(project, "--sdm", "conda", "--cores", 8)
    assert digests(project) == digests(finished)
    made = environments(project)
    assert len(made) == 4
    ran = set()
    for line in conda.read_text().splitlines():
        environment, *arguments = line.split()
        scripts = [word for word in arguments if "/scripts/" in word and word.endswith(".py")]
        for script in scripts:
            name = Path(script).name.split(".", 1)[1].removesuffix(".py")  # tmpab12.train.py
            assert made[environment] == (project / "envs" / f"{name}.yaml").read_text()
            ran.add(name)
    assert (
        ran >= {"make_sample", "index_archive", "parse_metadata"} | EVERYTHING_AFTER["crop_faces"]
    )
    assert planned(project, "--sdm", "conda") == set()
    assert planned(project) == ran
    env_file = project / "envs" / "train.yaml"
    env_file.write_text(env_file.read_text().replace("tqdm>=4.66", "tqdm>=4.67"))
    assert planned(project, "--sdm", "conda") == EVERYTHING_AFTER["train"]


@pytest.mark.fault("missing-package")
def test_package_of_a_rules_own_environment_may_be_missing_in_that_of_snakemake(
    conda, tmp_path, monkeypatch
):
    project = write_config(copy_project(tmp_path / "project"), export=["onnx"])
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['onnxscript'] = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "export" in planned(project, "--sdm", "conda")
