"""Read config files; the message on a syntax error of YAML names the file and the line.

Snakemake reads the overlays before the Snakefile, and its error message names no line. `make`
therefore checks the files first:  python -m renet.config.yaml_files FILE …
"""

import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import yaml

from renet.common.errors import InputError

MOST_VALUES = 100_000


def read(file: Path) -> dict:
    """Return the content of a config file; an InputError names the line and column of an error."""
    try:
        with file.open(encoding="utf-8") as handle:  # PyYAML names the file in its errors
            content = parse(handle)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}; check the path.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is not valid YAML; check the indentation: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} has no keys; write lines such as `sources: [wiki]`.")
    return content


def parse(text: str | IO[str]) -> Any:
    """Parse YAML; raise an error where PyYAML would silently change a value."""
    loader = yaml.SafeLoader(text)
    if (root := loader.get_single_node()) is None:
        return None
    _check(root, loader, itertools.count())
    return loader.construct_document(root)


def _check(node: yaml.Node, loader: yaml.SafeLoader, visits: Iterator[int]) -> None:
    """Refuse numbers that YAML does not read as decimal, repeated keys, and too many values."""
    if next(visits) > MOST_VALUES:  # ten lines of aliases of aliases can have 10^10
        fault = f"more than {MOST_VALUES:,} values, perhaps by aliases of aliases; write fewer"
        raise yaml.composer.ComposerError(None, None, fault, node.start_mark)
    if node.tag.endswith((":int", ":float")) and re.match(r"[+-]?0[\dxb]|.*[_:]", node.value):
        fault = f'`{node.value}` is no decimal number; for a name, write "{node.value}" in quotes'
        raise yaml.composer.ComposerError(None, None, fault, node.start_mark)
    keys: dict[object, yaml.Node] = {}
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    for key, _ in pairs:
        is_number = key.tag.endswith((":int", ":float", ":bool"))  # 1, 1.0 and true are one key
        forms = [str(key.value), *([loader.construct_object(key)] if is_number else [])]
        first = next((keys[form] for form in forms if form in keys), None)
        keys |= dict.fromkeys(forms, key)
        if first:
            fault, marks = f"`{key.value}` is given twice", (first.start_mark, key.start_mark)
            raise yaml.composer.ComposerError(fault, marks[0], "and again; remove one", marks[1])
    for part in [*itertools.chain(*pairs)] or node.value:
        if isinstance(part, yaml.Node):
            _check(part, loader, visits)


if __name__ == "__main__":
    try:
        for name in sys.argv[1:]:
            read(Path(name))
    except InputError as error:
        sys.exit(str(error))
