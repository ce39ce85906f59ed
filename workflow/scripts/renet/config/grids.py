"""Grids: an entry of `runs` that makes one run for each combination of some values.

    sweep: {grid: {train.learning_rate: [0.003, 0.01], model.cell: [tanh, gru]}}

is the runs sweep-cell_gru-learning_rate_0.003, … The name of a run follows from its keys and values
alone, in the order of the keys' names: a further value leaves the other runs as they are.
"""

import copy
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping

from renet.config.model import KINDS
from renet.config.train import Recipe

SECTIONS = ("model", "train")  # that a grid may vary
MAX_RUNS = 50
UNFIT = re.compile(r"[^A-Za-z0-9_.-]")  # for the name of a run

Sentence = tuple[tuple[str | int, ...], str]  # the key, and the error in it


def expand(name: str, changes: Mapping | None) -> Iterator[tuple[str, dict]]:
    """The names of the runs that an entry of `runs` makes, and what each changes.

    Args:
        changes: the entry; None makes no run. `grid` makes one run for each combination, `seeds`
            one for each seed.
    """
    if changes is None:
        return
    rest = {key: value for key, value in changes.items() if key not in ("grid", "seeds")}
    grid = changes.get("grid", {})
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        words = [name, *(word(key, value) for key, value in sorted(settings.items()))]
        of_run = _changed(rest, settings)
        for seed in changes.get("seeds", [None]):
            if seed is None:
                yield "-".join(words), of_run
            else:
                yield "-".join([*words, f"seed{seed}"]), _changed(of_run, {"train.seed": seed})


def word(key: str, value: object) -> str:
    """What a value of a key adds to the name of a run: `learning_rate_0.01`, `augment_flip`."""
    return "_".join([key.rpartition(".")[2], *(_parts(value) or ["none"])])


def _parts(value: object) -> list[str]:
    """The numbers and texts of a value; equal numbers give the same text, however written."""
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, int | float):
        whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
        return [str(int(value)) if whole else repr(float(value)).replace("+", "")]
    if isinstance(value, str):
        return [UNFIT.sub("_", value)]
    inner = [part for _, part in sorted(value.items())] if isinstance(value, Mapping) else value
    return [text for part in inner for text in _parts(part)] if isinstance(inner, Iterable) else []


def _changed(changes: Mapping, settings: Mapping[str, object]) -> dict:
    """The changes of a run with further settings, given by `section.key`."""
    changed = copy.deepcopy(dict(changes))
    for key, value in settings.items():
        section, _, name = key.partition(".")
        changed[section] = {**changed.get(section, {}), name: copy.deepcopy(value)}
    return changed


def faults(name: str, changes: Mapping) -> Iterator[Sentence]:
    """The errors in the grid of a run, apart from its values; `changes` is its entry of `runs`."""
    grid, at = changes["grid"], ("runs", name, "grid")
    of_model = {key for kind in KINDS.values() for key in kind.model_fields}
    known = {"model": of_model, "train": set(Recipe.model_fields)}
    for key in grid:
        section, _, inner = str(key).partition(".")
        shown = ".".join((*at, str(key)))
        near = [f"`{one}.{key}`" for one in SECTIONS if key in known[one]]
        if section not in SECTIONS or not inner:
            way_out = f"did you mean {' or '.join(near)}?" if near else "write e.g. `train.seed`."
            if key in ("folds", "learning_curve", "seeds"):
                way_out = f"write it beside the grid, as `runs.{name}.{key}`."
            yield (*at, key), f"`{shown}` is not a key of {' or '.join(SECTIONS)}; {way_out}"
    count = math.prod(map(len, grid.values())) * len(changes.get("seeds", [0]))
    if count > MAX_RUNS:
        yield at, f"`{'.'.join(at)}` makes {count:,} runs, more than {MAX_RUNS}; give fewer values."
