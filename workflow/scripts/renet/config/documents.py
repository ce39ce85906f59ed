"""Write config.yaml and the JSON schema of the config, whose declarations are the models.

PYTHONPATH=workflow/scripts python -m renet.config.documents
"""

import inspect
import itertools
import json
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from renet.common import files
from renet.config.archives import Archive
from renet.config.model import KINDS
from renet.config.runs import Run
from renet.config.schema import Config

PROJECT = Path(__file__).parents[4]
CONFIG = "config.yaml"
SCHEMA = "workflow/schemas/config.schema.json"
WIDTH = 100
LONGEST_INLINE = 40  # of a key and its value, which the comment follows


def write(project: Path = PROJECT) -> None:
    """Write both files into a project."""
    files.write_text(project / CONFIG, config_yaml())
    files.write_text(project / SCHEMA, json_schema())


def json_schema() -> str:
    """The JSON schema of the config, by which editors complete and check it."""
    schema = json.dumps(Config.model_json_schema(), indent=1, ensure_ascii=False)
    return schema.replace('"oneOf"', '"anyOf"') + "\n"  # without `kind`, several kinds fit


def config_yaml() -> str:
    """The defaults, each with its description."""
    parts = [f"# yaml-language-server: $schema={SCHEMA}\n{_comment(inspect.getdoc(Config))}"]
    entries: dict[str, list[tuple[str, str]]] = {
        "model": [(name, str(inspect.getdoc(kind))) for name, kind in KINDS.items()],
        "archives": _described(Archive),
        "runs": [one for one in _described(Run) if one[1]],
    }
    values = Config().complete()
    for name, field in Config.model_fields.items():
        section = getattr(Config(), name)
        comment = field.description or inspect.getdoc(type(section))
        lines = [_comment(comment), *_entries(entries.get(name, []))]
        if isinstance(section, BaseModel):
            lines += [f"{name}:", *_keys(section, values[name])]
        else:
            lines.append(_yaml(name, values[name]))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _described(section: type[BaseModel]) -> list[tuple[str, str]]:
    """The keys of a section with their descriptions."""
    return [(of.alias or key, of.description or "") for key, of in section.model_fields.items()]


def _keys(section: BaseModel, values: dict) -> list[str]:
    """The lines of a section, the comments in one column."""
    described = dict(_described(type(section)))
    texts = {key: textwrap.indent(_yaml(key, value), "  ") for key, value in values.items()}
    inline = [text for text in texts.values() if "\n" not in text and len(text) <= LONGEST_INLINE]
    column = max(map(len, inline)) + 3
    lines = []
    for key, text in texts.items():
        if text in inline:
            comment = _wrapped(described[key], WIDTH - column - 2)
            lines.append(f"{text:{column}}# {comment[0]}")
            lines += [f"{'':{column}}# {line}" for line in comment[1:]]
        else:
            lines += [textwrap.indent(_comment(described[key]), "  "), text]
    return lines


def _entries(described: list[tuple[str, str]]) -> list[str]:
    """Keys, or kinds, and their descriptions, as a table in a comment."""
    column = max((len(name) for name, _ in described), default=0) + 3
    return [
        f"#   {'' if number else name:{column}}{line}"
        for name, text in described
        for number, line in enumerate(_wrapped(text, WIDTH - 4 - column))
    ]


def _comment(text: str | None) -> str:
    """A description as a comment; what is indented in it stays as it is."""
    paragraphs = (text or "").split("\n\n")
    lines = ([one] if one[:1] == " " else _wrapped(one, WIDTH - 2) for one in paragraphs)
    return "\n".join(f"# {line}" for line in itertools.chain(*lines))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _yaml(key: str, value: Any) -> str:
    """A key with its value; a list of numbers or texts is on its line."""
    if isinstance(value, dict) and value:
        inner = [_yaml(name, part) for name, part in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        inner = [f"- {_flow(part)}" for part in value]
    else:
        return f"{key}: {_flow(value)}"
    return "\n".join([f"{key}:", *(textwrap.indent(text, "  ") for text in inner)])


def _flow(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    text = yaml.safe_dump(int(value) if whole else value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


if __name__ == "__main__":
    write()
