"""Run a script from the command line: the parameters of its function are the options.

An option is `--detect` or, for a field of a dataclass, `--compute.threads 4`; positional arguments
need no name. The help is the function's docstring. `-o -` writes to standard output.
"""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from renet.common import disk, files, logs, script
from renet.common.errors import InputError

Output = Annotated[Path, Parameter(alias="-o")]  # the main output
Granted = Annotated[int | None, Parameter(parse=False)]  # a job's resource; no option


def run(function: Callable[..., None]) -> None:
    """Call a script's function with the arguments of the command line or of Snakemake's job."""
    if "snakemake" in function.__globals__:
        script.run(function)
        return
    logs.start()
    outputs = zip(sys.argv, sys.argv[1:], strict=False)
    arguments = [str(files.STANDARD_OUTPUT) if pair == ("-o", "-") else pair[1] for pair in outputs]
    try:
        with disk.explained(sys.argv[1:]):
            options(function)(arguments, exit_on_error=False)
    except CycloptsError as error:  # Cyclopts has printed it; status 2, as from argparse
        if isinstance(error, MissingArgumentError) and "-o" in getattr(error.argument, "names", ()):
            print("Name the output file: -o FILE.", file=sys.stderr)
        sys.exit(2)
    except FileNotFoundError as error:
        if error.filename is None or os.fspath(error.filename) not in arguments:
            raise
        raise InputError(f"{error.filename} does not exist; check the path.") from error


def options(function: Callable[..., None]) -> App:
    """Return the Cyclopts app that parses the options of a script's function."""
    return App(
        default_command=function,
        name=Path(sys.argv[0]).name,
        help_format="plaintext",
        help_flags=["--help", "-h"],
        # Imported by name, so that the code digest of a job does not depend on the version.
        version=lambda: importlib.import_module("renet.config.version").VERSION,
        default_parameter=Parameter(consume_multiple=True, name_transform=str, negative=()),
        result_action="return_none",
    )
