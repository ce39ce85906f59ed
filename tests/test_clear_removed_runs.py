"""The logs of a removed run are deleted, and those of the others stay."""

from pathlib import Path

import pytest
from clear_removed_runs import clear_removed_runs

from renet.common import locks
from renet.common.errors import InputError

RECORDS = ["logs/train/{run}.log", "logs/export/{run}.{format}.log", "logs/audit/{run}/{fold}.log"]


def touch(results: Path, *names: str) -> None:
    for name in names:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).touch()


def left(results: Path) -> list[str]:
    found = (path for path in results.rglob("*") if path.is_file())
    return sorted(path.relative_to(results).as_posix() for path in found)


def test_run_whose_name_begins_another_ones_leaves_the_others_logs(tmp_path):
    others = ["logs/export/wide.2.onnx.log", "logs/train/wide.2.log", "runs/wide.2/model.pt"]
    own = ["logs/export/wide.onnx.log", "logs/export/wide.int8.onnx.log", "logs/train/wide.log"]
    touch(tmp_path, *others, *own, "logs/audit/wide/1.log", "runs/wide/model.pt")
    clear_removed_runs(["wide"], results=tmp_path, kept=["renet", "wide.2"], records=RECORDS)
    assert left(tmp_path) == others
    assert not (tmp_path / "logs/audit/wide").exists()


def test_runs_that_are_removed_together_leave_nothing(tmp_path):
    touch(tmp_path, "logs/export/wide.2.onnx.log", "logs/export/wide.onnx.log")
    touch(tmp_path, "runs/wide/model.pt", "runs/wide.2/model.pt", "runs/renet/model.pt")
    clear_removed_runs(["wide", "wide.2"], results=tmp_path, kept=["renet"], records=RECORDS)
    assert left(tmp_path) == ["runs/renet/model.pt"]


def test_nothing_is_deleted_while_a_process_works_in_a_removed_run(tmp_path):
    touch(tmp_path, "runs/first/model.pt", "runs/used/checkpoint-0.pt")
    with locks.alone_in(tmp_path / "runs/used"), pytest.raises(InputError, match="is in use by"):
        clear_removed_runs(["first", "used"], results=tmp_path)
    assert {"runs/first/model.pt", "runs/used/checkpoint-0.pt"} <= set(left(tmp_path))


def test_of_a_linked_folder_the_link_is_deleted(tmp_path):
    touch(tmp_path, "elsewhere/model.pt", "runs/other/model.pt")
    (tmp_path / "runs/linked").symlink_to(tmp_path / "elsewhere")
    clear_removed_runs(["linked", "other"], results=tmp_path)
    assert left(tmp_path) == ["elsewhere/model.pt"] and not list((tmp_path / "runs").iterdir())
