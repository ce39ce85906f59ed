"""Learning curve: accuracy by the number of training faces, for runs with `learning_curve`.

Requires: results/data/{train,validation}.h5 and the tables beside them, and the rule fold.
Provides: results/learning_curve/ learning_curve.csv and .svg; results/runs/<run>/learning_curve/,
the predictions of each training.
"""


use rule fold as fraction with:
    input:
        get_initial_weights,
        faces=expand("<results>/data/{subset}.h5", subset=("train", "validation")),
        tables=expand("<results>/data/{subset}.csv", subset=("train", "validation")),
    output:
        predictions="<results>/runs/{run}/learning_curve/{fraction}.csv",
    log:
        "<results>/runs/{run}/logs/fraction/{fraction}.log",
    params:
        fraction=lambda wildcards: float(wildcards.fraction),


if CURVES:

    rule learning_curve:
        """Compute the accuracy by the number of training faces."""
        input:
            predictions=[
                f"<results>/runs/{run}/learning_curve/{fraction}.csv"
                for run, fraction in CURVES
            ],
            train="<results>/data/train.csv",
            validation="<results>/data/validation.csv",
        output:
            table=reported("<results>/learning_curve/learning_curve.csv"),
            figure=reported("<results>/learning_curve/learning_curve.svg"),
        log:
            "<results>/logs/learning_curve/learning_curve.log",
        localrule: True
        conda:
            "../../envs/learning_curve.yaml"
        params:
            points=CURVES,
            by=settings.split.by,
            seed=settings.split.seed,
            near_duplicates=settings.split.near_duplicates,
            code=code("learning_curve.py"),
        script:
            "../scripts/learning_curve.py"
