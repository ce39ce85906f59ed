"""Two starts of Snakemake at once, of two projects that share archives."""

import os
import subprocess
import sys

import pytest

from helpers.archives import jpeg
from helpers.workflow import copy_project, run, write_config

MEMBERS = "results/data/own/members.csv"
# Snakemake deletes a receipt before its job, also one that another start has just written.
REASONS = (
    "is not there: it was deleted, or another Snakemake",
    "Missing files after 5 seconds",
    "is being written by another process",
)
PHOTOS, PADDING = 5, 4_000_000  # bytes after each JPEG, so that both starts take a while


@pytest.mark.fault("second-start")
@pytest.mark.slow
def test_two_projects_pack_one_folder_at_once_and_agree(tmp_path):
    photos, projects = tmp_path / "photos", [tmp_path / name for name in ("first", "second")]
    photos.mkdir()
    for number in range(PHOTOS):
        (photos / f"{number}.jpg").write_bytes(jpeg(seed=number) + os.urandom(PADDING))
    own = {"url": photos.as_uri(), "database": "table", "table": "photos.csv", "photos": "crop"}
    shared = {"resources": str(tmp_path / "shared")}
    for project in projects:
        copy_project(project)
        (project / "photos.csv").write_text("path,gender\n0.jpg,male\n")
        write_config(project, sources=["own"], archives={"own": own}, pathvars=shared)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "small.yaml"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen([*command, "--", MEMBERS], cwd=one, **streams) for one in projects]
    for process in started:
        said, _ = process.communicate(timeout=120)
        if process.returncode:
            assert process.returncode == 1
            assert any(reason in said for reason in REASONS) and "Traceback" not in said, said
    for project in projects:
        run(project, "--", MEMBERS)
    tables = {(project / MEMBERS).read_bytes() for project in projects}
    assert len(tables) == 1 and tables.pop().count(b".jpg") == PHOTOS
    left = [path.name for path in (tmp_path / "shared").rglob("*")]
    assert not [name for name in left if name.endswith((".renet-tmp", ".part"))]
