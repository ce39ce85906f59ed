"""Reading of config files; an error of YAML's syntax names the file and the line.

Snakemake reads the overlays before the Snakefile, and its own message has no line. `make` therefore
checks the files first:  python -m renet.config.yaml_files FILE …
"""

import sys
from pathlib import Path

import yaml

from renet.common.errors import InputError

LARGEST = 1_000_000  # bytes


class _Loader(yaml.SafeLoader):
    """Refuses a key that is twice in a section; YAML would silently keep the last one."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys: dict[tuple[str, str], yaml.Node] = {}
        for key, _ in node.value:
            first = keys.setdefault((key.tag, str(key.value)), key)
            if first is not key:
                fault, marks = f"`{key.value}` is given twice", (first.start_mark, key.start_mark)
                raise yaml.composer.ComposerError(fault, marks[0], "and again", marks[1])
        return node


def read(file: Path) -> dict:
    """The keys of a file; an InputError names the line and the column of an error in it."""
    if file.is_file() and file.stat().st_size > LARGEST:
        raise InputError(f"{file} is larger than 1 MB, which no config is; name another file.")
    try:
        with file.open(encoding="utf-8") as handle:  # PyYAML names the file in its errors
            content = yaml.load(handle, _Loader)  # noqa: S506 (it is a SafeLoader)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{file} is not a valid config: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} has no keys; write lines such as `sources: [wiki]`.")
    return content


if __name__ == "__main__":
    try:
        for name in sys.argv[1:]:
            read(Path(name))
    except InputError as error:
        sys.exit(str(error))
