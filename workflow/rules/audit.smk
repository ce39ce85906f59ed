"""Label audit: find labels that are likely to be wrong, if `audit.folds` is not 0.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/audit/ labels.csv, summary.json, suspects.csv, suspects.jpg and index.html.
"""


use rule fold as audit_fold with:
    input:
        get_initial_weights,
        faces=expand("<results>/data/{subset}.h5", subset=SUBSETS),
        tables=expand("<results>/data/{subset}.csv", subset=SUBSETS),
    output:
        predictions="<results>/audit/{fold}-of-{folds}.csv",
    log:
        "<results>/logs/audit_fold/{fold}-of-{folds}.log",
    params:
        by="subject",  # a network that knows the person would repeat the label


if settings.audit.folds:

    rule audit:
        """Rank the labels by how likely they are to be wrong, and propose corrections."""
        input:
            predictions=expand("<results>/audit/{fold}-of-{folds}.csv", **AUDIT_FOLDS),
            faces=expand("<results>/data/{subset}.h5", subset=SUBSETS),
            tables=expand("<results>/data/{subset}.csv", subset=SUBSETS),
            corrected="<results>/data/corrected.csv",
            corrections=own_file(settings.corrections),
        output:
            labels=reported("<results>/audit/labels.csv"),
            summary="<results>/audit/summary.json",
            proposals="<results>/audit/suspects.csv",
            picture=reported("<results>/audit/suspects.jpg"),
            page="<results>/audit/index.html",
        log:
            "<results>/logs/audit/audit.log",
        conda:
            "../../envs/audit.yaml"
        params:
            data=data_summary.for_pages(settings),
            has_initial_weights=bool(get_initial_weights({})),
            origin=not_compared(ORIGIN),
            code=code("audit.py"),
        script:
            "../scripts/audit.py"
