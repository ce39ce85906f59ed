"""A rule's code is its script, what that imports, and the files that these name."""

from modulefinder import ModuleFinder

import pytest

from helpers.project import SCRIPTS
from renet.common import code_digest


@pytest.fixture
def scripts(tmp_path):
    """A script that uses one module of two, and a template by way of another."""
    package = tmp_path / "package"
    for folder in ("templates/parts", "named", "beneath"):
        (package / folder).mkdir(parents=True)
    files = {
        "script.py": "from package import used\n\ndef later():\n    import package.lazy\n",
        "other.py": "import package.unused\n",
        "package/__init__.py": "",
        "package/used.py": "from package.pages import render\nSOURCE = 'named'\n",
        "package/beneath/__init__.py": "",
        "package/beneath/first.py": "from . import second\nfrom ..lazy import x\n",
        "package/beneath/second.py": "",
        "package/pages.py": "from pathlib import Path\nP = Path(__file__).with_name('templates')\n",
        "package/lazy.py": "def x():\n    from .beneath import first\n",
        "package/unused.py": "",
        "package/templates/page.html": "page",
        "package/templates/parts/row.html": "row",
        "package/named/__init__.py": "",
        "package/beside.css": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("edited", "reruns"),
    [
        ("script.py", True), ("package/used.py", True), ("package/pages.py", True),
        ("package/lazy.py", True), ("package/__init__.py", True),
        ("package/beneath/__init__.py", True), ("package/beneath/second.py", True),
        ("package/templates/page.html", True), ("package/templates/parts/row.html", True),
        ("package/unused.py", False), ("other.py", False), ("package/beside.css", False),
        ("package/named/__init__.py", False),
    ],
)  # fmt: skip
def test_digest_changes_with_what_the_script_uses_and_nothing_else(scripts, edited, reruns):
    before = code_digest.digest(scripts / "script.py")
    (scripts / edited).write_text((scripts / edited).read_text() + "\n")
    assert (code_digest.digest(scripts / "script.py") != before) == reruns


def test_digest_goes_by_contents_not_by_place_or_time(scripts, tmp_path_factory):
    before = code_digest.digest(scripts / "script.py")
    for path in scripts.rglob("*"):
        path.touch()
    assert code_digest.digest(scripts / "script.py") == before
    moved = scripts.rename(tmp_path_factory.mktemp("elsewhere") / "scripts")
    assert code_digest.digest(moved / "script.py") == before


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_imported_modules_are_those_that_the_standard_library_finds(script):
    finder = ModuleFinder([str(SCRIPTS)])
    finder.run_script(str(script))
    expected = {module.__file__ for module in finder.modules.values() if module.__file__}
    assert set(map(str, code_digest.imports(script).modules.values())) == expected


def test_report_depends_on_its_templates():
    names = {path.name for path in code_digest.dependencies(SCRIPTS / "report.py")}
    assert {"templates.py", "index.html.j2", "run.html.j2", "base.html.j2", "style.css"} <= names
