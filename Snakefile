"""From the IMDB-WIKI archives to a trained and evaluated gender classifier; see `config.yaml`."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
DEFAULTS = Path(workflow.basedir) / "config.yaml"
SCHEMA = Path(workflow.basedir) / "workflow" / "schemas" / "config.schema.yaml"
sys.path.insert(0, str(SCRIPTS))

from renet.common import code_digest
from renet.common.errors import InputError
from renet.config import data_summary, runs, sources, validation
from renet.evaluation.run_figures import RUN_FIGURES


configfile: DEFAULTS


try:
    overlays = workflow.config_settings.configfiles
    validation.load(
        config, SCHEMA, [DEFAULTS, *overlays], workflow.config_settings.config
    )
except InputError as error:
    sys.exit(str(error))  # the sentence alone, without a traceback


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
