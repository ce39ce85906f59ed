"""From a trained run to predictions on other photos, other formats, and the manifest of the run.

Requires: results/runs/<run>/ model.pt and metrics.json; results/data/train.h5; the photos that the
config names.
Provides: results/runs/<run>/ predictor.json, training_hashes.npy, predictions.csv and .html with
`predict.photos`, model.onnx, model.int8.onnx, model.safetensors and hub/ with `export`; manifest.json
and config.yaml.
"""

# The scripts find these beside the model.
BESIDE_MODEL = [
    "<results>/runs/{run}/predictor.json",
    "<results>/runs/{run}/training_hashes.npy",
]


rule predictor:
    """Write down how a run's network predicts other photos."""
    input:
        model="<results>/runs/{run}/model.pt",
        metrics="<results>/runs/{run}/metrics.json",
        faces=lambda wildcards: inputs.training_faces(job_run(wildcards))["faces"],
    output:
        predictor="<results>/runs/{run}/predictor.json",
        hashes="<results>/runs/{run}/training_hashes.npy",
    log:
        "<results>/runs/{run}/logs/predictor.log",
    conda:
        "../../envs/predictor.yaml"
    params:
        settings=lambda wildcards: data_summary.for_provenance(config)
        | run_settings.with_folds(job_run(wildcards)),
        code=code("predictor.py"),
    script:
        "../scripts/predictor.py"


rule predict:
    """Predict the faces of the photos that the config names."""
    input:
        *BESIDE_MODEL,
        "<results>/runs/{run}/metrics.json",
        model="<results>/runs/{run}/model.pt",
        photos=local(PHOTOS),
    output:
        predictions="<results>/runs/{run}/predictions.csv",
        html="<results>/runs/{run}/predictions.html",
    log:
        "<results>/runs/{run}/logs/predict.log",
    conda:
        "../../envs/predict.yaml"
    threads: lambda wildcards: job_resources(wildcards).threads
    resources:
        **ON_DEVICE,
    params:
        detect=config["predict"]["detect"],
        compute=lambda wildcards: run_settings.compute_settings(job_run(wildcards)),
        file_digest=lambda wildcards: inputs.places_state(PHOTOS),
        code=lambda wildcards: code("predict.py", wildcards),
    script:
        "../scripts/predict.py"


rule export:
    """Write a run's predictor in a format of other programs."""
    input:
        *BESIDE_MODEL,
        model="<results>/runs/{run}/model.pt",
    output:
        exported="<results>/runs/{run}/model.{format}",
    log:
        "<results>/runs/{run}/logs/export.{format}.log",
    wildcard_constraints:
        format="onnx|int8.onnx|safetensors",
    conda:
        "../../envs/export.yaml"
    params:
        code=lambda wildcards: code("export.py", wildcards),
    script:
        "../scripts/export.py"


use rule export as hub with:
    # A folder for a model hub, with the model card, and with model.onnx if that is exported.
    input:
        *BESIDE_MODEL,
        lambda wildcards: (
            outputs("hub_onnx", run=wildcards.run)
            if "onnx" in config["export"] and RUN_KINDS[wildcards.run].has_layers
            else []
        ),
        model="<results>/runs/{run}/model.pt",
        card="<results>/runs/{run}/model_card.md",
    output:
        "<results>/runs/{run}/hub/README.md",
        "<results>/runs/{run}/hub/config.json",
        exported="<results>/runs/{run}/hub/model.safetensors",
    log:
        "<results>/runs/{run}/logs/hub.log",


use rule export as hub_onnx with:
    output:
        exported="<results>/runs/{run}/hub/model.onnx",
    log:
        "<results>/runs/{run}/logs/hub_onnx.log",


rule manifest:
    """Record the digests of a run's files, and the config that makes the run again."""
    input:
        outputs=lambda wildcards: without_folders(recorded_outputs([wildcards.run])),
        tables=expand("<results>/data/{set}.csv", set=["test", *EXTERNAL]),
        receipt_files=inputs.receipts(config, ALL_SOURCES),
    output:
        manifest="<results>/runs/{run}/manifest.json",
        config="<results>/runs/{run}/config.yaml",
    log:
        "<results>/runs/{run}/logs/manifest.log",
    localrule: True
    conda:
        "../../envs/manifest.yaml"
    params:
        # It switches off the other runs of config.yaml.
        settings=lambda wildcards: data_summary.to_repeat(
            config, wildcards.run, CONFIG_FILES[DEFAULTS].get("runs") or ()
        ),
        code=lambda wildcards: [
            code(script, wildcards)
            for script in code_digest.run_scripts(folds=wildcards.run in WITH_FOLDS)
        ],
    script:
        "../scripts/manifest.py"
