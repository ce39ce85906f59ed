"""The config's section `runs`."""

import hashlib
import json
import math
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from renet.config.model import KINDS, Architecture, Model
from renet.config.section import ABSENT, Positive, Section, Seed, Unique
from renet.config.train import Recipe

# Keys of `train`: in one thread, predictions, like the fit, do not depend on the number of threads.
WITHOUT_LAYERS = {"device": "cpu", "processes": 1, "threads": 1, "select_epoch": "last"}
GRID_SECTIONS = {"model": KINDS.values(), "train": [Recipe]}  # that a grid may vary
MAX_RUNS = 50


class Checkpoints(Section):
    """Interval of checkpoints. A change here does not repeat a finished training."""

    removed: ClassVar = {
        "save_every": "`minutes` is the time between checkpoints",
        "keep_models": "the last two checkpoints are kept until the training ends",
    }

    minutes: Positive = 10.0
    """time between checkpoints; an epoch's end saves one if the last is 30 s old"""


class Resources(Section):
    """Resources of a training job on a cluster (profiles/README.md). A change reruns nothing."""

    removed: ClassVar = {"nodes": "a training runs on one machine"}

    memory_mb: Annotated[int, Field(ge=100)] = 8000
    """MB of memory for all its processes; after a failure twice as much"""
    minutes: Annotated[int, Field(ge=5)] = 1440
    """time limit; a training that reaches it resumes in the next job"""


def _grid_key(key: str) -> str:
    section, _, name = key.partition(".")
    if section in GRID_SECTIONS and name:
        return key
    near = [f"`{one}.{key}`" for one, kinds in GRID_SECTIONS.items()
            if any(key in kind.model_fields for kind in kinds)]  # fmt: skip
    way_out = f"did you mean {' or '.join(near)}?" if near else "write e.g. `train.seed`."
    if key in Run.model_fields and key not in GRID_SECTIONS:
        way_out = f"write `{key}` beside `grid`."
    raise ValueError(f"is not a key of {' or '.join(GRID_SECTIONS)}; {way_out}")


Grid = dict[Annotated[str, AfterValidator(_grid_key)], Annotated[Unique[Any], Field(min_length=1)]]


class Run(Section):
    """A training, with what it overrides."""

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


def some_runs(entries: dict[str, Run | None]) -> dict[str, Run | None]:
    """Refuse entries of `runs` that make no run, or more than the workflow plans."""
    switched_on = [one for one in entries.values() if one]
    lengths = [map(len, [*(one.grid or {}).values(), one.seeds or [0]]) for one in switched_on]
    count = sum(map(math.prod, lengths))
    if not count:
        raise ValueError("names no run that is switched on; write `runs: {renet: {}}`.")
    if count > MAX_RUNS:
        raise ValueError(f"makes {count:,} runs, more than {MAX_RUNS}; remove some.")
    return entries


def plain(sections: Any) -> dict:
    """All keys as plain values; the first key of `model` is its kind."""
    values = sections.model_dump(by_alias=True)
    return values | {"model": {"kind": sections.model.kind} | values["model"]}


def digest(settings: dict) -> str:
    """SHA-256 of settings. The order of their keys does not change it."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seed_groups(settings: dict[str, dict]) -> list[list[str]]:
    """Groups of runs that differ by `train.seed` alone: two seeds or more, one run of each."""
    groups: dict[str, dict[int, str]] = {}
    for name, of_run in settings.items():
        others = {key: value for key, value in of_run["train"].items() if key != "seed"}
        group = groups.setdefault(digest(of_run | {"train": others}), {})
        group.setdefault(of_run["train"]["seed"], name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]
