"""Results that another version of the workflow has made."""

import json
from collections.abc import Iterable
from pathlib import Path

MOST_NAMES = 5  # of runs in one sentence


def other_versions(results: Path, runs: Iterable[str], version: str) -> str | None:
    """A sentence about the runs whose provenance.json names another version; None without one.

    A file that is missing or damaged says nothing: the rule that writes it runs again.
    """
    found: dict[str, list[str]] = {}
    for run in runs:
        path = results / "runs" / run / "provenance.json"
        try:
            made_by = str(json.loads(path.read_text(encoding="utf-8"))["code"]["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if made_by != version:
            found.setdefault(made_by, []).append(run)
    if not found:
        return None
    parts = [f"version {made_by} ({_listed(names)})" for made_by, names in found.items()]
    return (
        f"{results} has runs of {' and '.join(parts)}, and this is version {version}: what this "
        "version computes in another way is made again, in place of the old results. Copy the "
        "folder first if you want to keep them."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
