"""From the IMDB-WIKI archives to a trained and evaluated gender classifier; see `config.yaml`."""

import copy
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
if "{" in HERE or "}" in HERE:
    sys.exit(
        f"The project's folder is {HERE}, whose braces Snakemake would read as wildcards; rename it."
    )


include: "workflow/rules/project.smk"


# Of a module, workflow.basedir would be the folder of the Snakefile that uses it.
PROJECT = project_folder(workflow.current_basedir)
SCRIPTS = PROJECT / "workflow" / "scripts"
DEFAULTS = PROJECT / "config.yaml"
SCHEMA = PROJECT / "workflow" / "schemas" / "config.schema.yaml"
sys.path.insert(0, str(SCRIPTS))

from renet.common import code_digest, future_times, releases, user
from renet.common.errors import InputError
from renet.config import (
    checks,
    data_summary,
    defaults,
    gpus,
    runs,
    sources,
    urls,
    validation,
    yaml_files,
)
from renet.config.architecture import KINDS
from renet.evaluation.run_figures import FIGURES_OF_PREDICTIONS, RUN_FIGURES
from renet.pages.version import VERSION

user.ensure_name()

try:
    yaml_files.read(DEFAULTS)  # before Snakemake does, whose error has no line
except InputError as error:
    sys.exit(str(error))


configfile: DEFAULTS  # not read in a module that is given its config


MODULE = workflow.modifier.namespace if workflow.modifier.skip_configfile else None
OVERLAYS = [] if MODULE else workflow.config_settings.configfiles
COMMAND_LINE = {} if MODULE else workflow.config_settings.config
# Only a module's `prefix` changes these paths.
RESULTS, RESOURCES = (
    Path(workflow.modifier.path_modifier.replace_prefix(workflow.pathvars.get(name)))
    for name in ("results", "resources")
)

try:
    if MODULE:  # a copy: two modules can be given the same config, with other pathvars
        config = copy.deepcopy(config)
    files = [] if MODULE else [DEFAULTS, *OVERLAYS]
    validation.load(config, SCHEMA, files, COMMAND_LINE)
    checks.check_results(config, RESULTS)
except InputError as error:
    # The sentence alone, without a traceback.
    sys.exit(f"The config of the module {MODULE}: {error}" if MODULE else str(error))


report: PROJECT / "workflow" / "report" / "workflow.rst"


include: PROJECT / "workflow" / "rules" / "common.smk"
include: PROJECT / "workflow" / "rules" / "dataset.smk"
include: PROJECT / "workflow" / "rules" / "model.smk"
include: PROJECT / "workflow" / "rules" / "results.smk"
include: PROJECT / "workflow" / "rules" / "audit.smk"
include: PROJECT / "workflow" / "rules" / "prediction.smk"


onstart:
    refuse_future_inputs()
    put_back_future_times()


rule all:
    default_target: True
    input:
        # Every output that is kept, by name: a page that stands does not hide a table that is lost.
        all_receipts(ALL_SOURCES),
        results_of(rules.index_archive, rules.parse_metadata, source=ALL_SOURCES),
        files_of_all_shards(".csv", ALL_SOURCES),
        files_of_all_shards(".npy", ALL_SOURCES)
        if config["crop"]["keep_shards"]
        else [],
        results_of(rules.write_hdf5, subset=[*SUBSETS, *EXTERNAL]),
        results_of(rules.external_set, external=EXTERNAL),
        results_of(rules.shuffle, rules.thumbnails, rules.compare, rules.report),
        results_of(rules.train, rules.profile_layers, run=LAYERED),
        results_of(rules.hog_svm, run=UNLAYERED),
        results_of(
            *(
                rules.infer,
                rules.evaluate,
                rules.gallery,
                rules.explain,
                rules.provenance,
                rules.predictor,
                rules.manifest,
            ),
            run=RUNS,
        ),
        results_of(rules.walkthrough, run=runs_with("has_walkthrough")),
        results_of(
            *(rules.infer_external, rules.evaluate_external, rules.gallery_external),
            run=RUNS,
            external=EXTERNAL,
        ),
        audit_results(),
        predictions(),
        exports(),
