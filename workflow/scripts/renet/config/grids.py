"""Grids: an entry of `runs` that makes one run for each combination of some values.

    sweep: {grid: {train.learning_rate: [0.003, 0.01], model.cell: [tanh, gru]}}

is the runs sweep-cell_gru-learning_rate_0.003, … The name of a run follows from its keys and values
alone, in the order of the keys' names: a further value leaves the other runs as they are.
"""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping

from renet.config.runs import Run

UNFIT = re.compile(r"[^A-Za-z0-9_.-]")  # for the name of a run


def expand(name: str, run: Run | None) -> Iterator[tuple[str, dict]]:
    """Names of the runs that an entry of `runs` makes, None no run, and what each changes."""
    if run is None:
        return
    rest = run.model_dump(by_alias=True, exclude_unset=True, exclude={"grid", "seeds"})
    grid = run.grid or {}
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        of_grid = "-".join([name, *(_word(key, of) for key, of in sorted(settings.items()))])
        seeds = [(f"-seed{seed}", {"train.seed": seed}) for seed in run.seeds or []]
        for suffix, of_seed in seeds or [("", {})]:
            yield of_grid + suffix, _changed(rest, settings | of_seed)


def _word(key: str, value: object) -> str:
    """Part of a run's name for a value of a key: `learning_rate_0.01`, `augment_flip`."""
    return "_".join([key.rpartition(".")[2], *(_parts(value) or ["none"])])


def _parts(value: object) -> list[str]:
    """Numbers and texts of a value."""
    if isinstance(value, Mapping):
        value = [value[name] for name in sorted(value, key=str)]
    if isinstance(value, list):
        return [text for part in value for text in _parts(part)]
    text = value if isinstance(value, str) else str(value).lower().replace("+", "")
    return [UNFIT.sub("_", text)]


def _changed(changes: Mapping, settings: Mapping[str, object]) -> dict:
    """Changes of a run with further settings, given by `section.key`."""
    changed = copy.deepcopy(dict(changes))
    for key, value in settings.items():
        section, _, name = key.partition(".")
        changed[section] = {**changed.get(section, {}), name: copy.deepcopy(value)}
    return changed
