"""What the benchmarks share: arguments, turns, the peak memory of a process, people, tables.

Importing it puts the workflow's scripts and the tests' helpers on the path. It needs NumPy only.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path += map(str, (SCRIPTS, ROOT / "tests"))

# A small process starts each script: the peak memory of a child includes that of its parent.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def parser(description: str) -> argparse.ArgumentParser:
    """A parser whose help is a script's docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def in_turns(
    ways: dict[str, Callable[[], object]], rounds: int, warm_up: int = 1
) -> dict[str, np.ndarray]:
    """Wall and CPU seconds of each way, (rounds, 2) float64; the ways alternate in each round.

    Args:
        warm_up: number of further rounds at first, which do not count.
    """
    seconds: dict[str, list] = {name: [] for name in ways}
    for _ in range(warm_up + rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.array(found[warm_up:]) for name, found in seconds.items()}


def script_cost(script: str, **given: object) -> tuple[float, float]:
    """Seconds and peak MiB of one of the workflow's scripts, given the values of a job.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    code = "import sys; from pathlib import PosixPath; "
    code += f"sys.path += {[str(ROOT / 'workflow/scripts'), str(ROOT / 'tests')]}; "
    code += f"from helpers.project import call_script; call_script({script!r}, **{given})"
    command = [sys.executable, "-c", code]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *command],
                          stdout=subprocess.PIPE, text=True, check=True)  # fmt: skip
    return time.perf_counter() - start, int(done.stdout) / 1024


def people_of_photos(
    random: np.random.Generator, photos: int, people: int, concentration: float, largest: float = 0
) -> np.ndarray:
    """The person of each photo in a simulated set, in which each person has at least one.

    Args:
        concentration: of the Dirichlet distribution of the photos; lower is more unequal.
        largest: part of the photos that one person has; 0: as drawn.
    """
    share = random.dirichlet(np.full(people, concentration))
    if largest:
        share[1:] *= (1 - largest) / share[1:].sum()
        share[0] = largest
    counts = 1 + random.multinomial(photos - people, share / share.sum())
    return np.repeat(np.arange(people), counts)


def noise_of_photos(
    random: np.random.Generator, person: np.ndarray, spread: float = 1.0
) -> np.ndarray:
    """Standard normal noise of each photo, alike within a person whose effect has this spread."""
    effect = random.normal(0, spread, person.max() + 1)[person]
    return (effect + random.normal(size=len(person))) / np.hypot(1, spread)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table in Markdown, each row as soon as it is computed."""
    columns = list(columns)
    for row in itertools.chain([columns, ["---"] * len(columns)], rows):
        print("|", " | ".join(map(str, row)), "|", flush=True)
