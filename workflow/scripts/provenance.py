"""Record all that it takes to reproduce a run.

Reads: training.json and throughput.csv, which the training has written, and the receipts of the
archives.
Writes: provenance.json (workflow/schemas/provenance.schema.yaml); machine.js, what the pages show
of time and machine.
Decides: nothing. It is a rule of its own, so that a change of it does not train again.
"""

import logging
from pathlib import Path

from renet.archives import receipts
from renet.common import files, script
from renet.config.version import VERSION
from renet.pages import machine as machine_facts
from renet.pages import page_data
from renet.training.history import THROUGHPUT

FORMAT = "renet-provenance-1"


def provenance(
    run: str,
    training: Path,
    receipt_files: list[Path],
    provenance: Path,
    data: dict,
    throughput: Path,
    machine: Path,
) -> None:
    """Write provenance.json and machine.js of one run."""
    recorded = files.read_json(training)
    facts = machine_facts.summarise(recorded, THROUGHPUT.read(throughput))
    page_data.write_entry(machine, "renetMachines", run, facts)
    inputs = {
        "archives": [receipts.facts(path) for path in receipt_files],
        "faces": recorded.pop("faces"),
        "start_from": recorded.pop("start_from", None),
    }
    config = data | recorded.pop("config")
    recorded["code"] = {"version": VERSION} | recorded["code"]
    files.write_json(provenance, {"format": FORMAT, "config": config, "inputs": inputs} | recorded)
    logging.info("%s is written", provenance)


if __name__ == "__main__":
    script.run(provenance)
