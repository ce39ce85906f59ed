"""Make the config complete and validate it; each error is one sentence.

A sentence (`renet.config.sentences`) begins with the file that gave the key.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from renet.common.errors import InputError
from renet.config import checks, grids, runs, sentences
from renet.config.model import KINDS
from renet.config.schema import Config
from renet.config.sentences import Key

SHOWN = 4  # errors in one message
COMMAND_LINE = "--config"
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?e[+-]?\d+", re.IGNORECASE)  # which YAML takes for text

Given = Sequence[tuple[str, Mapping]]  # what each file, and the command line, gives


def load(config: dict, files: dict[Path, dict], command_line: Mapping) -> None:
    """Fill in the defaults of a config, check all of it, and give it its canonical form, in place.

    Args:
        files: content of config.yaml and the overlays, in the order in which Snakemake merges them.
        command_line: what `--config` gives; Snakemake leaves its nested values as text.

    Raises:
        InputError: the config is not valid; a sentence for each error.
    """
    line = {
        key: _parsed(value) if isinstance(value, Mapping | list) else value
        for key, value in command_line.items()
    }
    contents: Given = [
        *((str(file), content) for file, content in files.items()),
        (COMMAND_LINE, line),
    ]
    merged: dict = {}
    for content in [*([] if files else [config]), *(content for _, content in contents)]:
        _merge(merged, content)
    _names_as_text(merged)
    _complete_kinds(merged)
    merged = _with_numbers(merged)
    try:
        complete = Config.model_validate(merged).complete()
        found = list(_faults_of_grids(complete))
    except ValidationError as error:
        found = sentences.of(error, merged)
    if found:
        said = [f"{_where(contents, key)}{sentence}" for key, sentence in dict.fromkeys(found)]
        more = [f"… and {len(said) - SHOWN} more errors"] if len(said) > SHOWN else []
        raise InputError("\n".join(said[:SHOWN] + more))
    config.update(complete)
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


def _with_numbers(value: Any) -> Any:
    """A value with all texts such as 1e-3 as numbers, and 2.0 as a whole number."""
    if isinstance(value, Mapping):
        return {name: _with_numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_numbers(part) for part in value]
    number = float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
    is_whole = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if is_whole else number


def _merge(config: dict, changes: Mapping) -> None:
    """Merge as Snakemake does, but a network of another kind keeps no key of the former one.

    The runs have the order of the last file that names them.
    """
    for key, value in changes.items():
        old: Any = config.get(key)
        is_section = isinstance(value, Mapping) and isinstance(old, dict)
        kind = old.get("kind") if is_section else None
        if not is_section or (key == "model" and value.get("kind", kind) != kind):
            config[key] = copy.deepcopy(value)
            continue
        _merge(old, value)
        if key == "runs":
            old |= {name: old.pop(name) for name in value}


def _names_as_text(config: dict) -> None:
    """Make names of runs, archives and sources such as 2024 text; YAML reads them as numbers."""
    for section in ("runs", "archives"):
        if isinstance(config.get(section), dict):
            named = config[section]
            config[section] = {str(n) if type(n) is int else n: named[n] for n in named}
    for section in ("sources", "external"):
        if isinstance(config.get(section), list):
            config[section] = [str(n) if type(n) is int else n for n in config[section]]


def _complete_kinds(config: dict) -> None:
    """Name the kind of each section `model`; that of a run is by default that of the config."""
    model, named = config.setdefault("model", {}), config.get("runs")
    if isinstance(model, dict):
        kind = model.setdefault("kind", next(iter(KINDS)))
        for run in named.values() if isinstance(named, dict) else ():
            if isinstance(run, dict) and isinstance(run.get("model"), dict):
                run["model"].setdefault("kind", kind)


def _faults_of_grids(config: dict) -> Iterator[tuple[Key, str]]:
    """The errors in the grids of a config that otherwise is valid."""
    for name, changes in config["runs"].items():
        if not changes or "grid" not in changes:
            continue
        found = list(grids.faults(name, changes))
        yield from found
        for _, of_run in [] if found else grids.expand(name, changes):
            of_run.setdefault("model", {}).setdefault("kind", config["model"]["kind"])
            try:
                runs.Run.model_validate(of_run)
            except ValidationError as error:
                yield from sentences.of(error, of_run, ("runs", name))


def _where(given: Given, key: Key) -> str:
    """The start of a sentence: the last file that gives a key, or else its nearest parent."""
    for length in range(len(key), 0, -1):
        for name, content in reversed(given):
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
