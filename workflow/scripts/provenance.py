"""Record what is needed to reproduce a run.

Reads: throughput.csv, training.json of model.pt in a folder beside throughput.csv, and receipts.
Writes: provenance.json (workflow/schemas/provenance.schema.yaml); and machine.js, the training's
time and machine for the pages. The rule train does not do this, so that changes repeat no training.
"""

import logging
from pathlib import Path

from renet.archives import receipts
from renet.common import files, script
from renet.common.errors import InputError
from renet.common.history import THROUGHPUT
from renet.config.version import VERSION
from renet.pages import page_data
from renet.records import machine as machine_facts

FORMAT = "renet-provenance-1"


def provenance(
    run: str,
    model: Path,
    receipt_files: list[Path],
    provenance: Path,
    data: dict,
    throughput: Path,
    machine: Path,
) -> None:
    """Write provenance.json and machine.js of one run."""
    recorded = find_record(model, throughput.parent)
    facts = machine_facts.summarise(recorded, THROUGHPUT.read(throughput))
    page_data.write_entry(machine, "renetMachines", run, facts)
    inputs = {
        "archives": [receipts.facts(path) for path in receipt_files],
        "faces": recorded.pop("faces"),
        "start_from": recorded.pop("start_from"),
    }
    config = data | recorded.pop("config")
    recorded["code"] = {"version": VERSION} | recorded["code"]
    files.write_json(provenance, {"format": FORMAT, "config": config, "inputs": inputs} | recorded)
    logging.info("%s is written", provenance)


def find_record(model: Path, trainings: Path) -> dict:
    """Return training.json of a model from the folder `trainings`; see `renet.training.folder`."""
    digest = files.file_digest(model)
    for path in trainings.glob("*/training.json"):
        record = files.read_json(path)
        results = record.pop("results", {})  # earlier versions lack it
        if results.get(model.name) == digest:
            return record
    raise InputError(
        f"{trainings} has no training.json of {model}: it was deleted, or an earlier version of "
        f"the workflow trained the model. Delete {model} to train it again or, to keep these "
        "results, name another folder, by `pathvars: {results: …}`."
    )


if __name__ == "__main__":
    script.run(provenance)
