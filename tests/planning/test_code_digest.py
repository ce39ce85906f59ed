"""A rule's code is its script, what that imports, and the files that these name."""

import os
import platform
import shutil
import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from helpers.project import SCRIPTS
from renet.planning import code_digest


@pytest.fixture
def scripts(tmp_path):
    """A script that uses one module of two, and a template by way of another."""
    package = tmp_path / "package"
    for folder in ("templates/parts", "beneath"):
        (package / folder).mkdir(parents=True)
    files = {
        "script.py": "from package import used\n\ndef later():\n    import package.lazy\n",
        "other.py": "import package.unused\n",
        "package/__init__.py": "",
        "package/used.py": "from package.pages import render\n",
        "package/beneath/__init__.py": "",
        "package/beneath/first.py": "import package.beneath.second\nfrom package.lazy import x\n",
        "package/beneath/second.py": "",
        "package/pages.py": "'other.j2'\nPAGE = 'page.html.j2'\n",
        "package/lazy.py": "def x():\n    from package.beneath import first\n",
        "package/unused.py": "",
        "package/templates/page.html.j2": """{% include 'parts/row.j2' %}""",
        "package/templates/parts/row.j2": '<p title="a row"x"{{ file("beside.css") }}',
        "package/templates/other.j2": '{% extends "page.html.j2" %}',
        "package/beside.css": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("edited", "reruns"),
    [
        ("script.py", True), ("package/used.py", True), ("package/pages.py", True),
        ("package/lazy.py", True), ("package/__init__.py", True), ("package/beside.css", True),
        ("package/beneath/__init__.py", True), ("package/beneath/second.py", True),
        ("package/templates/page.html.j2", True), ("package/templates/parts/row.j2", True),
        ("package/unused.py", False), ("other.py", False), ("package/templates/other.j2", False),
    ],
)  # fmt: skip
def test_digest_changes_with_what_the_script_uses_and_nothing_else(scripts, edited, reruns):
    before = code_digest.digest(scripts / "script.py")
    (scripts / edited).write_text((scripts / edited).read_text() + "edited = 1\n")
    assert (code_digest.digest(scripts / "script.py") != before) == reruns


def test_digest_goes_by_contents_not_by_place_or_time(scripts, tmp_path_factory):
    before = code_digest.digest(scripts / "script.py")
    for path in scripts.rglob("*"):
        path.touch()
    assert code_digest.digest(scripts / "script.py") == before
    moved = scripts.rename(tmp_path_factory.mktemp("elsewhere") / "scripts")
    assert code_digest.digest(moved / "script.py") == before


@pytest.mark.fault("unchanged-meaning")
@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ("'A docstring.'\nx = 1\n", "# A comment.\n\nx = 1\n", True),
        ("class X:\n    'A docstring.'\n", "class X:\n    'Another one.'\n", True),
        ("class X:\n    y = 1\n    'One of it.'\n", "class X:\n    y = 1\n    'Else'\n", True),
        ("async def f():\n    'A docstring.'\n    x\n", "async def f():\n    x\n", True),
        ("def f():\n    return 1\n", "def f():\n    'A docstring.'\n    return 1\n", True),
        ("x = f( 'a', # why\n  0x10)\n", 'x = f("a", 16)\n', True),
        ("x = 1\n", "x = 1.0\n", False),
        ("x = 'a'\n", "x = 'b'\n", False),
        ("x = 'a'\n", "'a'\nx = 'a'\n", True),
        ("def f(x: int): ...\n", "def f(x: float): ...\n", False),
    ],
)
def test_digest_goes_by_what_the_code_means(tmp_path, before, after, is_same):
    found = []
    for source in (before, after):
        (tmp_path / "script.py").write_text(source)
        found.append(code_digest.digest(tmp_path / "script.py"))
    assert (found[0] == found[1]) == is_same


def other_pythons() -> dict[str, str]:
    """The other Pythons from 3.11 to 3.14 of this machine by version, those of pyenv included."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    on_path = filter(None, (shutil.which(f"python3.{minor}") for minor in range(11, 15)))
    versions = {}
    for python in (*on_path, *pyenv.glob("3.1[1-4].*/bin/python")):
        said = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
        if not said.returncode:  # pyenv's link on the PATH may lead to no Python
            versions[said.stdout.split()[1]] = str(python)
    versions.pop(platform.python_version(), None)
    return versions


@pytest.mark.fault("unchanged-meaning")
def test_versions_of_python_agree_on_the_code(tmp_path):
    if not (pythons := other_pythons()):
        pytest.skip("this machine has no other Python from 3.11 to 3.14")
    (tmp_path / "nested.py").write_text("f'{name or \"A file\"} {1:{2}}' u'\U0001f6dc'\n")
    code = (
        f"import hashlib, sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from pathlib import Path; from renet.planning import code_digest\n"
        f"for folder in {[str(SCRIPTS), str(tmp_path)]}:\n"
        "    for path in sorted(Path(folder).rglob('*.py')):\n"
        "        digest = hashlib.sha256(code_digest.parsed(path).code.encode()).hexdigest()\n"
        "        print(path, digest)"
    )
    printed = {
        version: subprocess.check_output([python, "-B", "-c", code], text=True).splitlines()
        for version, python in {"here": sys.executable, **pythons}.items()
    }
    expected = printed.pop("here")
    assert len(expected) > 170 and all(lines == expected for lines in printed.values())


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_imported_modules_are_those_that_the_standard_library_finds(script):
    finder = ModuleFinder([str(SCRIPTS)])
    finder.run_script(str(script))
    expected = {module.__file__ for module in finder.modules.values() if module.__file__}
    assert set(map(str, code_digest.imported_modules(script).values())) == expected


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("templates/index.html.j2", "report"), ("templates/model_card.md.j2", "report"),
        ("captions/saliency.rst", "report"), ("templates/contact_sheet.html.j2", "predict"),
        ("audit/audit.html.j2", "audit"), ("walkthrough/walkthrough.html.j2", "walkthrough"),
        ("walkthrough/layers.html.j2", "demo walkthrough"), ("demo/demo.html.j2", "demo"),
        ("templates/sentences.j2", "report"), ("templates/results.html.j2", "report"),
        ("templates/words.j2", "audit demo face_box predict report walkthrough"),
        ("evaluation/tables.py", "audit compare demo evaluate learning_curve report"),  # limits
        ("config/train.py", "fold train"), ("config/sentences.py", ""), ("config/runs.py", ""),
    ],
)  # fmt: skip
def test_edited_page_limit_key_or_sentence_reruns_no_script_that_does_not_use_it(file, users):
    (path,) = SCRIPTS.rglob(file)
    found = {one.stem for one in SCRIPTS.glob("*.py") if path in code_digest.used_files(one)}
    assert found == set(users.split())
