"""A digest of all the code that a script runs, so that Snakemake reruns exactly its users.

Snakemake's own code trigger goes by the script's time stamp: it misses the modules that a script
imports, and a git checkout sets it off. A digest among a rule's params does neither.
"""

import ast
import hashlib
from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path

DIGEST_CHARACTERS = 16


def digest(script: Path, *chosen: str) -> str:
    """SHA-256 over a script, the local modules it imports, and the files that these name.

    Args:
        chosen: further modules, such as package.module, that the script imports by their names.
    """
    summary = hashlib.sha256()
    for path in sorted(dependencies(script, *chosen)):
        summary.update(path.relative_to(script.resolve().parent).as_posix().encode() + b"\0")
        summary.update(path.read_bytes() + b"\0")
    return summary.hexdigest()[:DIGEST_CHARACTERS]


def dependencies(script: Path, *chosen: str) -> set[Path]:
    """The script itself and all local files that its run depends on.

    Modules are found by their imports, at any level of the code. A file or folder beside a module
    counts where a string in the module is its name (templates, styles): so modules find them.
    """
    local = imports(script, *chosen).modules.values()
    paths = (getattr(module, "__file__", None) for module in local)
    modules = {Path(path) for path in paths if path}
    return modules.union(*map(named_files, modules))


def imports(script: Path, *chosen: str) -> ModuleFinder:
    """All that a script and the chosen modules import: local files as `modules` of the result,
    packages as its `badmodules`.
    """
    finder = ModuleFinder([str(script.resolve().parent)])
    finder.run_script(str(script.resolve()))
    for module in chosen:
        finder.import_hook(module)
    return finder


def named_files(module: Path) -> Iterator[Path]:
    """The files beside a module that a string in it names; of a folder, all that it holds."""
    beside = {path.name: path for path in module.parent.iterdir()}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = beside.get(node.value)
            if path and path.is_file():
                yield path
            elif path and not (path / "__init__.py").exists():  # packages are found by imports
                yield from (inner for inner in path.rglob("*") if inner.is_file())
