"""The config's section `runs`. A grid makes one run for each combination of some values:

    sweep: {grid: {train.learning_rate: [0.003, 0.01], model.cell: [tanh, gru]}}

makes the runs sweep-cell_gru-learning_rate_0.003, … A run's name depends only on its own keys,
sorted by name, and their values. A new value in the grid therefore renames no other run.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from renet.common.files import json_digest
from renet.config.model import Architecture, Model
from renet.config.section import ABSENT, Positive, Section, Seed, Unique
from renet.config.train import Recipe

# `train` of a kind without layers: with one thread, no result depends on the number of threads.
WITHOUT_LAYERS = {"device": "cpu", "processes": 1, "threads": 1, "select_epoch": "last"}
MAX_RUNS = 50
UNFIT = re.compile(r"[^A-Za-z0-9_.-]")  # characters that a run's name cannot have


class Checkpoints(Section):
    """Interval of checkpoints. A change here does not repeat a finished training."""

    minutes: Positive = 10.0
    """time between checkpoints; at the end of an epoch, at least 30 s"""


class Resources(Section):
    """Resources of a training job on a cluster (profiles/README.md). A change reruns nothing."""

    memory_mb: Annotated[int, Field(ge=100)] = 8000
    """MB of memory for all processes of a training; after a failure, twice as much"""
    minutes: Annotated[int, Field(ge=5)] = 1440
    """time limit; a training that reaches it resumes in the next job"""


GridKey = Annotated[str, Field(pattern=r"^(model|train)\..")]
Grid = dict[GridKey, Annotated[Unique[Any], Field(min_length=1)]]


class Run(Section):
    """Entry of `runs`: the keys that a training overrides, and how it is repeated."""

    model: Model = Architecture()
    train: Recipe = Recipe()
    checkpoints: Checkpoints = Checkpoints()
    resources: Resources = Resources()
    folds: Annotated[int, Field(ge=2, le=20)] = 0
    """such as 5, adds a cross-validation on the training and validation sets, for small data"""
    learning_curve: Annotated[Unique[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2)] = []
    """such as [0.25, 0.5, 1], shows the accuracy by the number of training faces"""
    grid: Annotated[Grid, Field(min_length=1)] = ABSENT
    """such as {train.learning_rate: [0.003, 0.01]}, makes a run of each combination"""
    seeds: Annotated[Unique[Seed], Field(min_length=1)] = ABSENT
    """such as [1, 2, 3], makes a run of each"""


def expand(name: str, run: Run | None) -> Iterator[tuple[str, dict]]:
    """Yield (name, overridden keys) of each run of the entry `name`; an entry None has no run."""
    if run is None:
        return
    rest = run.model_dump(by_alias=True, exclude_unset=True, exclude={"grid", "seeds"})
    grid = run.grid or {}
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        of_grid = "-".join([name, *(_word(key, value) for key, value in sorted(settings.items()))])
        seeds = [(f"-seed{seed}", {"train.seed": seed}) for seed in run.seeds or []]
        for suffix, of_seed in seeds or [("", {})]:
            yield of_grid + suffix, _changed(rest, settings | of_seed)


def _word(key: str, value: object) -> str:
    """Return a run name's part for a value of a key: `learning_rate_0.01`, `augment_flip`."""
    return "_".join([key.rpartition(".")[2], *(_parts(value) or ["none"])])


def _parts(value: object) -> list[str]:
    """Return the numbers and texts in a value, as words for the name of a run."""
    if isinstance(value, Mapping):
        value = [value[name] for name in sorted(value, key=str)]
    if isinstance(value, list):
        return [text for part in value for text in _parts(part)]
    text = value if isinstance(value, str) else str(value).lower().replace("+", "")
    return [UNFIT.sub("_", text)]


def _changed(changes: Mapping, settings: Mapping[str, object]) -> dict:
    """Return a run's `changes` (by section) with further `settings` (by `section.key`)."""
    changed = dict(changes)
    for key, value in settings.items():
        section, _, name = key.partition(".")
        changed[section] = {**changed.get(section, {}), name: value}
    return changed


def some_runs(entries: dict[str, Run | None]) -> dict[str, Run | None]:
    """Return the entries of `runs`; raise an error if they make no run, or more than MAX_RUNS."""
    switched_on = [run for run in entries.values() if run]
    lengths = [map(len, [*(run.grid or {}).values(), run.seeds or [0]]) for run in switched_on]
    count = sum(map(math.prod, lengths))
    if not count:
        raise ValueError("names no run that is switched on; write `runs: {renet: {}}`.")
    if count > MAX_RUNS:
        raise ValueError(f"makes {count:,} runs, more than {MAX_RUNS}; remove values of a grid.")
    return entries


def plain(sections: Any) -> dict:
    """Return all keys of a config or run as plain values; the first key of `model` is `kind`."""
    values = sections.model_dump(by_alias=True)
    return values | {"model": {"kind": sections.model.kind} | values["model"]}


def seed_groups(settings: dict[str, dict]) -> list[list[str]]:
    """Return groups of at least two runs that differ only in `train.seed`, one run per seed."""
    groups: dict[str, dict[int, str]] = {}
    for name, of_run in settings.items():
        others = {key: value for key, value in of_run["train"].items() if key != "seed"}
        group = groups.setdefault(json_digest(of_run | {"train": others}), {})
        group.setdefault(of_run["train"]["seed"], name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]
