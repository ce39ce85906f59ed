"""From a trained run to predictions on other photos, other formats, and the manifest of the run.

Requires: results/runs/<run>/ model.pt and metrics.json; the run's training faces; the photos that
the config names.
Provides: results/runs/<run>/ predictor.json, training_hashes.npy, predictions.csv and .html with
`predict.photos`, model.onnx, model.safetensors and hub/ with `export`; manifest.json
and config.yaml.
"""

# The scripts read these files beside model.pt.
BESIDE_MODEL = [
    "<results>/runs/{run}/predictor.json",
    "<results>/runs/{run}/training_hashes.npy",
]


rule predictor:
    """Write predictor.json: how a run's network predicts other photos."""
    input:
        model="<results>/runs/{run}/model.pt",
        metrics="<results>/runs/{run}/metrics.json",
        faces=of_run(inputs.face_file),
        face_box="<results>/data/face_box.json",
        initial_hashes=get_initial_hashes,
    output:
        predictor="<results>/runs/{run}/predictor.json",
        hashes="<results>/runs/{run}/training_hashes.npy",
    log:
        "<results>/runs/{run}/logs/predictor.log",
    conda:
        "../../envs/predictor.yaml"
    params:
        settings=of_run(recorded_settings),
        code=code("predictor.py"),
    script:
        "../scripts/predictor.py"


rule predict:
    """Predict the faces of the photos that the config names."""
    input:
        *BESIDE_MODEL,
        model="<results>/runs/{run}/model.pt",
        photos=local(without_time_of_folders(settings.predict.places)),
    output:
        predictions="<results>/runs/{run}/predictions.csv",
        html="<results>/runs/{run}/predictions.html",
    log:
        "<results>/runs/{run}/logs/predict.log",
    conda:
        "../../envs/predict.yaml"
    threads: resource("threads")
    resources:
        **ON_DEVICE,
    params:
        detect=settings.predict.detect,
        compute=of_run(run_settings.compute_settings),
        file_digest=when_planned(inputs.places_state, settings.predict.places),
        code=run_code("predict.py"),
    script:
        "../scripts/predict.py"


rule export:
    """Write a run's predictor in a format that other programs read."""
    input:
        *BESIDE_MODEL,
        model="<results>/runs/{run}/model.pt",
    output:
        exported="<results>/runs/{run}/model.{format}",
    log:
        "<results>/runs/{run}/logs/export.{format}.log",
    wildcard_constraints:
        format="onnx|safetensors",
    conda:
        "../../envs/export.yaml"
    params:
        code=run_code("export.py"),
    script:
        "../scripts/export.py"


use rule export as hub with:
    # A folder for a model hub, with the model card, and with model.onnx if that is exported.
    input:
        *BESIDE_MODEL,
        model="<results>/runs/{run}/model.pt",
        card="<results>/runs/{run}/model_card.md",
        onnx=get_hub_onnx,
    output:
        "<results>/runs/{run}/hub/README.md",
        "<results>/runs/{run}/hub/config.json",
        exported="<results>/runs/{run}/hub/model.safetensors",
    log:
        "<results>/runs/{run}/logs/hub.log",


rule manifest:
    """Record the digests of a run's files, and a config that repeats the run."""
    input:
        outputs=lambda wildcards: without_folders(recorded_outputs([wildcards.run])),
        tables=expand("<results>/data/{set}.csv", set=["test", *EXTERNAL]),
        receipt_files=inputs.receipts(settings, ALL_SOURCES),
    output:
        manifest="<results>/runs/{run}/manifest.json",
        config="<results>/runs/{run}/config.yaml",
    log:
        "<results>/runs/{run}/logs/manifest.log",
    localrule: True
    conda:
        "../../envs/manifest.yaml"
    params:
        # The recorded config switches off the other runs of config.yaml.
        settings=lambda wildcards: data_summary.to_repeat(
            settings, wildcards.run, CONFIG_FILES[DEFAULTS].get("runs") or ()
        ),
        code=of_run(code_of_scripts),
    script:
        "../scripts/manifest.py"
