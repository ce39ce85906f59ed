"""Make the config complete and validate it; each error is one sentence.

A sentence names the file, the key as a dotted path, what is wrong, and the nearest valid form.
Snakemake's own validation prints the whole schema instead.
"""

import copy
import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from renet.common.errors import InputError
from renet.config import checks, grids, runs
from renet.config.architecture import Architecture
from renet.config.schema import canonical, fill, properties, read

SHOWN = 4  # errors in one message
COMMAND_LINE = "--config"
TYPES = {
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
    "or -"
)
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?e[+-]?\d+", re.IGNORECASE)  # which YAML takes for text

Key = tuple[str | int, ...]
# Keys of earlier versions, and why they went.
REMOVED: dict[Key, str] = {
    ("train", "sync_batchnorm"): "each process normalises its own part of a batch",
}


def load(config: dict, schema_file: Path, files: dict[Path, dict], command_line: Mapping) -> None:
    """Fill in the defaults of a config, check all of it, and give it its canonical form, in place.

    Args:
        schema_file: JSON schema of the config.
        files: content of config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: what `--config` gives; Snakemake leaves its nested values as text.

    Raises:
        InputError: the config does not fit the schema; a sentence for each error.
    """
    schema = read(schema_file)
    for key, value in command_line.items():
        if isinstance(value, Mapping | list):
            _merge(config, {key: _parsed(value)})
    given: list[tuple[str, Mapping]] = [
        (COMMAND_LINE, command_line),
        *((str(file), content) for file, content in reversed(files.items())),
    ]
    _names_as_text(config, given)
    _runs_as_written(config, given)
    overrides = [content for _, content in given[:0:-1]]
    _models_of_one_kind(config, [*overrides, _parsed(command_line)])
    config.update(_with_numbers(config))
    fill(config, schema)
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    found = [one for error in errors for one in _sentences(_most_specific(error), schema)]
    if not found:
        found += _faults_of_grids(config, validator)
    sentences = [f"{_where(given, key)}{sentence}" for key, sentence in dict.fromkeys(found)]
    if sentences:
        rest = len(sentences) - SHOWN
        more = [f"… and {rest} more errors"] if rest > 0 else []
        raise InputError("\n".join(sentences[:SHOWN] + more))
    config.update(canonical(config, schema))
    try:
        checks.check(config)
        if config["audit"]["folds"]:
            config["audit"]["run"] = runs.named(config, "audit", "run")
        checks.check_paths(config)
    except InputError as error:
        overlay = f"{[*files][-1]}: " if len(files) == 2 else ""
        raise InputError(f"{overlay}{error}") from error


def added_runs(config: dict, files: dict[Path, dict], command_line: Mapping) -> str | None:
    """All runs, if the last file that names some adds to those of the others; else None."""
    named = [entries for of in (*files.values(), command_line) if (entries := of.get("runs"))]
    last = set(map(str, named[-1])) if named else set()
    added = [name for name, run in config["runs"].items() if run is not None and name not in last]
    if not added or not last:
        return None
    names = list(runs.runs(config))
    return f"{len(names)} runs: {', '.join(names)}. `runs: {{{added[-1]}: null}}` omits one."


def _parsed(value: object) -> object:
    """A value of the command line with its text read as YAML."""
    if isinstance(value, Mapping):
        return {key: _parsed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_parsed(part) for part in value]
    return yaml.safe_load(value) if isinstance(value, str) else value


def _with_numbers(value: Any, key: Key = ()) -> Any:
    """A value with all texts such as 1e-3 as numbers.

    Raises:
        InputError: a number is infinite or NaN, which a JSON schema cannot exclude.
    """
    if isinstance(value, Mapping):
        return {name: _with_numbers(part, (*key, name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_numbers(part, (*key, place)) for place, part in enumerate(value)]
    number = float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
    if isinstance(number, float) and not math.isfinite(number):
        raise InputError(f"{_dotted(key)} is {_shown(value)}, and must be a finite number.")
    return number


def _merge(config: dict, changes: Mapping) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value


def _names_as_text(config: dict, given: Sequence[tuple[str, object]]) -> None:
    """Make names of runs, archives and sources such as 2024 text; YAML reads them as numbers."""
    for section in ("runs", "archives"):
        if isinstance(config.get(section), dict):
            named = config[section]
            config[section] = {str(n) if type(n) is int else n: named[n] for n in named}
            for name in config[section]:
                if not isinstance(name, str):
                    raise InputError(
                        f"{_where(given, (section, name))}YAML does not read the name "
                        f'{_shown(name)} under `{section}` as text; write "{_shown(name)}".'
                    )
    for section in ("sources", "external"):
        if isinstance(config.get(section), list):
            config[section] = [str(n) if type(n) is int else n for n in config[section]]


def _runs_as_written(config: dict, given: Sequence[tuple[str, object]]) -> None:
    """Order the runs as in the last file that names them; merging keeps that of the first file."""
    for _, content in reversed(given):
        named = content.get("runs") if isinstance(content, Mapping) else None
        if isinstance(named, Mapping) and isinstance(config["runs"], dict):
            for name in map(str, named):
                config["runs"][name] = config["runs"].pop(name)


def _models_of_one_kind(config: dict, contents: list[object]) -> None:
    """Set the kind of each section `model`, and remove keys that a file gave to another kind.

    Args:
        contents: of the files and the command line, each overriding those before it.
    """
    model: dict = {}
    for content in contents:
        given = content.get("model") if isinstance(content, Mapping) else None
        if isinstance(given, Mapping):
            if given.get("kind", model.get("kind")) != model.get("kind"):
                model = {}
            _merge(model, copy.deepcopy(given))
    if not isinstance(config.get("model", {}), dict):
        return
    config["model"] = {"kind": Architecture.kind, **(model or config.get("model", {}))}
    named = config.get("runs")
    for run in named.values() if isinstance(named, dict) else ():
        if isinstance(run, dict) and isinstance(run.get("model"), dict):
            run["model"].setdefault("kind", config["model"]["kind"])


def _faults_of_grids(
    config: dict, validator: jsonschema.Draft202012Validator
) -> Iterator[tuple[Key, str]]:
    """The errors in the grids of a config that otherwise fits the schema."""
    sections = validator.schema["properties"]
    known = {section: set(properties(sections[section])) for section in grids.SECTIONS}
    for name, changes in config["runs"].items():
        if not changes or "grid" not in changes:
            continue
        found = list(grids.faults(name, changes, known))
        yield from found
        for _, of_run in [] if found else grids.expand(name, changes):
            of_run.setdefault("model", {}).setdefault("kind", config["model"]["kind"])
            for error in validator.iter_errors({"runs": {name: of_run}}):
                yield from _sentences(_most_specific(error), validator.schema)


def _where(given: Sequence[tuple[str, object]], key: Key) -> str:
    """The start of a sentence: the last file that gives a key, or else its nearest parent."""
    for length in range(len(key), 0, -1):
        for name, content in given:
            if _holds(content, key[:length]):
                return f"{name}: "
    return ""


def _holds(content: Any, key: Key) -> bool:
    for part in key:
        if isinstance(content, Mapping) and part not in content and str(part).isdigit():
            part = int(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _most_specific(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """The error of the alternative of an anyOf that has the value's type."""
    fitting = [inner for inner in error.context if inner.validator != "type"]
    return _most_specific(fitting[0]) if error.validator == "anyOf" and fitting else error


def _sentences(error: jsonschema.ValidationError, schema: dict) -> Iterator[tuple[Key, str]]:
    key = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in sorted(set(error.instance) - set(known), key=str):
            kind = error.instance["kind"] if "kind" in known else None
            yield (*key, name), _unknown_key((*key, name), known, schema, kind)
    elif error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        yield key, f"{_dotted(key)} lacks {_listed(missing)}."
    elif error.validator == "propertyNames" or "propertyNames" in error.schema_path:
        named = (*key, error.instance)
        also = "; the name sample is taken" if key == ("archives",) else ""
        yield named, f"{_dotted(named)} is not a valid name; {VALID_NAME}{also}."
    else:
        yield key, f"{_dotted(key)} is {_shown(error.instance)}{_rule(error)}"


def _unknown_key(key: Key, known: list[str], schema: dict, kind: str | None) -> str:
    name = str(key[-1])
    near = [(*key[:-1], match) for match in difflib.get_close_matches(name, known, 1)]
    if not near and len(key) == 1:  # a key of a section, written at the top
        near = [
            (section, name)
            for section, subschema in schema["properties"].items()
            if name in properties(subschema)
        ]
    if key[-2:] in REMOVED:
        return f"{_dotted(key)} was removed: {REMOVED[key[-2:]]}; remove the key."
    way_out = f"did you mean {' or '.join(map(_dotted, near))}?"
    if not near:
        way_out = f"the keys are {_listed(known)}."
    of = f"the kind {kind}" if kind else "the config"
    return f"{_dotted(key)} is not a key of {of}; {way_out}"


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
        case "minItems" | "minLength" | "minProperties" if not value:
            return ", and must not be empty."
        case "uniqueItems":
            twice = next(one for one in value if value.count(one) > 1)
            return f", which lists {_shown(twice)} twice; remove one of them."
    description = error.schema.get("description", error.message)
    return f", which is not a valid value. The key's description: {description}"


def _type_rule(value: object, kinds: list[str]) -> str:
    wanted = " or ".join(TYPES[kind] for kind in kinds)
    if kinds == ["array"] and isinstance(value, str | int | float):
        return f", and must be a list; write [{_shown(value)}]."
    if kinds == ["string"] and not isinstance(value, dict | list | None):
        return f', and must be text; write "{_shown(value)}".'
    return f", and must be {wanted}."


def _pattern_rule(value: str, pattern: str) -> str:
    if pattern.startswith("^(https?|file)"):
        if "://" not in value:
            path = Path.home() / value[2:] if value.startswith("~/") else Path(value)
            return f", which is a path and not a URL; write file://{path.absolute()}."
        return ", and must be a URL that begins with https://, http:// or file://."
    if digits := re.search(r"\{(\d+)\}", pattern):
        return f", and must be {digits[1]} hexadecimal digits."
    return f", and must match {pattern}."


def _dotted(key: Key) -> str:
    text = ".".join(map(str, key))
    return (f"`{text}`" if text.isprintable() else repr(text)) if key else "The config"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shown(value: object) -> str:
    """A value as YAML text, short enough for a sentence."""
    if value is None:
        return "empty"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    text = " ".join(text.removesuffix("...").split())  # YAML wraps some text
    return text if len(text) <= 60 else text[:57] + "…"
