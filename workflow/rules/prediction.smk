"""From a trained run to predictions on other photos, other formats, and the manifest of the run.

Requires: results/runs/<run>/ model.pt and metrics.json; results/data/train.h5; the photos that the
config names.
Provides: results/runs/<run>/ predictor.json, training_hashes.npy, predictions.csv and .html with
`predict.photos`, model.onnx, model.int8.onnx and model.safetensors with `export`; manifest.json and
config.yaml.
"""


rule predictor:
    """Write down how a run's network predicts other photos."""
    input:
        model="<results>/runs/{run}/model.pt",
        metrics="<results>/runs/{run}/metrics.json",
        faces="<results>/data/train.h5",
    output:
        predictor="<results>/runs/{run}/predictor.json",
        hashes="<results>/runs/{run}/training_hashes.npy",
    log:
        "<results>/logs/predictor/{run}.log",
    benchmark:
        "<results>/benchmarks/predictor/{run}.tsv"
    conda:
        "../../envs/predictor.yaml"
    params:
        margin=config["crop"]["margin"],
        ready_made_crops=sources.ready_made_crops(config),
        settings=recorded_settings,
        code=code("predictor.py"),
    script:
        "../scripts/predictor.py"


rule predict:
    """Predict the faces of the photos that the config names."""
    input:
        # Found beside the model.
        "<results>/runs/{run}/predictor.json",
        "<results>/runs/{run}/training_hashes.npy",
        subfolders_to_predict(),
        model="<results>/runs/{run}/model.pt",
        photos=photos_to_predict(),
    output:
        predictions="<results>/runs/{run}/predictions.csv",
        html="<results>/runs/{run}/predictions.html",
    log:
        "<results>/logs/predict/{run}.log",
    benchmark:
        "<results>/benchmarks/predict/{run}.tsv"
    conda:
        "../../envs/predict.yaml"
    threads: of_run("train", "threads")
    resources:
        gpu=gpus_of,
        workers=of_run("train", "threads"),
    params:
        detect=config["predict"]["detect"],
        compute=compute_settings,
        state=[
            sources.photos_state(Path(path))
            for path in sources.places_to_predict(config)
        ],
        code=code_with_kind("predict.py"),
    script:
        "../scripts/predict.py"


rule export:
    """Write a run's predictor in a format of other programs."""
    input:
        "<results>/runs/{run}/predictor.json",  # beside the model
        model="<results>/runs/{run}/model.pt",
    output:
        exported="<results>/runs/{run}/model.{format}",
    log:
        "<results>/logs/export/{run}.{format}.log",
    benchmark:
        "<results>/benchmarks/export/{run}.{format}.tsv"
    wildcard_constraints:
        format="onnx|int8.onnx|safetensors",
    conda:
        "../../envs/export.yaml"
    params:
        code=code_with_kind("export.py"),
    script:
        "../scripts/export.py"


rule manifest:
    """Record the digests of a run's files, and the config that makes the run again."""
    input:
        outputs=files_of_run,
        receipt_files=all_receipts(ALL_SOURCES),
    output:
        manifest="<results>/runs/{run}/manifest.json",
        config="<results>/runs/{run}/config.yaml",
    log:
        "<results>/logs/manifest/{run}.log",
    benchmark:
        "<results>/benchmarks/manifest/{run}.tsv"
    localrule: True
    conda:
        "../../envs/manifest.yaml"
    params:
        folders=folders_of_run,
        settings=config_of_run,
        kind=lambda wildcards: RUNS[wildcards.run]["model"]["kind"],
        state=code_of_run,
        code=code("manifest.py"),
    script:
        "../scripts/manifest.py"


rule verify:
    """Say whether each run is as its manifest says; no other rule asks for it."""
    log:
        "<results>/logs/verify/verify.log",
    localrule: True
    conda:
        "../../envs/verify.yaml"
    params:
        results=str(RESULTS),
    script:
        "../scripts/verify.py"
