"""From tables and faces to metrics, figures and pages.

Requires: results/runs/<run>/ model, history and inference tables; results/data/ split.csv,
funnel.csv, test.h5 and the table beside it.
Provides: metrics, slices, figures, galleries, model.json, layers, walkthrough.html, report.html and
model card of each run; results/data/ thumbnails and the data sheet; results/index.html.
"""


rule evaluate:
    """Compute a run's metrics on the test set and draw its figures."""
    input:
        test="<results>/runs/{run}/inference.csv",
        validation="<results>/runs/{run}/inference_validation.csv",
        split="<results>/data/split.csv",
        history="<results>/runs/{run}/history.csv",
    output:
        metrics=reported_of_run("metrics.json", "Metrics"),
        slice_table=reported_of_run("slices.csv", "Metrics"),
        figures=[
            reported_of_run(f"{figure.name}.svg", "Figures") for figure in RUN_FIGURES
        ],
    log:
        "<results>/logs/evaluate/{run}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{run}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    params:
        split_by=config["split"]["by"],
        size=sources.image_size(config),
        max_error=config["predict"]["max_error"],
        code=code("evaluate.py"),
    script:
        "../scripts/evaluate.py"


use rule evaluate as evaluate_external with:
    input:
        test="<results>/runs/{run}/external/{external}/inference.csv",
        validation="<results>/runs/{run}/inference_validation.csv",
        split="<results>/data/split.csv",
        external="<results>/data/{external}.csv",
    output:
        metrics=of_set("metrics.json"),
        slice_table=of_set("slices.csv"),
        figures=[of_set(f"{figure.name}.svg") for figure in FIGURES_OF_PREDICTIONS],
    log:
        "<results>/logs/evaluate_external/{run}/{external}.log",
    benchmark:
        "<results>/benchmarks/evaluate_external/{run}/{external}.tsv"


rule thumbnails:
    """Make thumbnails of the test faces and a script of their data, for the pages' table."""
    input:
        faces="<results>/data/test.h5",
        table="<results>/data/test.csv",
    output:
        samples="<results>/data/thumbnails/samples.js",
        sheets=directory("<results>/data/thumbnails/sheets"),
    log:
        "<results>/logs/thumbnails/test.log",
    benchmark:
        "<results>/benchmarks/thumbnails/test.tsv"
    conda:
        "../../envs/thumbnails.yaml"
    params:
        code=code("thumbnails.py"),
    script:
        "../scripts/thumbnails.py"


rule gallery:
    """Show some predictions; give all predictions to the page's table."""
    input:
        inference="<results>/runs/{run}/inference.csv",
        faces="<results>/data/test.h5",
    output:
        table=reported_of_run("gallery.csv", "Faces"),
        examples=reported_of_run("examples.jpg", "Faces"),
        mistakes=reported_of_run("mistakes.jpg", "Faces"),
        hard_cases=reported_of_run("hard_cases.jpg", "Faces"),
        predictions="<results>/runs/{run}/predictions.js",
    log:
        "<results>/logs/gallery/{run}.log",
    benchmark:
        "<results>/benchmarks/gallery/{run}.tsv"
    conda:
        "../../envs/gallery.yaml"
    params:
        code=code("gallery.py"),
    script:
        "../scripts/gallery.py"


use rule gallery as gallery_external with:
    input:
        inference="<results>/runs/{run}/external/{external}/inference.csv",
        faces="<results>/data/{external}.h5",
    output:
        table=of_set("gallery.csv"),
        examples=of_set("examples.jpg"),
        mistakes=of_set("mistakes.jpg"),
        hard_cases=of_set("hard_cases.jpg"),
    log:
        "<results>/logs/gallery_external/{run}/{external}.log",
    benchmark:
        "<results>/benchmarks/gallery_external/{run}/{external}.tsv"


rule explain:
    """Describe a network and draw saliency maps."""
    input:
        model="<results>/runs/{run}/model.pt",
        inference="<results>/runs/{run}/inference.csv",
        faces="<results>/data/test.h5",
    output:
        saliency=reported_of_run("saliency.jpg", "Faces"),
        table=reported_of_run("saliency.csv", "Faces"),
        description="<results>/runs/{run}/model.json",
    log:
        "<results>/logs/explain/{run}.log",
    benchmark:
        "<results>/benchmarks/explain/{run}.tsv"
    conda:
        "../../envs/explain.yaml"
    threads: compute_threads_of
    resources:
        gpu=gpus_of,
    params:
        compute=compute_settings,
        code=code_with_kind("explain.py"),
    script:
        "../scripts/explain.py"


rule profile_layers:
    """Describe the layers of a network, and measure the time of each in a training step."""
    input:
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/test.h5",
    output:
        "<results>/runs/{run}/layer_times.js",  # beside the table of the same name
        layers=reported_of_run("layers.csv", "Figures"),
        figure=reported_of_run("network.svg", "Figures"),
        times="<results>/runs/{run}/layer_times.csv",
    log:
        "<results>/logs/profile_layers/{run}.log",
    benchmark:
        "<results>/benchmarks/profile_layers/{run}.tsv"
    conda:
        "../../envs/profile_layers.yaml"
    threads: of_run("train", "threads")
    resources:
        gpu=gpus_of,
        mem_mb=train_memory_of,
    params:
        compute=compute_settings,
        batch_size=batch_size_of_a_process,
        code=code_with_kind("profile_layers.py"),
    script:
        "../scripts/profile_layers.py"


rule walkthrough:
    """Follow one photo of the test set from its row in the metadata to its prediction."""
    input:
        # Found by their names beside the others.
        "<results>/data/test.csv",
        "<results>/runs/{run}/inference.csv",
        "<results>/runs/{run}/provenance.json",
        expand(
            "<results>/data/{source}/{table}.csv",
            source=config["sources"],
            table=("members", "metadata", "photos"),
        ),
        model="<results>/runs/{run}/model.pt",
        faces="<results>/data/test.h5",
        receipt_files=all_receipts(),
    output:
        directory("<results>/runs/{run}/walkthrough"),  # the page's pictures
        page="<results>/runs/{run}/walkthrough.html",
    log:
        "<results>/logs/walkthrough/{run}.log",
    benchmark:
        "<results>/benchmarks/walkthrough/{run}.tsv"
    conda:
        "../../envs/walkthrough.yaml"
    threads: of_run("train", "threads")
    resources:
        gpu=gpus_of,
    params:
        id=config["walkthrough"]["photo"],
        origin=ORIGIN,
        compute=compute_settings,
        code=code_with_kind("walkthrough.py"),
    script:
        "../scripts/walkthrough.py"


rule provenance:
    """Record all that it takes to reproduce a run, and what the pages show of time and machine."""
    input:
        training="<results>/runs/{run}/training.json",
        throughput="<results>/runs/{run}/throughput.csv",
        receipt_files=all_receipts(),
    output:
        provenance=reported_of_run("provenance.json", "Provenance"),
        machine="<results>/runs/{run}/machine.js",
    log:
        "<results>/logs/provenance/{run}.log",
    benchmark:
        "<results>/benchmarks/provenance/{run}.tsv"
    localrule: True
    conda:
        "../../envs/provenance.yaml"
    params:
        data=data_summary.for_provenance(config),
        code=code("provenance.py"),
    script:
        "../scripts/provenance.py"


rule compare:
    """Compare all runs on the test set and on each external set."""
    input:
        inference=of_all_runs("inference.csv") + of_all_sets("inference.csv"),
        split="<results>/data/split.csv",
        faces=expand("<results>/data/{set}.h5", set=["test", *EXTERNAL]),
    output:
        table=reported("<results>/comparison/comparison.csv", "All runs"),
        as_json="<results>/comparison/comparison.json",
        disagreements="<results>/comparison/disagreements.csv",
        curves="<results>/comparison/ranking_curves.svg",
        sheets=expand(
            "<results>/comparison/disagreements_{set}.jpg", set=["test", *EXTERNAL]
        ),
    log:
        "<results>/logs/compare/compare.log",
    benchmark:
        "<results>/benchmarks/compare/compare.tsv"
    conda:
        "../../envs/compare.yaml"
    params:
        reference=runs.reference(config),
        metric=config["comparison"]["metric"],
        groups=runs.seed_groups(
            {name: runs.training_settings(run) for name, run in RUNS.items()}
        ),
        code=code("compare.py"),
    script:
        "../scripts/compare.py"


rule report:
    """Write the page and the card of each run, and the page over all runs."""
    input:
        # Not read, but the pages show or link them.
        of_all_runs(*(f"{figure.name}.svg" for figure in RUN_FIGURES)),
        of_all_runs("examples.jpg", "mistakes.jpg", "hard_cases.jpg", "saliency.jpg"),
        of_all_runs("inference.csv", "predictions.js", "throughput.csv"),
        of_all_runs("provenance.json", "machine.js"),
        of_all_runs("layers.csv", "network.svg", "layer_times.js", of=LAYERED),
        of_all_runs("walkthrough.html", of=runs_with("has_walkthrough")),
        "<results>/data/thumbnails/samples.js",
        audit_page(),
        of_all_sets("inference.csv", "examples.jpg", "mistakes.jpg", "hard_cases.jpg"),
        of_all_sets(*(f"{figure.name}.svg" for figure in FIGURES_OF_PREDICTIONS)),
        # Found by their names beside those of the runs.
        of_all_sets("metrics.json", "slices.csv", "gallery.csv"),
        "<results>/comparison/comparison.json",
        "<results>/comparison/ranking_curves.svg",
        expand("<results>/comparison/disagreements_{set}.jpg", set=["test", *EXTERNAL]),
        comparison="<results>/comparison/comparison.csv",
        disagreements="<results>/comparison/disagreements.csv",
        run_files=of_all_runs(
            "metrics.json",
            "model.json",
            "history.csv",
            "slices.csv",
            "gallery.csv",
            "saliency.csv",
        ),
        funnel="<results>/data/funnel.csv",
        external_funnels=expand(
            "<results>/data/{external}/external_funnel.csv", external=EXTERNAL
        ),
        receipts=all_receipts(),
        external_receipts=all_receipts(EXTERNAL),
        notes=own_file(config["datasheet"]),
        audit=audit_labels(),
    output:
        # The links between these are relative: the script writes them beside index.html.
        reported("<results>/learning_curves.svg", "All runs"),
        "<results>/cost.svg",
        expand("<results>/grids/{grid}.svg", grid=GRIDS),
        reported("<results>/data/funnel.svg", "All runs"),
        reported("<results>/data/datasheet.md", "All runs"),
        "<results>/data/datasheet.html",
        of_all_runs("report.html", "model_card.md", "model_card.html"),
        # Not in Snakemake's report, which moves each file to a folder of its own: the pages would
        # lose their pictures and links.
        index="<results>/index.html",
    log:
        "<results>/logs/report/report.log",
    benchmark:
        "<results>/benchmarks/report/report.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        settings={
            "runs": {name: runs.training_settings(run) for name, run in RUNS.items()},
            "defaults": runs.training_settings(defaults.complete(SCHEMA)),
            "data": data_summary.for_pages(config, ORIGIN),
            "grids": GRIDS,
        },
        removed_runs=runs.removed(config, RESULTS),
        state=lambda wildcards: sources.file_state(config["datasheet"]),
        code=code("report.py"),
    script:
        "../scripts/report.py"


rule clear_removed_runs:
    """Delete what the runs that are no longer in the config have left; no other rule asks for it."""
    log:
        "<results>/logs/clear_removed_runs/clear_removed_runs.log",
    localrule: True
    conda:
        "../../envs/clear_removed_runs.yaml"
    params:
        results=str(RESULTS),
        removed=runs.removed(config, RESULTS),
        kept=list(RUNS),
        records=records_of_runs,
    script:
        "../scripts/clear_removed_runs.py"
