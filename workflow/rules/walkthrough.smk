"""One photo of the test set on its way through the workflow and the network.

Requires: model.pt and inference.csv of each run; results/data/ test set and tables of each source;
the archives.
Provides: results/runs/<run>/ walkthrough.html and page/walkthrough/.
"""


rule walkthrough:
    """Follow one photo of the test set from its row in the metadata to its prediction."""
    input:
        model="<results>/runs/{run}/model.pt",
        inference="<results>/runs/{run}/inference.csv",
        faces="<results>/data/test.h5",
        table="<results>/data/test.csv",
        tables=expand(
            "<results>/data/{name}/{table}",
            name=settings.sources,
            table=["archives.json", "metadata.csv", "photos.csv"],
        ),
        receipt_files=inputs.receipts(settings, settings.sources),
    output:
        page="<results>/runs/{run}/walkthrough.html",
        pictures=directory("<results>/runs/{run}/page/walkthrough"),
    log:
        "<results>/runs/{run}/logs/walkthrough.log",
    wildcard_constraints:
        run=one_of(run for run in RUNS if RUNS[run].model.has_walkthrough),
    conda:
        "../../envs/walkthrough.yaml"
    params:
        id=settings.walkthrough.photo,
        config=RECORDED_DATA,
        origin=not_compared(ORIGIN),
        compute=of_run(run_settings.compute_settings),
        code=run_code("walkthrough.py"),
    script:
        "../scripts/walkthrough.py"
