"""A script is one function: Snakemake calls it with a job's values, a user from a command line.

A script ends with

    if __name__ == "__main__":
        script.run(crop_faces)

Under Snakemake, each argument is the job's named input, output, param, resource or wildcard of the
same name. On a command line, each argument is an option, `--size 128 128` or, for a field of a
dataclass, `--filter.min_age 18`; positional arguments may be given without their name. The help is
the function's docstring.
"""

import dataclasses
import inspect
import json
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from renet.common import logs

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
DIGEST_OF_CODE = "code"


def run(function: Callable[..., None]) -> None:
    """Call a script's function with what the job or the command line gives.

    Raises:
        TypeError: the rule names an input, output or param that the function does not take.
    """
    job = function.__globals__.get("snakemake")
    if job is None:
        logs.start()
        command_line(function)()
    else:
        logs.start(job.log[0])
        function(**job_arguments(job, function))


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


def job_arguments(job: object, function: Callable[..., None]) -> dict[str, object]:
    """The arguments of a script's function, from the `snakemake` object of a job."""
    parameters = inspect.signature(function).parameters
    declared = dict([*job.input.items(), *job.output.items(), *job.params.items()])
    if unknown := declared.keys() - parameters.keys() - {DIGEST_OF_CODE}:
        raise TypeError(f"{function.__name__} does not take {', '.join(sorted(unknown))}.")
    given = dict([*job.wildcards.items(), *job.resources.items()]) | declared
    hints = typing.get_type_hints(function)
    return {name: as_type(given[name], hints[name]) for name in parameters if name in given}


def as_type(value: object, hint: object) -> object:
    """A value of a job as the type that a function asks for.

    Snakemake gives strings for paths and wildcards, lists of its own, an empty list where a
    function of the rule names no file, and plain dictionaries for sections of the config.
    """
    kind = typing.get_origin(hint) or hint
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: as_type(part, hints[name]) for name, part in value.items()})
    if kind in (int, Path):
        return kind(value)
    if kind in (list, tuple):
        parts = [value] if isinstance(value, str) else value
        return kind(as_type(part, typing.get_args(hint)[0]) for part in parts)
    if kind is types.UnionType:  # with None, for what is optional
        (of,) = set(typing.get_args(hint)) - {type(None)}
        return None if value is None or value == [] else as_type(value, of)
    return value
