"""Two starts of Snakemake at once, of two projects that share archives."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from helpers.archives import jpeg
from helpers.workflow import copy_project, run, write_config
from renet.archives import receipts, tar_index

MEMBERS = "results/data/own/members.csv"
# Snakemake deletes a receipt before its job, also one that another start has just written.
REASONS = (
    "is not there: it was deleted, or another Snakemake",
    "Missing files after 5 seconds",
    "is being written by another process",
)
PHOTOS, PADDING = 5, 4_000_000  # bytes after each JPEG, so that both starts take a while


def write_photos(folder: Path, kind: str) -> Path:
    """Photos as a folder, a tar or a gzipped tar."""
    photos = folder / "photos"
    photos.mkdir()
    for number in range(PHOTOS):
        (photos / f"{number}.jpg").write_bytes(jpeg(seed=number) + os.urandom(PADDING))
    if kind == "folder":
        return photos
    path = folder / f"photos.{kind}"
    with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
        archive.add(photos, "")
    return path


@pytest.mark.fault("second-start")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "folder"])
def test_two_projects_get_one_archive_at_once_and_agree(tmp_path, kind):
    url = write_photos(tmp_path, kind).as_uri()
    own = {"url": url, "database": "table", "table": "photos.csv", "photos": "crop", "shards": 1}
    projects = [tmp_path / name for name in ("first", "second")]
    for project in projects:
        copy_project(project)
        (project / "photos.csv").write_text("path,gender\n0.jpg,male\n")
        shared = {"resources": str(tmp_path / "shared")}
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
    (receipt,) = (tmp_path / "shared" / "own").glob("photos*.json")
    archive = receipts.read(receipt).path
    assert len(list(tar_index.tar_members(archive))) == PHOTOS
    left = [path.name for path in (tmp_path / "shared").rglob("*")]
    assert not [name for name in left if name.endswith((".tmp", ".part"))]
