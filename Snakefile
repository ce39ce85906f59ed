"""From the IMDB-WIKI archives to a trained and evaluated gender classifier; see `config.yaml`."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/internals.smk"


# In a module, workflow.basedir would be the folder of the Snakefile that uses it.
PROJECT = project_folder(workflow.current_basedir)
DEFAULTS = PROJECT / "config.yaml"
refuse_installed_package()
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from renet.common.errors import InputError
from renet.config import validation, yaml_files
from renet.planning import before_start

# A container would have this folder at another path, without the project around it.
sys.path.pop(0)
# Before Snakemake reads config.yaml, whose error has no line.
CONFIG_FILES = {
    path: refuse_faults(yaml_files.read, path) for path in (DEFAULTS, *OVERLAYS)
}


configfile: DEFAULTS  # not read in a module that is given its config


# The rules read this object; `config` stays as it was given.
settings = refuse_faults(
    validation.load, config, {} if MODULE else CONFIG_FILES, COMMAND_LINE
)


container: settings.container  # for --sdm apptainer alone


report: PROJECT / "workflow/scripts/renet/pages/captions/workflow.rst"


include: PROJECT / "workflow" / "rules" / "common.smk"
include: PROJECT / "workflow" / "rules" / "dataset.smk"
include: PROJECT / "workflow" / "rules" / "model.smk"
include: PROJECT / "workflow" / "rules" / "results.smk"
include: PROJECT / "workflow" / "rules" / "walkthrough.smk"
include: PROJECT / "workflow" / "rules" / "prediction.smk"


if settings.external:

    include: PROJECT / "workflow" / "rules" / "external.smk"


if WITH_FOLDS or CURVES or settings.audit.folds:

    include: PROJECT / "workflow" / "rules" / "folds.smk"


if CURVES:

    include: PROJECT / "workflow" / "rules" / "learning_curve.smk"


if settings.audit.folds:

    include: PROJECT / "workflow" / "rules" / "audit.smk"


if rules.has("predictor") and not OWN_ENVIRONMENTS:
    refuse_faults(before_start.check_packages, settings)


if rules.has("report"):  # a module may take some of the rules
    RESULTS = Path(rules.report.output.index).parent
    refuse_faults(before_start.check_results, settings.sources, RESULTS)
    refuse_faults(before_start.check_own_results, settings, RESULTS)
    if IS_MAIN and ALL_RULES:
        refuse_faults(before_start.check_outputs, RESULTS, kept_outputs())
        unknown = [path for path in outputs("train", run=RUNS) if not has_record(path)]
        for warning in before_start.warnings(settings, unknown, OVERLAYS):
            logger.warning(warning)


rule all:
    default_target: True
    input:
        # Every output that is kept, by name: a page that stands does not hide a table that is lost.
        inputs.receipts(settings, ALL_SOURCES),
        inputs.shards(settings, ALL_SOURCES, *KEPT_SHARDS),
        kept_outputs,
