"""The defaults of the config, which the schema alone holds."""

import copy
from pathlib import Path

import yaml

from renet.config import canonical


def complete(schema_file: Path) -> dict:
    """The config that the defaults make."""
    config: dict = {}
    schema = yaml.safe_load(schema_file.read_text(encoding="utf-8"))
    fill(config, schema)
    return canonical.form(config, schema)


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
