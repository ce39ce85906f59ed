"""From the IMDB-WIKI archives to a trained, evaluated gender classifier; `config.yaml` says how."""

import sys
from pathlib import Path

from snakemake.utils import min_version, validate

min_version("9.27")

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from renet.common import code_digest
from renet.config import settings


configfile: Path(workflow.basedir) / "config.yaml"


validate(config, Path(workflow.basedir) / "workflow" / "schemas" / "config.schema.yaml")
settings.check(config)


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
