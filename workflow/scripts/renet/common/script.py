"""Call the function of a rule's script with the values of a Snakemake job.

Each parameter receives the job's input, output, param, resource or wildcard of the same name;
`threads` receives the job's number of threads.
"""

import dataclasses
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from renet.common import disk, logs

# GCC's OpenMP reads this when PyTorch is imported. By default, its waiting threads spin for
# milliseconds: beside other busy processes, a training step takes several times as long.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "6000")
# PyTorch asks Linux for pages of 2 MB for large tensors: float32 takes 4 to 5 % less time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Figures are files. A notebook's terminal sets a backend that only the notebook has.
os.environ["MPLBACKEND"] = "agg"

# Params of rules that functions need not have as parameters: a change reruns the rule.
RERUN_PARAMS = {"code", "contents", "file_order", "file_digest"}


def run(function: Callable[..., None], job_type: type | None = None) -> None:
    """Call a script's function with the job's values, or with one dataclass `job_type` of them."""
    job = function.__globals__.get("snakemake")
    if job is None:
        name = function.__name__
        sys.exit(f"Only Snakemake runs {name}.py; run `snakemake --forcerun {name}` instead.")
    with disk.explained(job.output):
        logs.start(job.log[0])
        os.environ[logs.JOB] = job.wildcards.get("run", job.rule)
        arguments = job_arguments(job, job_type or function)
        if job_type:
            function(job_type(**arguments))
        else:
            function(**arguments)


def job_arguments(job: Any, function: Callable[..., object]) -> dict[str, object]:
    """Return the arguments of a script's function; `job` is the script's `snakemake` object."""
    parameters = inspect.signature(function).parameters
    declared = dict([*job.input.items(), *job.output.items(), *job.params.items()])
    if unknown := declared.keys() - parameters.keys() - RERUN_PARAMS:
        raise TypeError(f"{function.__name__} does not take {', '.join(sorted(unknown))}.")
    given = dict([*job.wildcards.items(), *job.resources.items()]) | {"threads": job.threads}
    given |= declared
    return typed({name: given[name] for name in parameters if name in given}, function)


def typed(given: dict[str, Any], function: Callable[..., object]) -> dict[str, Any]:
    """Convert a job's values to the types of the function's parameters of the same names."""
    hints = typing.get_type_hints(function)
    return {name: as_type(value, hints[name]) for name, value in given.items()}


def as_type(value: Any, hint: Any) -> Any:
    """Convert a value of a job to `hint`, the type of a parameter."""
    kind: Any = typing.get_origin(hint) or hint
    if dataclasses.is_dataclass(kind):
        section: Any = kind
        return section(**typed(value, section))
    if hasattr(kind, "model_validate"):  # a section of the config; params are plain values
        return kind.model_validate(value)
    if kind in (int, Path):
        return kind(value)
    if kind in (list, tuple):
        parts = [value] if isinstance(value, str) else value
        return kind(as_type(part, typing.get_args(hint)[0]) for part in parts)
    if kind is types.UnionType:
        if value is None or value == []:  # Snakemake's value if an input function names no file
            return None
        chosen, *others = set(typing.get_args(hint)) - {type(None)}
        if others:  # sections; the value names its section by its `kind`
            by_kind = {part.model_fields["kind"].default: part for part in (chosen, *others)}
            chosen = by_kind[value["kind"]]
        return as_type(value, chosen)
    return value
