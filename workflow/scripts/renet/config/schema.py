"""What a config takes from its schema: the defaults, the order of keys and the types of numbers."""

import copy
import functools
import operator
from pathlib import Path
from typing import Any

import yaml

_parsed = functools.cache(yaml.safe_load)  # it takes a quarter of a second


def read(schema_file: Path) -> dict:
    """The content of a schema's file, which no caller may change."""
    return _parsed(schema_file.read_text(encoding="utf-8"))


def complete(schema_file: Path) -> dict:
    """The config with the default of every key."""
    config: dict = {}
    schema = read(schema_file)
    fill(config, schema)
    return canonical(config, schema)


def fill(config: dict, schema: dict) -> None:
    """Give each missing key of a config the default of its schema, in place.

    Snakemake's own way to set defaults would also fill the sections of each run, which then could
    not tell what a run overrides. Here, subschemas behind a `$ref`, as runs have, are left alone.

    Args:
        schema: JSON schema; what is not an object in the config is left for the validation. With
                `allOf`, each case has the keys of one `kind`.
    """
    known = schema.get("properties", {})
    for name, subschema in known.items():
        if "default" in subschema:
            config.setdefault(name, copy.deepcopy(subschema["default"]))
    for case in schema.get("allOf", ()):  # of a section whose keys depend on its kind
        if config.get("kind") == case["if"]["properties"]["kind"]["const"]:
            fill(config, case["then"])
    others = schema.get("additionalProperties", False)
    for name, value in config.items():
        subschema = known.get(name, others)
        if isinstance(value, dict) and isinstance(subschema, dict):
            fill(value, subschema)


def canonical(config: dict, schema: dict) -> dict:
    """A config that fits its schema, with the same text for the same settings.

    Snakemake compares the text of params, where 0.0 is not 0. The keys of a section have the order
    of the schema, and each number has the type that the schema names. Names that the user chooses
    keep their order: the first of the `runs` is the reference.
    """
    ordered = _form(config, schema, schema)
    for changes in filter(None, ordered["runs"].values()):
        for key, values in changes.get("grid", {}).items():
            section, _, name = key.partition(".")
            known = properties(schema["properties"][section])
            changes["grid"][key] = _form(values, {"items": known[name]}, schema)
    return ordered


def properties(section: dict, kind: str | None = None) -> dict[str, dict]:
    """The schemas of a section's keys; of a section with kinds, those of one kind or of all."""
    cases = (
        case["then"]
        for case in section.get("allOf", ())
        if kind in (None, case["if"]["properties"]["kind"]["const"])
    )
    return functools.reduce(
        operator.or_, (part.get("properties", {}) for part in (section, *cases))
    )


def _form(value: Any, schema: dict, root: dict) -> Any:
    """The canonical form of a value; `root` is the schema that references refer to."""
    if "$ref" in schema:
        schema = functools.reduce(operator.getitem, schema["$ref"].split("/")[1:], root)
    for choice in schema.get("anyOf", ()):
        value = _form(value, choice, root)
    if isinstance(value, list):
        return [_form(part, schema.get("items", {}), root) for part in value]
    if isinstance(value, dict):
        known, others = properties(schema, value.get("kind")), schema.get("additionalProperties")
        names = sorted(value, key=[*known, *value].index)
        return {name: _form(value[name], known.get(name, others or {}), root) for name in names}
    if type(value) in (int, float):  # but not bool
        types = schema.get("type", ())
        return float(value) if "number" in types else int(value) if "integer" in types else value
    return value
