"""Make the config complete and validate it; each error is one sentence.

A sentence (`renet.config.sentences`) begins with the file that gave the key.
"""

import contextlib
import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from renet.common.errors import InputError
from renet.config import checks, grids, runs, sentences, yaml_files
from renet.config.model import KINDS
from renet.config.schema import Config
from renet.config.sentences import Key

SHOWN = 4  # errors in one message
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?e[+-]?\d+", re.IGNORECASE)  # which YAML takes for text


def load(config: dict, files: dict[Path, dict], command_line: Mapping) -> None:
    """Fill in the defaults of a config, check all of it, and give it its canonical form, in place.

    Args:
        files: content of config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: what `--config` gives; Snakemake leaves its nested values as text.
    """
    line = {"--config": _mapped(command_line, _parsed)}
    given: dict = files | line if files else {"": config, **line}
    given = {f"{name}: " if name else "": _mapped(of, _number) for name, of in given.items()}
    merged: dict = {}
    for content in given.values():
        _merge(merged, content)
    _complete_kinds(merged)
    try:
        complete = Config.model_validate(merged).complete()
        found = list(_run_faults(complete))
    except ValidationError as error:
        found = list(sentences.explain(error, merged))
    if found:
        said = [f"{_where(given, key)}{sentence}" for key, sentence in dict.fromkeys(found)]
        more = [f"… and {len(said) - SHOWN} more errors"] if len(said) > SHOWN else []
        raise InputError("\n".join(said[:SHOWN] + more))
    config.update(complete)
    try:
        checks.check(config)
        if config["audit"]["folds"]:
            config["audit"]["run"] = runs.named(config, "audit", "run")
        checks.check_paths(config, in_module=not files)
    except OSError as error:  # such as a name of too many bytes
        raise InputError(f"{error.filename}: {error.strerror}; correct the path.") from error
    except InputError as error:
        overlay = f"{[*files][-1]}: " if len(files) == 2 else ""
        raise InputError(f"{overlay}{error}") from error


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value whose innermost values are changed; names such as 2024 are text."""
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
    """Merge as Snakemake does, but a network of another kind keeps no key of the former one."""
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
    """Name the kind of each section `model`; that of a run is by default that of the config."""
    model, named, kind = config.setdefault("model", {}), config.get("runs"), next(iter(KINDS))
    if isinstance(model, dict):
        kind = model.setdefault("kind", kind)
    for run in named.values() if isinstance(named, dict) else ():
        if isinstance(run, dict) and isinstance(run.get("model"), dict):
            run["model"].setdefault("kind", kind)


def _run_faults(config: dict) -> Iterator[tuple[Key, str]]:
    """The errors in the values of grids, of a config that otherwise is valid."""
    for name, changes in config["runs"].items():
        for _, of_run in grids.expand(name, changes):
            of_run.setdefault("model", {}).setdefault("kind", config["model"]["kind"])
            try:
                runs.Run.model_validate(of_run)
            except ValidationError as error:
                yield from sentences.explain(error, of_run, ("runs", name))


def _where(given: dict[str, Any], key: Key) -> str:
    """The start of a sentence: the last file that gives a key, or else its nearest parent."""
    for length in range(len(key), 0, -1):
        for start in reversed(given):
            with contextlib.suppress(KeyError, IndexError, TypeError):
                _ = functools.reduce(lambda part, name: part[name], key[:length], given[start])
                return start
    return ""
