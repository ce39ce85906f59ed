"""Deletes each of many outputs in turn, and says which rules a dry run would run for it.

Runs in a process of its own, in the project's folder: one process builds the graph of jobs many
times, since Snakemake's start alone takes two seconds.

    python lost_outputs.py <config> <file> …    prints {file: [rules]} as JSON
"""

import contextlib
import io
import json
import re
import shutil
import sys
from pathlib import Path

from snakemake.cli import main


def planned_without(path: Path, config: str) -> list[str]:
    """The rules that would run if this file or folder were lost."""
    aside = path.with_name("aside")
    shutil.move(path, aside)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            main(["-n", "--configfile", config])
    except SystemExit as end:
        if end.code:
            raise
    finally:
        shutil.move(aside, path)
    found = re.findall(r"^(?:local)?rule (\w+):", said.getvalue(), re.MULTILINE)
    return sorted(set(found) - {"all"})


if __name__ == "__main__":
    config, *names = sys.argv[1:]
    print(json.dumps({name: planned_without(Path(name), config) for name in names}))
