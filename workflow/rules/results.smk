"""From tables and faces to figures, pictures and pages.

Requires: results/runs/<run>/ model, history and inference tables; results/data/ split.csv,
funnel.csv, test.h5 and the table beside it.
Gives: figures, slices, pictures, galleries, model.json, report.html and model_card.md of each run;
results/data/ thumbnails and datasheet.md; results/index.html.
"""


localrules:
    provenance,
    report,


rule evaluate:
    """Say how good a run is, in figures and pictures."""
    input:
        test="results/runs/{run}/inference.csv",
        validation="results/runs/{run}/inference_validation.csv",
        history="results/runs/{run}/history.csv",
        split="results/data/split.csv",
    output:
        **{name: of_run(f"{name}.svg", "Charts") for name in PICTURES},
        metrics=of_run("metrics.json", "Figures"),
        slice_table=of_run("slices.csv", "Figures"),
    log:
        "results/logs/evaluate/{run}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    params:
        settings=evaluate_settings(),
        code=code("evaluate.py"),
    script:
        "../scripts/evaluate.py"


rule thumbnails:
    """Make small pictures of the test faces, and their facts, for the table in the pages."""
    input:
        faces="results/data/test.h5",
        table="results/data/test.csv",
    output:
        sheets=directory("results/data/thumbnails/sheets"),
        samples="results/data/thumbnails/samples.js",
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
    """Pick the faces of a run that are worth a look, and hand its answers to the page's table."""
    input:
        answers="results/runs/{run}/inference.csv",
        faces="results/data/test.h5",
    output:
        mistakes=of_run("mistakes.jpg", "Faces"),
        hard_cases=of_run("hard_cases.jpg", "Faces"),
        table=of_run("gallery.csv", "Faces"),
        answers="results/runs/{run}/answers.js",
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
    """Say what a network is and where it looks."""
    input:
        model="results/runs/{run}/model.pt",
        answers="results/runs/{run}/inference.csv",
        faces="results/data/test.h5",
    output:
        model="results/runs/{run}/model.json",
        saliency=of_run("saliency.jpg", "Faces"),
        table=of_run("saliency.csv", "Faces"),
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
        provenance=of_run("provenance.json", "Figures"),
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
    """Write the page and card of each run, and the first page that links all of it."""
    input:
        of_all_runs("metrics.json", "history.csv", "slices.csv", "gallery.csv"),
        of_all_runs("model.json", "saliency.csv"),
        # What the pages only link or show, so that no link is dead.
        of_all_runs(
            *(f"{name}.svg" for name in PICTURES), "inference.csv", "answers.js"
        ),
        of_all_runs("mistakes.jpg", "hard_cases.jpg", "saliency.jpg", "throughput.csv"),
        of_all_runs("provenance.json"),
        "results/data/thumbnails/samples.js",
        audit_page(),
        funnel="results/data/funnel.csv",
        receipts=all_receipts(),
    output:
        index=report(
            "results/index.html", caption="../report/index.rst", category="All runs"
        ),
        learning_curves=report(
            "results/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="All runs",
        ),
        funnel=report(
            "results/data/funnel.svg",
            caption="../report/funnel.rst",
            category="All runs",
        ),
        datasheet=report(
            "results/data/datasheet.md",
            caption="../report/datasheet.rst",
            category="All runs",
        ),
        pages=of_all_runs("report.html"),
        cards=of_all_runs("model_card.md"),
    log:
        "results/logs/report/report.log",
    benchmark:
        "results/benchmarks/report/report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        runs={name: runs.training_settings(run) for name, run in RUNS.items()},
        data=data_summary.for_pages(config),
        code=code("report.py"),
    script:
        "../scripts/report.py"
