"""The canonical form of a config: Snakemake compares the text of params, where 0.0 is not 0."""

import functools
import operator
from typing import Any


def form(config: dict, schema: dict) -> dict:
    """A config that fits its schema, with the same text for the same settings.

    The keys of a section have the order of the schema, and each number has the type that the schema
    names. Names that the user chooses keep their order: the first of the `runs` is the reference.
    """
    found = _form(config, schema, schema)
    for changes in filter(None, found["runs"].values()):
        for key, values in changes.get("grid", {}).items():
            section, _, name = key.partition(".")
            known = properties(schema["properties"][section])
            changes["grid"][key] = _form(values, {"items": known[name]}, schema)
    return found


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
    if type(value) in (int, float):  # a truth value is none
        types = schema.get("type", ())
        return float(value) if "number" in types else int(value) if "integer" in types else value
    return value
