"""From the IMDB-WIKI archives to a trained and evaluated gender classifier; see `config.yaml`."""

import sys
from pathlib import Path

import yaml
from snakemake.utils import min_version, validate

min_version("9.27")

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
SCHEMA = Path(workflow.basedir) / "workflow" / "schemas" / "config.schema.yaml"
sys.path.insert(0, str(SCRIPTS))

from renet.common import code_digest
from renet.config import checks, data_summary, defaults, runs, sources
from renet.evaluation.run_figures import RUN_FIGURES


configfile: Path(workflow.basedir) / "config.yaml"


defaults.fill(config, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
validate(config, SCHEMA, set_default=False)
checks.check(config)


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/audit.smk"


rule all:
    default_target: True
    input:
        "results/index.html",
        # Each page by name: a run that is added is seen by the file that it lacks.
        expand("results/runs/{run}/report.html", run=RUNS),
        audit_page(),
