"""The config as it was given, made complete; each error is one sentence.

A sentence names the file, the key as a dotted path, what is wrong, and the nearest valid form.
Snakemake's own validation prints the whole schema instead.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import jsonschema
import yaml

from renet.common.errors import InputError
from renet.config import checks, defaults

SHOWN = 4  # errors in one message
COMMAND_LINE = "--config"
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a section with keys",
    "null": "null",
}
VALID_NAME = (
    "it must be text that begins with a letter or digit and continues with letters, digits, _, . "
    "or -, and an archive cannot be called sample."
)
EXPONENT = re.compile(r"([+-]?\d+)(\.\d*)?e([+-]?)(\d+)", re.IGNORECASE)

Key = tuple[str | int, ...]


def load(config: dict, schema_file: Path, files: Sequence[Path], command_line: Mapping) -> None:
    """Fill in the defaults of a config and check all of it, in place.

    Args:
        schema_file: JSON schema of the config.
        files: config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: what `--config` gives; Snakemake leaves its nested values as text.

    Raises:
        InputError: the config does not fit the schema; a sentence for each error.
    """
    schema = _read(schema_file)
    for key, value in command_line.items():
        if isinstance(value, Mapping | list):
            _merge(config, {key: _parsed(value)})
    given = [(COMMAND_LINE, command_line), *((str(file), _read(file)) for file in files[::-1])]
    _names_as_text(config, given)
    defaults.fill(config, schema)
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    found = [one for error in errors for one in _sentences(_most_specific(error), schema)]
    sentences = [f"{_where(given, key)}{sentence}" for key, sentence in dict.fromkeys(found)]
    if sentences:
        rest = len(sentences) - SHOWN
        more = [f"… and {rest} more errors"] if rest > 0 else []
        raise InputError("\n".join(sentences[:SHOWN] + more))
    try:
        checks.check(config)
        checks.check_paths(config)
    except InputError as error:
        overlay = f"{files[-1]}: " if len(files) == 2 else ""
        raise InputError(f"{overlay}{error}") from error


def _parsed(value: object) -> object:
    """A value of the command line with its text read as YAML."""
    if isinstance(value, Mapping):
        return {key: _parsed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_parsed(part) for part in value]
    return yaml.safe_load(value) if isinstance(value, str) else value


def _merge(config: dict, changes: Mapping) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value


def _names_as_text(config: dict, given: list[tuple[str, object]]) -> None:
    """Runs, archives and sources that are called 1 or 2024: YAML reads a number."""
    for section in ("runs", "archives"):
        if isinstance(config.get(section), dict):
            named = config[section]
            config[section] = {str(n) if type(n) is int else n: named[n] for n in named}
            for name in config[section]:
                if not isinstance(name, str):
                    raise InputError(
                        f"{_where(given, (section, name))}{section}.{_shown(name)} is a name that "
                        f'YAML does not read as text; write "{_shown(name)}".'
                    )
    if isinstance(config.get("sources"), list):
        config["sources"] = [str(n) if type(n) is int else n for n in config["sources"]]


def _read(file: Path) -> object:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _where(given: list[tuple[str, object]], key: Key) -> str:
    """The last file that gives a key, or its nearest parent, as the start of a sentence."""
    for length in range(len(key), 0, -1):
        for name, content in given:
            if _holds(content, key[:length]):
                return f"{name}: "
    return ""


def _holds(content: object, key: Key) -> bool:
    for part in key:
        if isinstance(content, Mapping) and part not in content and str(part).isdigit():
            part = int(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _most_specific(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Of the alternatives of an anyOf, the error of the one that has the value's type."""
    fitting = [inner for inner in error.context if inner.validator != "type"]
    return _most_specific(fitting[0]) if error.validator == "anyOf" and fitting else error


def _sentences(error: jsonschema.ValidationError, schema: dict) -> Iterator[tuple[Key, str]]:
    key = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in sorted(set(error.instance) - set(known), key=str):
            yield (*key, name), _unknown_key((*key, name), known, schema)
    elif error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        yield key, f"{_dotted(key)} lacks {', '.join(missing)}."
    elif error.validator == "propertyNames" or "propertyNames" in error.schema_path:
        named = (*key, error.instance)
        yield named, f"{_dotted(named)} is not a valid name; {VALID_NAME}"
    else:
        yield key, f"{_dotted(key)} is {_shown(error.instance)}{_rule(error)}"


def _unknown_key(key: Key, known: list[str], schema: dict) -> str:
    name = str(key[-1])
    near = [(*key[:-1], match) for match in difflib.get_close_matches(name, known, 1)]
    if not near and len(key) == 1:  # a key of a section, written at the top
        near = [
            (section, name)
            for section, subschema in schema["properties"].items()
            if name in subschema.get("properties", {})
        ]
    way_out = f"did you mean {' or '.join(map(_dotted, near))}?"
    if not near:
        way_out = f"known: {', '.join(known)}."
    return f"{_dotted(key)} is not a key of the config; {way_out}"


def _rule(error: jsonschema.ValidationError) -> str:
    """What the value must be, and how to write it."""
    value, bound = error.instance, error.validator_value
    match error.validator:
        case "type":
            return _type_rule(value, [bound] if isinstance(bound, str) else bound)
        case "enum":
            near = difflib.get_close_matches(str(value), list(map(str, bound)), 1, 0.7)
            hint = f"; did you mean {near[0]}?" if near else "."
            return f", and must be one of {', '.join(map(str, bound))}{hint}"
        case "const":
            return f", and must be {bound}."
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
            return f", and must be {words.get(error.validator, 'below')} {bound}."
        case "pattern":
            return _pattern_rule(str(value), bound)
        case "minItems" | "minLength" if not value:
            return ", and must not be empty."
        case "uniqueItems":
            return ", which names something twice."
    description = error.schema.get("description", error.message)
    return f", which does not fit: {description}"


def _type_rule(value: object, kinds: list[str]) -> str:
    wanted = " or ".join(KINDS[kind] for kind in kinds)
    exponent = EXPONENT.fullmatch(value) if isinstance(value, str) else None
    if exponent and {"number", "integer"} & set(kinds):
        number, fraction, sign, power = exponent.groups()
        written = f"{number}{fraction or '.0'}e{sign or '+'}{power}"
        return f", which is text in YAML, and must be {wanted}; write {written}."
    if kinds == ["array"] and isinstance(value, str | int | float):
        return f", and must be a list; write [{value}]."
    if kinds == ["string"] and not isinstance(value, dict | list | None):
        return f', and must be text; write "{value}".'
    return f", and must be {wanted}."


def _pattern_rule(value: str, pattern: str) -> str:
    if pattern.startswith("^(https?|file)"):
        if "://" not in value:
            return f", which is a path and not a URL; write file://{Path(value).absolute()}."
        return ", and must be a URL that begins with https://, http:// or file://."
    if digits := re.search(r"\{(\d+)\}", pattern):
        return f", and must be {digits[1]} hexadecimal digits."
    return f", and must match {pattern}."


def _dotted(key: Key) -> str:
    return ".".join(map(str, key)) or "The config"


def _shown(value: object) -> str:
    """A value as it is in YAML, short enough for a sentence."""
    if value is None:
        return "empty"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    text = text.removesuffix("...").strip()
    return text if len(text) <= 60 else text[:57] + "…"
