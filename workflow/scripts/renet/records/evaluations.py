"""Folder `evaluations` of the results: a file for each evaluation of a model on a set of faces.

The number of models tells how often a test set was used. The files are not outputs of a rule, since
Snakemake would delete outputs. They have no date, so that a repeated evaluation changes nothing.
"""

from collections import Counter
from pathlib import Path

from renet.common import files


def record(folder: Path, run: str, model: Path, name: str) -> None:
    """Record that a run's model.pt was evaluated on the set `name`."""
    content = {"run": run, "set": name, "model": files.file_digest(model)}
    files.write_json(folder / f"{files.json_digest(content)}.json", content)


def models_by_set(folder: Path, runs: int) -> Counter[str]:
    """Count models evaluated on each set; 0 for a set with records of fewer than `runs` runs."""
    records = [files.read_json(path) for path in folder.glob("*.json")]
    models = Counter(name for name, _ in {(record["set"], record["model"]) for record in records})
    recorded = Counter(name for name, _ in {(record["set"], record["run"]) for record in records})
    return Counter({name: models[name] for name in models if recorded[name] >= runs})
