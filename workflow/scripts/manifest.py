"""Record the digests of a run, which verify.py compares, and the config that reproduces it.

Reads: the tables of the run's test sets, the receipts of the archives, and all files of the run
except the pages of the rule report, which change with any run.
Writes: config.yaml, the complete config of this run alone; and manifest.json, with the digests.
"""

import logging
from pathlib import Path

import yaml

from renet.common import files, script
from renet.records import manifest as manifests


def manifest(
    outputs: list[Path],
    tables: list[Path],
    receipt_files: list[Path],
    manifest: Path,
    config: Path,
    settings: dict,
) -> None:
    """Write manifest.json and config.yaml of one run."""
    removed = "# User info and queries were removed from URLs, because they can be secrets.\n"
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    files.write_text(config, removed * bool(settings.get("archives")) + text)
    content = manifests.describe_run([*outputs, *tables, config], receipt_files)
    files.write_json(manifest, content)
    logging.info("%s: digests of %d files", manifest, len(content["outputs"]))


if __name__ == "__main__":
    script.run(manifest)
