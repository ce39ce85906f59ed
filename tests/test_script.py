"""A script's function gets its arguments from Snakemake's job or from a command line."""

import dataclasses
import types
from pathlib import Path

import pytest

from helpers.project import SCRIPTS, run_script
from renet.common import script


@dataclasses.dataclass(frozen=True)
class Inner:
    size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Section:
    rate: float
    inner: Inner


class Named(dict):
    """Stands for Snakemake's named lists."""


def job(**parts: dict) -> types.SimpleNamespace:
    kinds = ("input", "output", "params", "resources", "wildcards")
    return types.SimpleNamespace(**{kind: Named(parts.get(kind, {})) for kind in kinds})


def count(
    faces: list[Path],
    *,
    table: Path | None,
    output: Path,
    shard: int,
    section: Section,
    gpu: int = 1,
    code: script.Code = "",
) -> None:
    """Takes one argument of each kind."""


def test_arguments_come_from_the_parts_of_a_job_and_get_their_types():
    given = job(
        input={"faces": ["a.npy"], "table": []},
        output={"output": "out.csv"},
        params={"section": {"rate": 0.1, "inner": {"size": [3, 4]}}, "code": "0123"},
        resources={"gpu": 0, "mem_mb": 100, "tmpdir": "/tmp"},
        wildcards={"shard": "2", "shards": "8"},
    )
    assert script.job_arguments(given, count) == {
        "faces": [Path("a.npy")],
        "table": None,
        "output": Path("out.csv"),
        "shard": 2,
        "section": Section(0.1, Inner((3, 4))),
        "gpu": 0,
        "code": "0123",
    }


def test_single_file_is_a_list_of_one_where_a_list_is_asked_for():
    assert script.as_type("a.npy", list[Path]) == [Path("a.npy")]


@pytest.mark.parametrize("part", ["input", "output", "params"])
def test_value_of_the_rule_that_the_function_does_not_take_is_an_error(part):
    with pytest.raises(TypeError, match="count does not take photos"):
        script.job_arguments(job(**{part: {"photos": "photos.csv"}}), count)


def test_digest_of_the_code_need_not_be_taken():
    def plain(faces: Path) -> None:
        """Takes no digest."""

    given = job(input={"faces": "a.npy"}, params={"code": "0123"})
    assert script.job_arguments(given, plain) == {"faces": Path("a.npy")}


def test_command_line_takes_lists_optional_files_and_fields_of_sections():
    options = [
        "a.npy", "b.npy", "--output", "o.csv", "--table", "t.csv", "--shard", "3",
        "--section.rate", "0.5", "--section.inner.size", "3", "4",
    ]  # fmt: skip
    _, bound, _ = script.command_line(count).parse_args(options, print_error=False)
    assert bound.arguments == {
        "faces": [Path("a.npy"), Path("b.npy")],
        "table": Path("t.csv"),
        "output": Path("o.csv"),
        "shard": 3,
        "section": Section(0.5, Inner((3, 4))),
    }


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_help_describes_every_option(path):
    outcome = run_script(path.name, "--help")
    assert outcome.returncode == 0, outcome.stderr
    assert "usage" in outcome.stdout.lower() and "--code" not in outcome.stdout


def test_unknown_option_is_an_error_that_names_it():
    outcome = run_script("index_archive.py", "a.json", "-o", "members.csv", "--member", "x")
    assert outcome.returncode == 2 and "--member" in outcome.stderr
