"""Label audit: find labels that are likely to be wrong; off unless audit.folds is set.

Requires: results/data/{train,validation,test}.h5 and the tables beside them.
Provides: results/audit/ labels.csv, suspects.jpg and index.html.
"""

AUDIT_RUN = runs.audit_run(config)
AUDIT = runs.audit_settings(config)


rule audit_fold:
    """Train without one fold of the subjects, and predict the faces of this fold."""
    input:
        faces=expand("results/data/{subset}.h5", subset=SUBSETS),
        tables=expand("results/data/{subset}.csv", subset=SUBSETS),
    output:
        predictions="results/audit/{fold}-of-{folds}.csv",
    log:
        "results/logs/audit_fold/{fold}-of-{folds}.log",
    benchmark:
        "results/benchmarks/audit_fold/{fold}-of-{folds}.tsv"
    conda:
        "../../envs/audit_fold.yaml"
    threads: AUDIT["train"]["threads"]
    resources:
        gpu=int(AUDIT["train"]["device"] != "cpu"),
        mem_mb=lambda wildcards, attempt: AUDIT_RUN["resources"]["memory_mb"] * attempt,
        runtime=AUDIT_RUN["resources"]["minutes"],
    params:
        settings=AUDIT,
        seed=config["split"]["seed"],
        code=code("audit_fold.py"),
    script:
        "../scripts/audit_fold.py"


rule audit:
    """Rank the labels by how likely they are to be wrong."""
    input:
        predictions=expand(
            "results/audit/{fold}-of-{folds}.csv",
            fold=range(1, config["audit"]["folds"] + 1),
            folds=config["audit"]["folds"],
        ),
        faces=expand("results/data/{subset}.h5", subset=SUBSETS),
        tables=expand("results/data/{subset}.csv", subset=SUBSETS),
    output:
        labels=report(
            "results/audit/labels.csv",
            caption="../report/labels.rst",
            category="Data",
        ),
        picture=report(
            "results/audit/suspects.jpg",
            caption="../report/suspects.rst",
            category="Data",
        ),
        page=report(
            "results/audit/index.html",
            caption="../report/audit.rst",
            category="Data",
        ),
    log:
        "results/logs/audit/audit.log",
    benchmark:
        "results/benchmarks/audit/audit.tsv"
    conda:
        "../../envs/audit.yaml"
    params:
        sources=config["sources"],
        code=code("audit.py"),
    script:
        "../scripts/audit.py"
