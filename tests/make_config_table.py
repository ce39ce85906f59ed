"""Write the table of all config keys into config/README.md, from the schema.

python tests/make_config_table.py, after a change of workflow/schemas/config.schema.yaml
"""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
PAGE = ROOT / "config" / "README.md"
HEADING = "## All keys\n\n"
INTRODUCTION = """\
Keys that are missing get their defaults. `<name>` is a name of your choice.

"""
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
}


def main() -> None:
    page = PAGE.read_text(encoding="utf-8").split(HEADING)[0]
    PAGE.write_text(page + HEADING + INTRODUCTION + table(), encoding="utf-8")


def table() -> str:
    """The Markdown table of all keys."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    lines = ["| key | type | default | description |", "| --- | --- | --- | --- |"]
    for key, node in keys(schema, schema):
        text = (node if "description" in node else _target(node, schema))["description"]
        cells = [f"`{key}`", kind(node, schema), _default(node), text.strip()]
        lines.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")
    return "\n".join(lines) + "\n"


def keys(node: dict, schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Each key with its schema; a section stands before its keys."""
    for name, child in node.get("properties", {}).items():
        yield f"{prefix}{name}", child
        yield from keys(child, schema, f"{prefix}{name}.")
        for part, suffix in (("additionalProperties", ".<name>."), ("items", "[].")):
            if isinstance(child.get(part), dict):
                yield from keys(child[part], schema, f"{prefix}{name}{suffix}")
        for case in child.get("allOf", ()):  # the keys of each kind
            of = case["if"]["properties"]["kind"]["const"]
            known = {key: one for key, one in case["then"]["properties"].items() if key != "kind"}
            yield from keys({"properties": known}, schema, f"{prefix}{name} (kind {of}).")


def kind(node: dict, schema: dict) -> str:
    """The type of a value in words, with its bounds; references are expanded."""
    if "$ref" in node:
        target = _target(node, schema)
        section = node["$ref"].split("/")[-1]
        return f"keys of `{section}`" if "properties" in target else kind(target, schema)
    if "anyOf" in node and "type" not in node:
        return " or ".join(kind(choice, schema) for choice in node["anyOf"])
    values = node.get("enum", [node["const"]] if "const" in node else [])
    if values:
        return ", ".join(f"`{_flow(value)}`" for value in values)
    types = node["type"]
    words = " or ".join([types] if isinstance(types, str) else types)
    if types == "array":
        words = "list of " + kind(node["items"], schema)
    return " ".join(
        [words, ", ".join(sign.format(node[name]) for name, sign in BOUNDS.items() if name in node)]
    ).strip()


def _target(node: dict, schema: dict) -> dict:
    """What a reference such as `#/properties/model` names."""
    for part in node["$ref"].removeprefix("#/").split("/"):
        schema = schema[part]
    return schema


def _default(node: dict) -> str:
    """The default of a key; of a section with names of one's own, the names."""
    if node.get("type") == "object":
        return ", ".join(f"`{name}`" for name in node.get("default", {}))
    return f"`{_flow(node['default'])}`" if "default" in node else ""


def _flow(value: object) -> str:
    """A value as one would write it in YAML, on one line."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


if __name__ == "__main__":
    main()
