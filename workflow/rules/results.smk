"""From tables and faces to metrics, figures and pages.

Requires: results/runs/<run>/ model, history and inference tables; results/data/ split.csv,
funnel.csv, test.h5 and the table beside it.
Provides: of each run metrics.json, provenance.json, report.html, model card, and the folders
figures/, faces/, tables/ and page/ (for the pages); results/data/ thumbnails and the data sheet;
results/comparison/; results/index.html.
"""

from renet.config.runs import seed_groups
from renet.config.schema import Config

# Files of docs/: the description of all files, copied as README.md, and pages of the results.
DOCUMENTS = [
    str(PROJECT / "docs" / f"{name}.md") for name in ("files", "course", "tour")
]
GALLERIES = ["examples.jpg", "mistakes.jpg", "hard_cases.jpg"]
# The tables of predictions of each run.
PREDICTED = ["inference", "inference_validation"]
PREDICTED += [f"external/{name}/inference" for name in EXTERNAL]
PAGES_OF_RUN = ["report.html", "model_card.html", "model_card.md"]
REPORTED_SETTINGS = {
    "runs": {name: run_settings.with_folds(run) for name, run in RUNS.items()},
    "defaults": run_settings.with_folds(Config().runs["renet"]),
    "data": data_summary.for_pages(settings),
    "grids": run_settings.grid_keys(settings),
    "entries": run_settings.entries(settings),
    "external": EXTERNAL,
    "predicted": bool(settings.predict.photos),
}


rule evaluate:
    """Compute a run's metrics on the test set and draw its figures."""
    input:
        get_own_tables,
        test="<results>/runs/{run}/inference.csv",
        validation="<results>/runs/{run}/inference_validation.csv",
        split="<results>/data/split.csv",
        history="<results>/runs/{run}/history.csv",
        model="<results>/runs/{run}/model.pt",
        initial_hashes=get_initial_hashes,
    output:
        metrics=reported("<results>/runs/{run}/metrics.json"),
        slice_table=reported("<results>/runs/{run}/tables/slices.csv"),
        groups="<results>/runs/{run}/page/groups.js",
        figures=[*map(reported, figure_files("<results>/runs/{run}", RUN_FIGURES))],
    log:
        "<results>/runs/{run}/logs/evaluate.log",
    conda:
        "../../envs/evaluate.yaml"
    params:
        evaluations=get_evaluations,
        split_settings=SPLIT_SETTINGS,
        trained_on=of_run(run_settings.trained_on),
        max_error=settings.predict.max_error,
        batch_size=of_run(
            lambda run: run.train.batch_size if run.model.has_layers else None
        ),
        metric=settings.comparison.metric,
        ranked=of_run(lambda run: len(RUNS) if run.folds else 1),
        slices=get_slices,
        file_digest=lambda wildcards: inputs.file_states(get_own_tables(wildcards)),
        code=code("evaluate.py"),
    script:
        "../scripts/evaluate.py"


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
    conda:
        "../../envs/thumbnails.yaml"
    params:
        code=code("thumbnails.py"),
    script:
        "../scripts/thumbnails.py"


rule gallery:
    """Draw pictures of some predictions; write all predictions for the page's table."""
    input:
        inference="<results>/runs/{run}/inference.csv",
        faces="<results>/data/test.h5",
        face_table="<results>/data/test.csv",
    output:
        table=reported("<results>/runs/{run}/tables/gallery.csv"),
        pictures=[*map(reported, multiext("<results>/runs/{run}/faces/", *GALLERIES))],
        predictions="<results>/runs/{run}/page/predictions.js",
    log:
        "<results>/runs/{run}/logs/gallery.log",
    conda:
        "../../envs/gallery.yaml"
    params:
        code=code("gallery.py"),
    script:
        "../scripts/gallery.py"


rule explain:
    """Describe a network and draw saliency maps."""
    input:
        model="<results>/runs/{run}/model.pt",
        inference="<results>/runs/{run}/inference.csv",
        faces="<results>/data/test.h5",
        face_table="<results>/data/test.csv",
    output:
        saliency=reported("<results>/runs/{run}/faces/saliency.jpg"),
        table=reported("<results>/runs/{run}/tables/saliency.csv"),
        description="<results>/runs/{run}/page/model.json",
        layers=reported("<results>/runs/{run}/tables/layers.csv"),
    log:
        "<results>/runs/{run}/logs/explain.log",
    conda:
        "../../envs/explain.yaml"
    threads: resource("threads")
    resources:
        **ON_DEVICE,
    params:
        compute=of_run(run_settings.compute_settings),
        code=run_code("explain.py"),
    script:
        "../scripts/explain.py"


rule provenance:
    """Record what is needed to reproduce a run; write its time and machine for the pages."""
    input:
        # The script also reads training.json beside throughput.csv. It is no output: a repeated job
        # of train reads in it that nothing is left to train, but Snakemake would delete an output.
        model="<results>/runs/{run}/model.pt",
        throughput="<results>/runs/{run}/training/throughput.csv",
        receipt_files=inputs.receipts(settings, settings.sources),
    output:
        provenance=reported("<results>/runs/{run}/provenance.json"),
        machine="<results>/runs/{run}/page/machine.js",
    log:
        "<results>/runs/{run}/logs/provenance.log",
    localrule: True
    conda:
        "../../envs/provenance.yaml"
    params:
        data=of_run(recorded_settings),
        code=code("provenance.py"),
    script:
        "../scripts/provenance.py"


rule compare:
    """Compute the metric of each run on each set, and compare the runs."""
    input:
        inference=expand("<results>/runs/{run}/{set}.csv", run=RUNS, set=PREDICTED),
        metrics=expand("<results>/runs/{run}/metrics.json", run=RUNS),
        external=expand(
            "<results>/runs/{run}/external/{set}/metrics.json", run=RUNS, set=EXTERNAL
        ),
    output:
        runs=reported("<results>/comparison/runs.csv"),
        table=reported("<results>/comparison/comparison.csv"),
    log:
        "<results>/logs/compare/compare.log",
    conda:
        "../../envs/compare.yaml"
    params:
        names=[run for run in RUNS for _ in PREDICTED],  # the run of each file
        reference=settings.named_run(settings.comparison.reference),
        metric=settings.comparison.metric,
        groups=seed_groups(REPORTED_SETTINGS["runs"]),
        code=code("compare.py"),
    script:
        "../scripts/compare.py"


rule report:
    """Write the page and the card of each run, and the page over all runs."""
    input:
        without_folders(outputs("thumbnails")),  # linked
        of_runs=lambda wildcards: without_folders(run_files(RUNS)),
        comparison="<results>/comparison/comparison.csv",
        run_table="<results>/comparison/runs.csv",
        audit=when_planned(outputs, "audit"),
        learning_curve=when_planned(outputs, "learning_curve"),
        funnel="<results>/data/funnel.csv",
        external_funnels=expand(
            "<results>/data/{external}/external_funnel.csv", external=EXTERNAL
        ),
        face_boxes=expand(
            "<results>/data/{name}face_box.json",
            name=["", *(f"{name}/" for name in EXTERNAL)],
        ),
        receipts=inputs.receipts(settings, ALL_SOURCES),
        notes=own_file(settings.datasheet),
    output:
        # The links between these are relative: the script writes them beside index.html.
        reported("<results>/loss_curves.svg"),
        reported("<results>/data/funnel.svg"),
        reported("<results>/data/datasheet.md"),
        "<results>/README.md",
        expand("<results>/{page}.html", page=["course", "tour", "data/datasheet"]),
        expand("<results>/runs/{run}/{page}", run=RUNS, page=PAGES_OF_RUN),
        # Not in Snakemake's report, which moves each file to a folder of its own: the pages would
        # lose their pictures and links.
        index="<results>/index.html",
    log:
        "<results>/logs/report/report.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        settings=REPORTED_SETTINGS,
        origin=not_compared(ORIGIN),
        evaluations=get_evaluations,
        file_digest=when_planned(inputs.file_states, [settings.datasheet, *DOCUMENTS]),
        code=code("report.py"),
    script:
        "../scripts/report.py"
