"""What a user with 120 photographs does: a first run, corrections, and further photos."""

import tarfile
from pathlib import Path

import pandas as pd
import pytest

from helpers.workflow import SMALL, copy_project, run, write_config
from renet.dataset.tables import CORRECTED, SPLIT

pytestmark = pytest.mark.slow

FIRST, ADDED = 120, 10


def take_photos(reference_data: Path, folder: Path) -> list[str]:
    """Write photographs to a folder; returns a line of a table for each."""
    archive = reference_data / "data" / "faces" / "wiki_crop.tar"
    labels = pd.read_csv(f"{archive.with_suffix('')}.labels.csv").dropna(subset=["mat_gender"])
    labels = labels[(labels.face_score > 1) & labels.second_face_score.isna()]
    chosen = (
        labels.groupby("mat_gender").head((FIRST + ADDED) // 2 + 5).sample(frac=1, random_state=1)
    )
    lines = []
    with tarfile.open(archive) as tar:
        members = {Path(member.name).name: member for member in tar}
        for number, photo in enumerate(chosen[: FIRST + ADDED].itertuples()):
            name = f"p{number:03}.jpg"
            data = tar.extractfile(members[Path(photo.full_path).name]).read()
            (folder / name).write_bytes(data)
            lines.append(f"{name},{int(photo.mat_gender)}")
    return lines


def write_table(project: Path, lines: list[str]) -> None:
    (project / "photos.csv").write_text("\n".join(["path,gender", *lines]) + "\n")


def configure(project: Path, **changes: object) -> None:
    own = {"url": f"file://{project}/photos", "database": "table", "photos": "crop", "shards": 2,
           "table": str(project / "photos.csv")}  # fmt: skip
    model = {"model": SMALL["model"], "train": {"epochs": 3, "batch_size": 16, "threads": 1}}
    write_config(project, sources=["own"], archives={"own": own}, **(model | changes))


def read_split(project: Path) -> pd.DataFrame:
    return SPLIT.read(project / "results" / "data" / "split.csv").set_index("id")


def outcomes(project: Path) -> dict[str, str]:
    return CORRECTED.read(project / "results/data/corrected.csv").set_index("id").outcome.to_dict()


def correct_and_add(project: Path, lines: list[str]) -> None:
    """Correct two labels, delete an earlier line and a photo's own, add ten photos, run again."""
    before = read_split(project)
    corrected, gone = before.index[0], before.index[1]
    table = "id,gender,photo_digest\n" + "".join(
        f"{face},{1 - before.target[face]},{before.photo_digest[face]}\n"
        for face in (corrected, gone)
    )
    (project / "corrections.csv").write_text(table)
    configure(project, corrections="corrections.csv")
    run(project, "--until", "shuffle")
    assert set(outcomes(project).values()) == {"corrected"}
    removed = {lines[0].split(",")[0], gone.split(":")[1]} - {corrected.split(":")[1]}
    write_table(project, [line for line in lines if line.split(",")[0] not in removed])
    said = run(project, "--until", "shuffle")
    assert outcomes(project) == {corrected: "corrected", gone: "other_photo"}
    assert f"their photo is gone or was replaced: {gone}" in said
    after = read_split(project)
    assert after.target[corrected] == 1 - before.target[corrected]
    stayed = before.index.intersection(after.index)
    moved = stayed[before.subset[stayed] != after.subset[stayed]]
    assert len(after) == FIRST - len(removed) + ADDED and len(moved) <= 6
    assert all(f"{face} ({before.subset[face]} to " in said for face in moved)


def test_own_photos_are_run_corrected_and_added_to(reference_data, tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "photos").mkdir()
    lines = take_photos(reference_data, project / "photos")
    for line in lines[FIRST:]:
        (project / "photos" / line.split(",")[0]).rename(tmp_path / line.split(",")[0])
    write_table(project, lines[:FIRST])
    configure(project)
    said = run(project)
    assert "names no subject" in said and "The test set has 12 faces" in said
    for line in lines[FIRST:]:
        (tmp_path / line.split(",")[0]).rename(project / "photos" / line.split(",")[0])
    correct_and_add(project, lines)
