"""From the IMDB-WIKI archives to a trained and evaluated gender classifier; see `config.yaml`."""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/internals.smk"
include: PROJECT / "workflow/rules/common.smk"


container: settings.container  # for --sdm apptainer alone


report: PROJECT / "workflow/scripts/renet/pages/captions/workflow.rst"


include: PROJECT / "workflow/rules/files.smk"
include: PROJECT / "workflow/rules/dataset.smk"
include: PROJECT / "workflow/rules/model.smk"
include: PROJECT / "workflow/rules/results.smk"
include: PROJECT / "workflow/rules/walkthrough.smk"
include: PROJECT / "workflow/rules/prediction.smk"
include: PROJECT / "workflow/rules/external.smk"
include: PROJECT / "workflow/rules/folds.smk"
include: PROJECT / "workflow/rules/learning_curve.smk"
include: PROJECT / "workflow/rules/audit.smk"


refuse_faults(
    before_start.check,
    settings,
    # A workflow that takes this one as a module may take some of the rules.
    Path(rules.report.output.index).parent if rules.has("report") else None,
    kept_outputs() if IS_MAIN and ALL_RULES else [],
    predicts_here=rules.has("predictor") and not OWN_ENVIRONMENTS,
)
if IS_MAIN and ALL_RULES:
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
