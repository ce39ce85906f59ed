"""From tables and faces to metrics, figures and pages.

Requires: results/runs/<run>/ model, history and inference tables; results/data/ split.csv,
funnel.csv, test.h5 and the table beside it.
Provides: metrics, slices, figures, galleries, model.json, report.html and model_card.md of each run;
results/data/ thumbnails and datasheet.md; results/index.html.
"""


localrules:
    provenance,
    report,


rule evaluate:
    """Compute a run's metrics on the test set and draw its figures."""
    input:
        test="results/runs/{run}/inference.csv",
        validation="results/runs/{run}/inference_validation.csv",
        split="results/data/split.csv",
        history="results/runs/{run}/history.csv",
    output:
        metrics=of_run("metrics.json", "Metrics"),
        slice_table=of_run("slices.csv", "Metrics"),
        figures=[of_run(f"{figure.name}.svg", "Figures") for figure in RUN_FIGURES],
    log:
        "results/logs/evaluate/{run}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    params:
        split_by=config["split"]["by"],
        size=sources.image_size(config),
        code=code("evaluate.py"),
    script:
        "../scripts/evaluate.py"


rule thumbnails:
    """Make thumbnails of the test faces and a script of their data, for the pages' table."""
    input:
        faces="results/data/test.h5",
        table="results/data/test.csv",
    output:
        samples="results/data/thumbnails/samples.js",
        sheets=directory("results/data/thumbnails/sheets"),
    log:
        "results/logs/thumbnails/test.log",
    benchmark:
        "results/benchmarks/thumbnails/test.tsv"
    conda:
        "../../envs/thumbnails.yaml"
    params:
        code=code("thumbnails.py"),
    script:
        "../scripts/thumbnails.py"


rule gallery:
    """Show wrong and least certain predictions; give all predictions to the page's table."""
    input:
        inference="results/runs/{run}/inference.csv",
        faces="results/data/test.h5",
    output:
        table=of_run("gallery.csv", "Faces"),
        mistakes=of_run("mistakes.jpg", "Faces"),
        hard_cases=of_run("hard_cases.jpg", "Faces"),
        predictions="results/runs/{run}/predictions.js",
    log:
        "results/logs/gallery/{run}.log",
    benchmark:
        "results/benchmarks/gallery/{run}.tsv"
    conda:
        "../../envs/gallery.yaml"
    params:
        code=code("gallery.py"),
    script:
        "../scripts/gallery.py"


rule explain:
    """Describe a network and draw saliency maps."""
    input:
        model="results/runs/{run}/model.pt",
        inference="results/runs/{run}/inference.csv",
        faces="results/data/test.h5",
    output:
        saliency=of_run("saliency.jpg", "Faces"),
        table=of_run("saliency.csv", "Faces"),
        description="results/runs/{run}/model.json",
    log:
        "results/logs/explain/{run}.log",
    benchmark:
        "results/benchmarks/explain/{run}.tsv"
    conda:
        "../../envs/explain.yaml"
    threads: threads_of
    resources:
        gpu=gpus_of,
    params:
        compute=compute_settings,
        code=code("explain.py"),
    script:
        "../scripts/explain.py"


rule provenance:
    """Record all that it takes to reproduce a run."""
    input:
        training="results/runs/{run}/training.json",
        receipt_files=all_receipts(),
    output:
        provenance=of_run("provenance.json", "Provenance"),
    log:
        "results/logs/provenance/{run}.log",
    benchmark:
        "results/benchmarks/provenance/{run}.tsv"
    conda:
        "../../envs/provenance.yaml"
    params:
        data=data_summary.for_provenance(config),
        code=code("provenance.py"),
    script:
        "../scripts/provenance.py"


rule report:
    """Write the page and the card of each run, and the page over all runs."""
    input:
        # Not read, but the pages show or link them.
        of_all_runs(*(f"{figure.name}.svg" for figure in RUN_FIGURES)),
        of_all_runs("mistakes.jpg", "hard_cases.jpg", "saliency.jpg"),
        of_all_runs("inference.csv", "predictions.js", "throughput.csv"),
        of_all_runs("provenance.json"),
        "results/data/thumbnails/samples.js",
        audit_page(),
        run_files=of_all_runs(
            "metrics.json",
            "model.json",
            "history.csv",
            "slices.csv",
            "gallery.csv",
            "saliency.csv",
        ),
        funnel="results/data/funnel.csv",
        receipts=all_receipts(),
    output:
        # The links between these are relative: the script writes them beside index.html.
        report(
            "results/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="All runs",
        ),
        report(
            "results/data/funnel.svg",
            caption="../report/funnel.rst",
            category="All runs",
        ),
        report(
            "results/data/datasheet.md",
            caption="../report/datasheet.rst",
            category="All runs",
        ),
        of_all_runs("report.html", "model_card.md"),
        index=report(
            "results/index.html", caption="../report/index.rst", category="All runs"
        ),
    log:
        "results/logs/report/report.log",
    benchmark:
        "results/benchmarks/report/report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        settings={
            "runs": {name: runs.training_settings(run) for name, run in RUNS.items()},
            "data": data_summary.for_pages(config),
        },
        code=code("report.py"),
    script:
        "../scripts/report.py"
