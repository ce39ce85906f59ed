"""Record where a run comes from: all that it takes to make it again a year later.

Reads: training.json, which the training left, and the receipts of the archives.
Writes: provenance.json (workflow/schemas/provenance.schema.yaml).
Decides: nothing. It is a rule of its own so that what is only written down trains nothing again.
"""

import argparse
from pathlib import Path

import yaml

from renet.archives import receipts
from renet.common import files, logs

FORMAT = "renet-provenance-1"


def record(training: str, receipt_files: list[str], data: dict, output: str) -> None:
    """Write provenance.json of one run.

    Args:
        training: training.json of the run.
        receipt_files: of all archives.
        data: the config's sections about the data.
    """
    known = files.read_json(training)
    inputs = {"archives": list(map(receipts.facts, receipt_files)), "faces": known.pop("faces")}
    config = data | known.pop("config")
    files.write_json(output, {"format": FORMAT, "config": config, "inputs": inputs, **known})


def main() -> None:
    """Record where a run comes from, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("training", help="training.json of the run")
    parser.add_argument("data", type=Path, help="YAML file with the config's sections on the data")
    parser.add_argument("receipts", nargs="*", help="receipts of the archives")
    parser.add_argument("-o", "--output", required=True, metavar="JSON", help="file to write")
    arguments = parser.parse_args()
    logs.start()
    data = yaml.safe_load(arguments.data.read_text(encoding="utf-8"))
    record(arguments.training, arguments.receipts, data, arguments.output)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        record(
            snakemake.input.training,
            snakemake.input.receipts,
            snakemake.params.data,
            snakemake.output[0],
        )
    else:
        main()
