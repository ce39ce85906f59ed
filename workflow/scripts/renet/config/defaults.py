"""The defaults of the config, which the schema alone holds."""

import copy


def fill(config: dict, schema: dict) -> None:
    """Give each missing key of a config the default of its schema, in place.

    Snakemake's own way to set defaults would also fill the sections of each run, which then could
    not tell what a run overrides. Here, subschemas behind a `$ref`, as runs have, are left alone.

    Args:
        schema: JSON schema; what is not an object in the config is left for the validation.
    """
    known = schema.get("properties", {})
    for name, subschema in known.items():
        if "default" in subschema:
            config.setdefault(name, copy.deepcopy(subschema["default"]))
    others = schema.get("additionalProperties", False)
    for name, value in config.items():
        subschema = known.get(name, others)
        if isinstance(value, dict) and isinstance(subschema, dict):
            fill(value, subschema)
