"""Reading of config files; an error of YAML's syntax is one sentence with file, line and column.

Snakemake reads the overlays before the Snakefile, and its own message has no line. `make` therefore
checks the files first:  python -m renet.config.yaml_files FILE …
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from renet.common.errors import InputError

# Problems as PyYAML states them, and what a user reads instead. {0} is what the pattern has found,
# {line} is where the bracket or quote begins.
PROBLEMS = {
    r"found character '\\t' that cannot start any token": "a tab stands here; write spaces.",
    r"found character '(.)' that cannot .*": "text cannot begin with {0}; write it in quotes.",
    r"mapping values are not allowed here": "this colon does not fit; check the indentation and "
    "that the key above ends with a colon, and write text that has a colon in quotes.",
    r"could not find expected ':'": "the line before has no colon after its key.",
    r"expected <block end>, but found .*": "this does not fit the lines above; check the "
    "indentation and the quotes.",
    r"expected ',' or '(.)', but got .*": "a comma is missing here, or {0} for the bracket of "
    "line {line}.",
    r"found unexpected (end of stream|document separator)": "the quote of line {line} is not "
    "closed.",
    r"found undefined alias .*": "* begins the name of an alias, which does not exist; write text "
    "that begins with * in quotes.",
    r"could not determine a constructor for the tag .*": "! begins a tag, which a config cannot "
    "have; write text that begins with ! in quotes.",
    r"but found another document": "a second document begins here; a config is one document.",
}


def read(file: Path) -> dict:
    """The keys of a YAML or JSON file.

    Raises:
        InputError: it does not exist, is empty, breaks YAML's syntax or gives a key twice; the
            sentence has file, line and column.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    try:
        content = json.loads(text)  # as Snakemake does; JSON allows tabs
    except ValueError:
        content = _parse(file, text)
    if content is None:
        raise InputError(f"{file} is empty; write at least one key, as in config.yaml.")
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no keys; write lines such as sources: [wiki].")
    return content


def _parse(file: Path, text: str) -> object:
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        # Before the construction, which adds the keys of a merge (`<<: *alias`) to those given.
        repeated = list(_repeated_keys(root))
        content = loader.construct_document(root) if root else None
    except yaml.reader.ReaderError as error:
        lines = text[: error.position].split("\n")
        place = f"{file}, line {len(lines)}, column {len(lines[-1]) + 1}"
        what = f"the character U+{error.character:04X} is not allowed; delete it."
        raise InputError(f"{place}: {what}") from error
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{_place(file, error.problem_mark)}: {_problem(error)}") from error
    except ValueError as error:  # of a text that looks like a date
        raise InputError(f"{file}: a value is no date ({error}); write it in quotes.") from error
    for key, first in repeated:
        place = _place(file, key.start_mark)
        raise InputError(f"{place}: {key.value} is given twice, first in line {first}.")
    return content


def _repeated_keys(root: yaml.Node | None) -> Iterator[tuple[yaml.Node, int]]:
    """The keys that a section gives again, and the line of the first; YAML would keep the last."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: dict[tuple[str, str], yaml.Node] = {}
            for key, value in node.value:
                first = keys.setdefault((key.tag, str(key.value)), key)
                if first is not key:
                    yield key, first.start_mark.line + 1
                nodes.append(value)


def _place(file: Path, mark: yaml.Mark) -> str:
    return f"{file}, line {mark.line + 1}, column {mark.column + 1}"


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, in the words of this project where PyYAML's name its own tokens."""
    for pattern, sentence in PROBLEMS.items():
        if match := re.fullmatch(pattern, error.problem):
            began = error.context_mark or error.problem_mark
            return sentence.format(*match.groups(), line=began.line + 1)
    return f"{error.problem}."


def main() -> None:
    """Check the files named on the command line."""
    try:
        for name in sys.argv[1:]:
            read(Path(name))
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
