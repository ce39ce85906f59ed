"""Digests of small trainings of all kinds, which a change of the training code must not change.

    python benchmarks/training_bits.py --output before.csv
    python benchmarks/training_bits.py --compare before.csv

Each case is a job of the rule `train`, run once undisturbed and once ended by a signal after its
first checkpoint and started again. A digest covers all weights and history.csv, and holds for one
machine and one version of PyTorch. The exit status is 1 if a digest is another one than in the
table to compare with, or if the two trainings of a case differ.
"""

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import measuring
import numpy as np
import pandas as pd
import torch

from helpers import kill_jobs
from helpers.cropped import samples_of_faces
from helpers.faces import write_hdf5
from renet.dataset import hdf5
from renet.dataset.tables import SPLIT
from renet.training.augmentation import CHANGES

SMALL = {
    "conv_channels": [4, 4, 8],
    "spatial_rnns": [{"units": 4, "block": [2, 2]}, {"units": 6, "block": [2, 2]}],
}
CNN = {
    "kind": "cnn",
    "conv_channels": [4, 8],
    "strided_convs": [{"channels": 8, "stride": [2, 2]}],
}
RESNET = {"kind": "resnet18"}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.003}
BEST = {"select_epoch": "best", "learning_rate": 0.1}  # at which the last epoch is not the best
MIXUP = {"mixup": 0.3, "label_smoothing": 0.1}
AUGMENT = {"augment": [*CHANGES]}
MODERN = BEST | ADAMW | MIXUP | AUGMENT | {
    "ema": 0.9, "schedule": "cosine", "warm_up": 0.5, "shuffle_each_epoch": True,
}  # fmt: skip
TWO = {"processes": 2}
CASES: dict[str, tuple[dict, dict]] = {
    "tanh": (SMALL, {}),
    "relu": (SMALL | {"cell": "relu"}, {}),
    "gru": (SMALL | {"cell": "gru"}, {}),
    "lstm": (SMALL | {"cell": "lstm"}, {}),
    "plain classifier": (SMALL | {"classifier": "plain"}, {}),
    "cnn": (CNN, {}),
    "resnet18": (RESNET, {"epochs": 2}),
    "Nesterov": (SMALL, {"nesterov": True}),
    "AdamW": (SMALL, ADAMW),
    "shuffled": (SMALL, {"shuffle_each_epoch": True}),
    "cosine": (SMALL, {"schedule": "cosine", "warm_up": 0.5}),
    "smoothed labels": (SMALL, {"label_smoothing": 0.1}),
    "moving average": (SMALL, {"ema": 0.9}),
    "mixup": (SMALL, MIXUP),
    "augmented": (SMALL, AUGMENT),
    "best epoch": (SMALL, BEST),
    "best of every second epoch": (SMALL, BEST | {"validate_every": 2, "epochs": 4}),
    "best moving average": (SMALL, BEST | {"ema": 0.9}),
    "age groups": (SMALL, {"age_weight": 0.3}),
    "frozen": (SMALL, {"freeze": ["bn0", "conv1", "bn1"]}),
    "modern": (SMALL, MODERN),
    "modern, age groups": (SMALL, MODERN | {"age_weight": 0.3, "age_adjustment": True}),
    "modern cnn": (CNN, MODERN),
    "modern resnet18": (RESNET, MODERN | {"epochs": 2}),
    "bfloat16": (SMALL, {"precision": "bfloat16"}),
    "bfloat16 cnn": (CNN, {"precision": "bfloat16"}),
    "bfloat16, modern": (SMALL, MODERN | {"precision": "bfloat16"}),
    "without validation": (SMALL, {}),
    "modern without validation": (SMALL, MODERN | {"select_epoch": "last"}),
    "one batch": (SMALL, {"batch_size": 64}),
    "two threads": (SMALL, {"threads": 2}),
    "two processes": (SMALL, TWO),
    "two processes, modern": (SMALL, MODERN | TWO),
    "two processes, age groups": (SMALL, TWO | {"age_weight": 0.3}),
    "two processes, cnn": (CNN, TWO),
    "three processes, best moving average": (SMALL, BEST | {"ema": 0.9, "processes": 3}),
}  # fmt: skip
FACES = 41  # the last batch has one face, fewer than there are processes


def write_inputs(folder: Path) -> None:
    """Write train.h5, train.csv and validation.h5."""
    random = np.random.default_rng(0)
    for name, count in (("train", FACES), ("validation", 20)):
        targets = random.integers(0, 2, count)
        light = 80 + 60 * targets[:, None, None, None]
        pixels = (light + random.integers(-60, 60, (count, 3, 32, 32))).clip(0, 255)
        write_hdf5(folder / f"{name}.h5", pixels.astype(np.uint8), targets)
    table = samples_of_faces(hdf5.read(folder / "train.h5"))
    SPLIT.write(folder / "train.csv", table.assign(age=range(0, 3 * FACES, 3)))


def job_of(name: str, inputs: Path, run: Path) -> dict:
    """The job of a case as Snakemake describes it."""
    model, train = CASES[name]
    train = {"epochs": 3, "batch_size": 8, "threads": 1, "device": "cpu"} | train
    given = {"faces": inputs / "train.h5"}
    if "without validation" not in name:
        given["validation"] = inputs / "validation.h5"
    if train.get("age_weight"):
        given["table"] = inputs / "train.csv"
    return {
        "rule": "train", "script": "train.py", "wildcards": {"run": "run"}, "threads": 1,
        "input": {key: str(path) for key, path in given.items()},
        "output": {
            "model": str(run / "model.pt"), "history": str(run / "history.csv"),
            "throughput": str(run / "training" / "throughput.csv"),
        },
        "params": {"settings": {"model": {"kind": "renet"} | model, "train": train}, "code": "-"},
        "resources": {"checkpoint_seconds": 0, "gpu": 0},
        "log": [str(run / "train.log")],
    }  # fmt: skip


def digest(run: Path) -> str:
    """Digest of the weights in model.pt and of history.csv."""
    content = hashlib.sha256((run / "history.csv").read_bytes())

    def add(value: object) -> None:
        if isinstance(value, dict):
            for name in sorted(value):
                content.update(name.encode())
                add(value[name])
        elif isinstance(value, torch.Tensor):
            content.update(value.contiguous().numpy().tobytes())

    add(torch.load(run / "model.pt", weights_only=True))
    return content.hexdigest()[:16]


def train(job: dict, ends_with: signal.Signals | None = None) -> bool:
    """Run a job to its end; with a signal, end it after its first checkpoint, and start it again.

    Returns:
        Whether the signal ended it.
    """
    process, status = kill_jobs.start(job), None
    run = Path(job["output"]["model"]).parent
    while ends_with and not status:
        if any(run.glob("training/*/checkpoint.pt")):
            os.killpg(process, ends_with)
            break
        time.sleep(0.002)
    if status := kill_jobs.end_of(process, job, *([] if ends_with else [0])):
        train(job)
    return bool(status)


def main() -> None:
    """Run the cases, and print and compare their digests."""
    parser = measuring.parser(__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help="default: all")
    parser.add_argument("--output", type=Path, help="CSV of the digests")
    parser.add_argument("--compare", type=Path, help="CSV of an earlier commit")
    options = parser.parse_args()
    kill_jobs.import_all()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        for name in options.cases:
            found = []
            for ends_with in (None, signal.SIGTERM if len(rows) % 2 else signal.SIGKILL):
                run = Path(folder, "run")
                is_ended = train(job_of(name, Path(folder), run), ends_with)
                found.append(digest(run))
                shutil.rmtree(run)
            rows.append((name, *found, is_ended))
            print(*found, name, "" if is_ended else "(ended before the signal)", flush=True)
    table = pd.DataFrame(rows, columns=["case", "digest", "resumed", "is_ended"])
    if options.output:
        table.to_csv(options.output, index=False)
    differs = table.digest != table.resumed
    if options.compare:
        before = pd.read_csv(options.compare).set_index("case").digest
        differs |= table.digest != table.case.map(before)
    print(f"{len(table) - differs.sum()} of {len(table)} are the same")
    print(*table.case[differs], sep="\n")
    sys.exit(bool(differs.any()))


if __name__ == "__main__":
    main()
