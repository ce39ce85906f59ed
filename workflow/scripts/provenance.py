"""Record all that it takes to reproduce a run.

Reads: training.json, which the training has written, and the receipts of the archives.
Writes: provenance.json (workflow/schemas/provenance.schema.yaml).
Decides: nothing. It is a rule of its own, so that a change of it does not train again.
"""

import logging
from pathlib import Path

from renet.archives import receipts
from renet.common import files, script

FORMAT = "renet-provenance-1"


def provenance(
    training: Path, receipt_files: list[Path], *, provenance: script.Output, data: script.Json
) -> None:
    """Write provenance.json of one run.

    Args:
        training: training.json of the run.
        receipt_files: receipts of all archives, as download.py writes them.
        provenance: JSON file to write.
        data: the config's sections about the data, as a JSON object.
    """
    recorded = files.read_json(training)
    inputs = {
        "archives": [receipts.facts(path) for path in receipt_files],
        "faces": recorded.pop("faces"),
    }
    config = data | recorded.pop("config")
    files.write_json(provenance, {"format": FORMAT, "config": config, "inputs": inputs} | recorded)
    logging.info("%s is written", provenance)


if __name__ == "__main__":
    script.run(provenance)
