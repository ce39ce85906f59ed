"""Digest of all the code that a script runs: a change reruns exactly the rules that use it.

Snakemake's own code trigger compares the script's time stamp: it misses changes of imported
modules, and a git checkout triggers it. A digest among a rule's params has neither fault. Comments,
docstrings, blank lines and the version of Python do not change the digest.
"""

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE_NAME = re.compile(r"""(?<=["'/])[\w.-]+(?=["'])""")  # in a template


def digest(script: Path, *chosen: str) -> str:
    """Return 16 digits of the SHA-256 of `used_files`; the config selects the modules `chosen`."""
    summary = hashlib.sha256()
    folder = script.resolve().parent
    for path in sorted(used_files(script, *chosen)):
        content = parsed(path).code.encode() if path.suffix == ".py" else path.read_bytes()
        summary.update(path.relative_to(folder).as_posix().encode() + b"\0" + content + b"\0")
    return summary.hexdigest()[:16]


def used_files(script: Path, *chosen: str) -> set[Path]:
    """Return a script, all modules that it imports, and the data files that any of them names."""
    found = set(imported_modules(script, *chosen).values())
    names = set().union(*(parsed(module).strings for module in found))
    files = _data_files(script.resolve().parent)
    # Code names only the folder of captions: all its .rst files count.
    found |= {path for path in files if path.suffix == ".rst" and path.parent.name in names}
    while more := {path for path in files - found if path.name in names}:
        found |= more
        names = {name for path in more for name in FILE_NAME.findall(path.read_text("utf-8"))}
    return found


@cache
def _data_files(folder: Path) -> set[Path]:
    """Return all files below a folder except modules."""
    return {path for path in folder.rglob("*.*") if ".py" not in path.suffix}


def run_scripts(*, folds: bool) -> list[str]:
    """Return the names of the scripts that compute a run, from the archives to its manifest."""
    return [
        "index_archive.py", "parse_metadata.py", "crop_faces.py", "shuffle.py", "write_hdf5.py",
        "external_set.py", "train.py", "infer.py", "evaluate.py", "gallery.py", "explain.py",
        "provenance.py", "predictor.py", "manifest.py",
    ] + ["fold.py"] * folds  # fmt: skip


def imported_modules(script: Path, *chosen: str) -> dict[str, Path]:
    """Return the paths of a script (`__main__`), of `chosen` and of their local imports, by name.

    The standard library's `modulefinder` would compile shared modules again for each script.
    """
    script = script.resolve()
    found = {"__main__": script}
    waiting = with_packages(chosen) | parsed(script).modules
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        place = script.parent.joinpath(*name.split("."))
        files = place / "__init__.py", place.with_name(f"{place.name}.py")
        if path := next(filter(Path.is_file, files), None):
            found[name] = path
            waiting |= parsed(path).modules - seen
    return found


class Parsed(NamedTuple):
    """Parts of a module's source."""

    modules: set[str]  # modules that it may import, and their packages
    strings: set[str]  # string constants, without docstrings
    code: str  # syntax tree, without docstrings


def parsed(module: Path) -> Parsed:
    """Parse a module, whose imports must be absolute."""
    return _parsed(module.read_text(encoding="utf-8"))


@cache
def _parsed(source: str) -> Parsed:
    modules: set[str] = set()
    strings: set[str] = set()
    tree = _WithoutDocstrings().visit(ast.parse(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A name that is imported from a package may be a module.
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.JoinedStr):  # some versions of Python add an empty part
            node.values = [part for part in node.values if getattr(part, "value", None) != ""]
    return Parsed(with_packages(modules), strings, _dump(tree))


def _dump(node: object) -> str:
    """Return a syntax tree as text; ast.dump and ast.unparse depend on the version of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)  # repr would depend on the version of Unicode
    fields = [f"{name}={_dump(value)}" for name, value in ast.iter_fields(node)
              if name != "kind" and value is not None and value != []]  # fmt: skip
    return f"{type(node).__name__}({','.join(fields)})"


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes all statements that are only a string, such as docstrings."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def with_packages(modules: Iterable[str]) -> set[str]:
    """Return the names of modules and of all packages that contain these modules."""
    parts = [name.split(".") for name in modules]
    return {".".join(part[:count]) for part in parts for count in range(1, len(part) + 1)}
