"""From tables to figures and pages.

Requires: results/runs/<run>/ history and inference tables, results/data/funnel.csv.
Gives: metrics, plots and report.html of each run, results/index.html.
"""


localrules:
    report,


rule evaluate:
    """Say how good a run is, in figures and pictures."""
    input:
        test="results/runs/{run}/inference.csv",
        validation="results/runs/{run}/inference_validation.csv",
        history="results/runs/{run}/history.csv",
    output:
        metrics=report(
            "results/runs/{run}/metrics.json",
            caption="../report/metrics.rst",
            category="{run}",
        ),
        learning_curve=report(
            "results/runs/{run}/learning_curve.svg",
            caption="../report/learning_curve.rst",
            category="{run}",
        ),
        confusion_matrix=report(
            "results/runs/{run}/confusion_matrix.svg",
            caption="../report/confusion_matrix.rst",
            category="{run}",
        ),
    log:
        "results/logs/evaluate/{run}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    params:
        code=code("evaluate.py"),
    script:
        "../scripts/evaluate.py"


rule report:
    """Write the page of each run, and the first page that links all of it."""
    input:
        funnel="results/data/funnel.csv",
        metrics=expand("results/runs/{run}/metrics.json", run=RUNS),
        history=expand("results/runs/{run}/history.csv", run=RUNS),
        throughput=expand("results/runs/{run}/throughput.csv", run=RUNS),
        learning_curve=expand("results/runs/{run}/learning_curve.svg", run=RUNS),
        confusion_matrix=expand("results/runs/{run}/confusion_matrix.svg", run=RUNS),
        inference=expand("results/runs/{run}/inference.csv", run=RUNS),
    output:
        index=report(
            "results/index.html", caption="../report/index.rst", category="All runs"
        ),
        pages=expand("results/runs/{run}/report.html", run=RUNS),
    log:
        "results/logs/report/report.log",
    benchmark:
        "results/benchmarks/report/report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        runs=RUNS,
        data=report_data(),
        code=code("report.py"),
    script:
        "../scripts/report.py"
