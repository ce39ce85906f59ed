"""Write config.yaml and the JSON schemas of the config and of metrics.json from their models.

PYTHONPATH=workflow/scripts .venv/bin/python tools/write_config.py
"""

import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from renet.config.archives import Archive
from renet.config.model import KINDS
from renet.config.runs import Run, plain
from renet.config.schema import Config
from renet.config.validation import EXPONENT
from renet.evaluation.summary import Summary

CONFIG = "config.yaml"
SCHEMA = "workflow/schemas/config.schema.json"
METRICS_SCHEMA = "workflow/schemas/metrics.schema.json"
LONGEST_INLINE = 40  # of a key and its value, which the comment follows


class PlainSchema(GenerateJsonSchema):
    """A schema without titles, which would repeat the keys."""

    def field_title_should_be_set(self, _: object) -> bool:
        return False


class EditorSchema(PlainSchema):
    """A schema that accepts 1e-3, text for YAML."""

    def float_schema(self, schema: Any) -> dict:
        number = super().float_schema(schema)
        return number | {"type": ["number", "string"], "pattern": f"^{EXPONENT.pattern}$"}


def json_schema() -> str:
    """The JSON schema of the config, by which editors complete and check it."""
    content = Config.model_json_schema(schema_generator=EditorSchema)
    del content["$defs"]["Archive"]["required"]  # a file can have the other keys
    schema = json.dumps(content, indent=1, ensure_ascii=False)
    return schema.replace('"oneOf"', '"anyOf"') + "\n"  # without `kind`, several kinds fit


def metrics_schema() -> str:
    """The JSON schema of metrics.json."""
    content = Summary.model_json_schema(schema_generator=PlainSchema)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def config_yaml() -> str:
    """The defaults, each with its description."""
    lines = [f"# yaml-language-server: $schema={SCHEMA}", *_comment(inspect.getdoc(Config))]
    tables = {
        "model": {name: inspect.getdoc(kind) for name, kind in KINDS.items()},
        "archives": _descriptions(Archive),
        "runs": {key: text for key, text in _descriptions(Run).items() if text},
    }
    for name, value in all_keys(Config()).items():
        section = getattr(Config(), name)
        comment = _descriptions(Config)[name] or inspect.getdoc(section)
        lines += ["", *_comment(comment)]
        column = max(map(len, tables.get(name, [""]))) + 3
        for key, text in tables.get(name, {}).items():
            lines += _wrapped(text, f"#   {key:{column}}", f"#   {'':{column}}")
        is_section = isinstance(section, BaseModel)
        if name == "model":
            del value["classes"]  # always 2
        lines += [f"{name}:", *_keys(section, value)] if is_section else [_yaml(name, value)]
    return "\n".join(lines) + "\n"


def all_keys(config: Config) -> dict:
    """All keys of a config, as plain values; of a run, only what it overrides."""
    archives, entries = config.archives.items(), config.entries.items()
    options = {"by_alias": True}
    return plain(config) | {
        "archives": {name: of.model_dump(**options, exclude_none=True) for name, of in archives},
        "runs": {name: of and of.model_dump(**options, exclude_unset=True) for name, of in entries},
    }


def _descriptions(section: Any) -> dict[str, str]:
    """The keys of a section with their descriptions."""
    return {of.alias or key: of.description or "" for key, of in section.model_fields.items()}


def _keys(section: BaseModel, values: dict) -> list[str]:
    """The lines of a section, the comments in one column."""
    described = _descriptions(type(section))
    texts = {key: textwrap.indent(_yaml(key, value), "  ") for key, value in values.items()}
    inline = [text for text in texts.values() if "\n" not in text and len(text) <= LONGEST_INLINE]
    column = max(map(len, inline)) + 3
    lines = []
    for key, text in texts.items():
        if text in inline:
            lines += _wrapped(described[key], f"{text:{column}}# ", f"{'':{column}}# ")
        else:
            lines += [*_wrapped(described[key], "  # ", "  # "), text]
    return lines


def _comment(text: str) -> list[str]:
    """A description as a comment; what is indented in it stays as it is."""
    paragraphs = text.split("\n\n")
    found = ([f"# {one}"] if one[0] == " " else _wrapped(one, "# ", "# ") for one in paragraphs)
    return [line for lines in found for line in lines]


def _wrapped(text: str, first: str, other: str) -> list[str]:
    return textwrap.wrap(
        text, 100, initial_indent=first, subsequent_indent=other, break_on_hyphens=False
    )


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
    root = Path(__file__).parents[1]
    (root / CONFIG).write_text(config_yaml(), encoding="utf-8")
    (root / SCHEMA).write_text(json_schema(), encoding="utf-8")
    (root / METRICS_SCHEMA).write_text(metrics_schema(), encoding="utf-8")
