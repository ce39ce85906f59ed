"""A digest of all the code that a script runs, so that Snakemake reruns exactly its users.

Snakemake's own code trigger goes by the script's time stamp: it misses the modules that a script
imports, and a git checkout sets it off. A digest among a rule's params does neither.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

DIGEST_CHARACTERS = 16


def digest(script: Path) -> str:
    """SHA-256 over a script, the local modules it imports, and the files that these name."""
    summary = hashlib.sha256()
    for path in sorted(dependencies(script)):
        summary.update(path.relative_to(script.resolve().parent).as_posix().encode() + b"\0")
        summary.update(path.read_bytes() + b"\0")
    return summary.hexdigest()[:DIGEST_CHARACTERS]


def dependencies(script: Path) -> set[Path]:
    """The script itself and all local files that its run depends on.

    Modules are found by their imports, at any level of the code. A file or folder beside a module
    counts where a string in the module is its name (templates, styles): so modules find them.
    """
    found: set[Path] = set()
    waiting = [script.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if path.suffix == ".py":
                tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
                waiting += imported_modules(tree, script.resolve().parent)
                waiting += named_files(tree, path.parent)
    return found


def imported_modules(tree: ast.AST, root: Path) -> Iterator[Path]:
    """The files below `root` that the import statements of a syntax tree stand for."""
    for name in imported_names(tree):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):  # importing a.b.c runs a and a.b too
            path = root.joinpath(*parts[:length])
            candidates = (path.with_suffix(".py"), path / "__init__.py")
            yield from (candidate for candidate in candidates if candidate.is_file())


def imported_names(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a syntax tree imports, at any level of the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named_files(tree: ast.AST, folder: Path) -> Iterator[Path]:
    """The files of `folder` that a string of the tree names; of a folder, all that it holds."""
    beside = {path.name: path for path in folder.iterdir()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = beside.get(node.value)
            if path and path.is_file():
                yield path
            elif path and not (path / "__init__.py").exists():  # packages are found by imports
                yield from (inner for inner in path.rglob("*") if inner.is_file())
