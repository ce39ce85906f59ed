"""Complete and validate the config; each error is a sentence after the file that causes it."""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from renet.common.errors import InputError
from renet.config import checks, sentences, yaml_files
from renet.config.model import KINDS
from renet.config.schema import Config

EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?e[+-]?\d+", re.IGNORECASE)  # which YAML takes for text


def load(config: Mapping, files: Mapping[Path, Mapping], command_line: Mapping) -> Config:
    """The config, complete and checked; numbers have one form, however they are written.

    Args:
        config: of a module, without files.
        files: content of config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: what `--config` gives; Snakemake leaves its nested values as text.
    """
    given = {f"{file}: ": content for file, content in files.items()} or {"": config}
    given["--config: "] = _mapped(command_line, _parsed)
    contents = [_mapped(content, _number) for content in given.values()]
    settings, found = _checked(contents, in_module=not files)
    if settings:
        return settings
    first: dict[str, str] = {}  # first file with which a sentence's beginning appears
    for count, file in enumerate(given, 1):
        for sentence in _checked(contents[:count], in_module=not files)[1]:
            first.setdefault(sentence.partition(",")[0], file)
    raise InputError("\n".join(first[fault.partition(",")[0]] + fault for fault in found))


def _checked(contents: list[dict], *, in_module: bool) -> tuple[Config | None, list[str]]:
    """Config that these files make together, or the sentences on its errors."""
    merged: dict = {}
    for content in contents:
        _merge(merged, content)
    _complete_kinds(merged)
    try:
        settings = Config.model_validate(merged)
        checks.check(settings)
        checks.check_paths(settings, in_module=in_module)
    except ValidationError as error:
        return None, list(dict.fromkeys(sentences.explain(error, merged)))
    except OSError as error:  # such as a name of too many bytes
        return None, [f"{error.filename}: {error.strerror}; correct the path."]
    except InputError as error:
        return None, [str(error)]
    return settings, []


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Change the innermost values of a value; names such as 2024 become text."""
    if isinstance(value, Mapping):
        names = {name: str(name) if type(name) is int else name for name in value}
        return {names[name]: _mapped(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [_mapped(part, change) for part in value]
    return change(value)


def _parsed(value: object) -> object:
    """Text of the command line, read as YAML."""
    try:
        return yaml_files.parse(value) if isinstance(value, str) else value
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        fault = " ".join(str(getattr(error, "problem", error)).split())
        raise InputError(f"--config: {value} is not YAML ({fault}); correct it.") from error


def _number(value: Any) -> Any:
    """A text such as 1e-3 as a number, and 2.0 as a whole number."""
    number = float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
    is_whole = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if is_whole else number


def _merge(config: dict, changes: Mapping) -> None:
    """Merge as Snakemake does; but `model` with another kind replaces the whole section."""
    for key, value in changes.items():
        old: Any = config.get(key)
        is_section = isinstance(value, Mapping) and isinstance(old, dict)
        kind = old.get("kind") if is_section else None
        if not is_section or (key == "model" and value.get("kind", kind) != kind):
            config[key] = copy.deepcopy(value)
            continue
        _merge(old, value)
        if key == "runs":  # in the order of the last file that names them
            old |= {name: old.pop(name) for name in value}


def _complete_kinds(config: dict) -> None:
    """Name the kind of each section `model`; a run has the kind of the config by default."""
    model, named, kind = config.setdefault("model", {}), config.get("runs"), next(iter(KINDS))
    if isinstance(model, dict):
        kind = model.setdefault("kind", kind)
    for run in named.values() if isinstance(named, dict) else ():
        if isinstance(run, dict) and isinstance(run.get("model"), dict):
            run["model"].setdefault("kind", kind)
