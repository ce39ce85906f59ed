"""A script is one function: Snakemake calls it with a job's values, a user from a command line.

A script ends with

    if __name__ == "__main__":
        script.run(crop_faces)

Under Snakemake, each argument is the job's named input, output, param, resource or wildcard of the
same name, and `threads` its number of threads. On a command line, each argument is an option,
`--size 128 128` or, for a field of a dataclass, `--filter.min_age 18`; positional arguments may be
given without their name. The help is the function's docstring. `-o -` writes to standard output.
"""

import dataclasses
import inspect
import json
import os
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from renet.common import disk, files, logs
from renet.common.errors import InputError

# Set before PyTorch is imported, because GCC's OpenMP reads it once. Its waiting threads otherwise
# spin for milliseconds, which keeps the core from a thread that has work: beside other busy
# processes, a training step takes several times as long.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "6000")

Output = Annotated[Path, Parameter(alias="-o")]  # the main output, `-o` on a command line
Json = Annotated[  # a JSON object, `--data '{"key": 1}'` on a command line
    dict,
    Parameter(
        accepts_keys=False, n_tokens=1, converter=lambda _, given: json.loads(given[0].value)
    ),
]
# For Snakemake alone:
Code = Annotated[str, Parameter(parse=False)]  # the rule's digest of its code
Granted = Annotated[int | None, Parameter(parse=False)]  # what the job gets of a resource
# Params that a script need not take; a change of them reruns the rule.
RERUN_PARAMS = {"code", "file_order", "file_digest"}
USAGE_ERROR = 2  # exit status


def run(function: Callable[..., None], job_type: type | None = None) -> None:
    """Call a script's function with what the job or the command line gives.

    Args:
        job_type: a dataclass; the function of a job takes this in place of single arguments.

    Raises:
        TypeError: the rule names an input, output or param that the function does not take.
        InputError: an argument of the command line names a file that does not exist.
    """
    job = function.__globals__.get("snakemake")
    with disk.explained(sys.argv[1:] if job is None else job.output):
        if job is None:
            logs.start()
            _run_by_hand(function, sys.argv[1:])
        else:
            logs.start(job.log[0])
            if job_type:
                function(job_type(**job_arguments(job, job_type)))
            else:
                function(**job_arguments(job, function))


def _run_by_hand(function: Callable[..., None], arguments: list[str]) -> None:
    """Call a script's function with what a command line gives."""
    outputs = zip(["", *arguments], arguments, strict=False)
    arguments = [str(files.STANDARD_OUTPUT) if pair == ("-o", "-") else pair[1] for pair in outputs]
    try:
        command_line(function)(arguments, exit_on_error=False)
    except CycloptsError:  # printed; the status is that of argparse for every version
        sys.exit(USAGE_ERROR)
    except FileNotFoundError as error:
        if error.filename is None or os.fspath(error.filename) not in arguments:
            raise
        raise InputError(f"{error.filename} does not exist; check the path.") from error


def command_line(function: Callable[..., None]) -> App:
    """The command line of a script's function."""
    return App(
        default_command=function,
        name=Path(sys.argv[0]).name,
        help_format="plaintext",
        help_flags=["--help", "-h"],
        version_flags=[],
        default_parameter=Parameter(consume_multiple=True, name_transform=str, negative=()),
        result_action="return_none",
    )


def job_arguments(job: Any, function: Callable[..., None]) -> dict[str, object]:
    """The arguments of a script's function, from the `snakemake` object of a job."""
    parameters = inspect.signature(function).parameters
    declared = dict([*job.input.items(), *job.output.items(), *job.params.items()])
    if unknown := declared.keys() - parameters.keys() - RERUN_PARAMS:
        raise TypeError(f"{function.__name__} does not take {', '.join(sorted(unknown))}.")
    given = dict([*job.wildcards.items(), *job.resources.items()]) | {"threads": job.threads}
    given |= declared
    hints = typing.get_type_hints(function)
    return {name: as_type(given[name], hints[name]) for name in parameters if name in given}


def as_type(value: Any, hint: Any) -> Any:
    """A value of a job as the type that a function asks for.

    Snakemake gives strings for paths and wildcards, lists of its own, an empty list where a
    function of the rule names no file, and plain dictionaries for sections of the config.
    """
    kind: Any = typing.get_origin(hint) or hint
    if dataclasses.is_dataclass(kind):
        section: Any = kind
        hints = typing.get_type_hints(section)
        return section(**{name: as_type(part, hints[name]) for name, part in value.items()})
    if kind in (int, Path):
        return kind(value)
    if kind in (list, tuple):
        parts = [value] if isinstance(value, str) else value
        return kind(as_type(part, typing.get_args(hint)[0]) for part in parts)
    if kind is types.UnionType:
        if value is None or value == []:
            return None
        choices = set(typing.get_args(hint)) - {type(None)}
        # An optional type, or one of several dataclasses, whose `kind` the value names.
        chosen = next(one for one in choices if len(choices) == 1 or one.kind == value["kind"])
        return as_type(value, chosen)
    return value
