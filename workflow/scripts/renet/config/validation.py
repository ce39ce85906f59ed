"""Complete and validate the config; each error message begins with the file that causes it."""

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

EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?e[+-]?\d+", re.IGNORECASE)  # YAML reads 1e-3 as text


def load(config: Mapping, files: Mapping[Path, Mapping], command_line: Mapping) -> Config:
    """Return the complete, checked config; 2.0 and 2e0 are read as the whole number 2.

    Args:
        config: config of a Snakemake module, which has no files.
        files: content of config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: keys and values of `--config`, in which nested values can be YAML text.
    """
    given = {f"{file}: ": content for file, content in files.items()} or {"": config}
    given["--config: "] = _mapped(command_line, _parsed)
    contents = [_mapped(content, _number) for content in given.values()]
    settings, found = _checked(contents, in_module=not files)
    if settings:
        return settings
    first: dict[str, str] = {}  # first file that causes an error, by its sentence's beginning
    for count, file in enumerate(given, 1):
        for sentence in _checked(contents[:count], in_module=not files)[1]:
            first.setdefault(sentence.partition(",")[0], file)
    raise InputError("\n".join(first[fault.partition(",")[0]] + fault for fault in found))


def _checked(contents: list[dict], *, in_module: bool) -> tuple[Config | None, list[str]]:
    """Merge and check the contents of files; return the config (None if wrong) and its errors."""
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
    """Return `value` with its innermost values changed, and with keys such as 2024 as text."""
    if isinstance(value, Mapping):
        names = {name: str(name) if type(name) is int else name for name in value}
        return {names[name]: _mapped(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [_mapped(part, change) for part in value]
    return change(value)


def _parsed(value: object) -> object:
    """Parse a text of the command line as YAML, and return any other value unchanged."""
    try:
        return yaml_files.parse(value) if isinstance(value, str) else value
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        fault = " ".join(str(getattr(error, "problem", error)).split())
        raise InputError(f"--config: {value} is not YAML ({fault}); correct it.") from error


def _number(value: Any) -> Any:
    """Return a text such as 1e-3 as a float, 2.0 as an int, and other values unchanged."""
    number = float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
    is_whole = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if is_whole else number


def _merge(config: dict, changes: Mapping) -> None:
    """Merge changes into the config as Snakemake does, but replace `model` if its kind changes."""
    for key, value in changes.items():
        old: Any = config.get(key)
        is_section = isinstance(value, Mapping) and isinstance(old, dict)
        kind = old.get("kind") if is_section else None
        if not is_section or (key == "model" and value.get("kind", kind) != kind):
            config[key] = copy.deepcopy(value)
            continue
        _merge(old, value)
        if key == "runs":  # sort the runs as in the last file that names them
            old |= {name: old.pop(name) for name in value}


def _complete_kinds(config: dict) -> None:
    """Add the missing `kind` of each section `model`; a run's default is the config's kind."""
    model, named, kind = config.setdefault("model", {}), config.get("runs"), next(iter(KINDS))
    if isinstance(model, dict):
        kind = model.setdefault("kind", kind)
    for run in named.values() if isinstance(named, dict) else ():
        if isinstance(run, dict) and isinstance(run.get("model"), dict):
            run["model"].setdefault("kind", kind)
