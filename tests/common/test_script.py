"""A script's function gets its arguments from Snakemake's job or from a command line."""

import dataclasses
import json
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.project import ROOT, SCRIPTS, imported_packages, run_python, run_script
from renet.common import command_line, script
from renet.common.errors import InputError
from renet.config.version import VERSION


@dataclasses.dataclass(frozen=True)
class Inner:
    size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Section:
    rate: float
    inner: Inner


def job(**parts: dict) -> types.SimpleNamespace:
    kinds = ("input", "output", "params", "resources", "wildcards")
    given = {kind: parts.get(kind, {}) for kind in kinds}
    return types.SimpleNamespace(threads=2, rule="crop_faces", **given)


def count(
    faces: list[Path], *, table: Path | None, output: Path, shard: int, section: Section,
    gpu: int = 1, threads: int = 1,
) -> None:  # fmt: skip
    """Takes one argument of each kind."""


def test_arguments_come_from_the_parts_of_a_job_and_get_their_types():
    """A param that only runs the rule again need not be taken; a single file is a list of one."""
    given = job(
        input={"faces": "a.npy", "table": []},
        output={"output": "out.csv"},
        params={"section": {"rate": 0.1, "inner": {"size": [3, 4]}}, "file_order": ["a.tar"]},
        resources={"gpu": 0, "mem_mb": 100, "tmpdir": "tmp"},
        wildcards={"shard": "2", "shards": "8"},
    )
    assert script.job_arguments(given, count) == {
        "faces": [Path("a.npy")], "table": None, "output": Path("out.csv"), "shard": 2,
        "section": Section(0.1, Inner((3, 4))), "gpu": 0, "threads": 2,
    }  # fmt: skip


@pytest.mark.parametrize("part", ["input", "output", "params"])
def test_value_of_the_rule_that_the_function_does_not_take_is_an_error(part):
    with pytest.raises(TypeError, match="count does not take photos"):
        script.job_arguments(job(**{part: {"photos": "photos.csv"}}), count)


def test_command_line_takes_lists_optional_files_and_fields_of_sections():
    options = [
        "a.npy", "b.npy", "--output", "o.csv", "--table", "t.csv", "--shard", "3",
        "--section.rate", "0.5", "--section.inner.size", "3", "4",
    ]  # fmt: skip
    _, bound, _ = command_line.options(count).parse_args(options, print_error=False)
    assert bound.arguments == {
        "faces": [Path("a.npy"), Path("b.npy")], "table": Path("t.csv"), "output": Path("o.csv"),
        "shard": 3, "section": Section(0.5, Inner((3, 4))),
    }  # fmt: skip


def test_version_is_that_of_the_project(capsys):
    command_line.options(count)(["--version"])
    assert capsys.readouterr().out == f"{VERSION}\n"


HELP_OF_ALL = """
import contextlib, io, json, runpy, sys
printed = {}
for path in sys.argv[1:]:
    sys.argv = [path, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        runpy.run_path(path, run_name="__main__")
    printed[path] = out.getvalue()
print(json.dumps(printed))
"""
OPTION = re.compile(r"^(?:│ \*?)? *((?:[A-Z_]+ )?-.*?)(?:  +(\S.*?))? *│?$", re.MULTILINE)
BY_HAND = ("train", "predict", "demo", "export", "verify")


def test_help_of_each_script_for_users_describes_each_option_in_its_own_words():
    """In one process, since each script's start takes seconds."""
    paths = [SCRIPTS / f"{name}.py" for name in BY_HAND]
    outcome = run_python("-c", HELP_OF_ALL, *paths, COLUMNS="999")
    assert outcome.returncode == 0, outcome.stderr
    printed = json.loads(outcome.stdout)
    for path, text in printed.items():
        assert "usage" in text.lower() and "--gpu" not in text, path
        lines = re.sub(r"\n {24}(?=\S)", "  ", text)  # argparse writes below a long option
        options = dict(OPTION.findall(lines))
        assert len(options) > 1, text
        for option, description in options.items():
            assert description and not re.match(r"\[|\(default", description), (path, option)
        assert len(set(options.values())) == len(options), path


def test_documents_show_commands_of_these_scripts_alone():
    text = "".join(path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    assert set(re.findall(r"workflow/scripts/(\w+)\.py", text)) <= set(BY_HAND)


def test_output_that_is_missing_is_asked_for_by_its_short_name(monkeypatch, capsys):
    def write(photos: list[str], *, predictions: command_line.Output) -> None: ...

    monkeypatch.setattr(command_line.logs, "start", lambda: None)
    for given, names_it in (["a.jpg"], True), (["a.jpg", "-o"], True), ([], False):
        monkeypatch.setattr(sys, "argv", ["write.py", *given])
        with pytest.raises(SystemExit, match="2"):
            command_line.run(write)
        assert ("-o FILE" in capsys.readouterr().err) is names_it


def test_any_other_script_says_that_only_snakemake_runs_it():
    with pytest.raises(SystemExit, match="--forcerun count"):
        script.run(count)


def test_unknown_option_is_an_error_that_names_it():
    outcome = run_script("verify.py", "results", "--member", "x")
    assert outcome.returncode == 2 and "--member" in outcome.stderr


@pytest.mark.parametrize(
    ("given", "error"), [("no.csv", InputError), ("folder", FileNotFoundError)]
)
def test_file_of_a_command_line_that_does_not_exist_is_named_in_one_sentence(
    monkeypatch, tmp_path, given, error
):
    """Of other files that are missing, the traceback says where they were needed."""

    def read(path: Path) -> None:
        (path if path.suffix else path / "no.csv").read_bytes()

    monkeypatch.setattr(sys, "argv", ["read.py", str(tmp_path / given)])
    monkeypatch.setattr(command_line.logs, "start", lambda: None)
    with pytest.raises(error, match=r"no\.csv"):
        command_line.run(read)


PRINT_SETTINGS = """
import os, sys
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("THP_MEM_ALLOC_ENABLE"))
sys.exit()
"""


@pytest.fixture
def set_for_torch(tmp_path, monkeypatch) -> Callable[..., str]:
    """A function that gives spin count and huge pages at the import of torch in a script."""
    (tmp_path / "torch.py").write_text(PRINT_SETTINGS)
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"):
        monkeypatch.delenv(name, raising=False)

    def run(name: str, **environment: str) -> str:
        path = SCRIPTS / f"{name}.py"
        return run_python(path, PYTHONPATH=str(tmp_path), **environment).stdout.strip()

    return run


@pytest.mark.slow
def test_threads_spin_briefly_and_pages_are_huge_in_every_script_that_computes(set_for_torch):
    paths = SCRIPTS.glob("*.py")
    computing = {path.stem for path in paths if "torch" in imported_packages(path)}
    assert computing >= {"train", "infer", "predict"}
    assert {set_for_torch(name) for name in computing} == {"6000 1"}


def test_waiting_of_threads_and_pages_are_left_to_the_user_who_sets_them(set_for_torch):
    assert set_for_torch("infer", GOMP_SPINCOUNT="5") == "5 1"
    assert set_for_torch("infer", OMP_WAIT_POLICY="active", THP_MEM_ALLOC_ENABLE="0") == "None 0"


CHILD_LOGS = """
import logging, sys
from renet.common import logs

logs.start(sys.argv[1])
logging.info("The parent begins.")
with open(sys.argv[1], "a") as child:
    child.write("The child works.\\n")
logging.info("The parent ends.")
"""


LINES_OF_ANOTHER_PACKAGE = """
import logging, sys
from renet.common import logs

logs.start(*sys.argv[1:])
logging.getLogger("onnxscript").info("Removed 61 unused nodes")
logging.getLogger("onnxscript").error("A real error")
logging.info("The file is written.")
raise KeyboardInterrupt
"""


def test_lines_of_other_packages_but_for_errors_and_that_a_job_resumes_are_in_the_log_alone(
    tmp_path,
):
    assert not run_python("-c", LINES_OF_ANOTHER_PACKAGE, tmp_path / "job.log").stderr
    log, by_hand = (tmp_path / "job.log").read_text(), run_python("-c", LINES_OF_ANOTHER_PACKAGE)
    assert "Removed 61 unused nodes" in log and "unused nodes" not in by_hand.stderr
    assert "The file is written." in by_hand.stderr and "A real error" in by_hand.stderr
    assert log.endswith("Stopped. The same command resumes.\n")
    assert by_hand.stderr.endswith("Stopped.\n")


def test_job_that_ctrl_c_ends_at_its_imports_leaves_no_traceback():
    begun = "snakemake = None; import renet; "
    assert not run_python("-c", f"{begun}raise KeyboardInterrupt").stderr
    assert "ZeroDivisionError" in run_python("-c", f"{begun}1 / 0").stderr


def test_lines_of_child_processes_stay_in_the_log(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("The job before.")
    assert run_python("-c", CHILD_LOGS, log).returncode == 0
    texts = [line.split(" INFO ")[-1] for line in log.read_text().splitlines()]
    assert texts == ["The parent begins.", "The child works.", "The parent ends."]
