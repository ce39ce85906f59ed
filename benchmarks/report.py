"""Cost of evaluation, figures and pages for a large test set: time, memory and bytes on disk.

    python benchmarks/report.py --faces 50000

The script makes a results folder as it is before the workflow's last rules, with synthetic faces of
20,000 people. It then runs the scripts of these rules, each in a process of its own, as Snakemake
does. The faces are grainy blots, which compress like real photos. The predictions are random and
the network is untrained; neither changes the cost. Making 50,000 faces takes longer than the
measurement, and 2.5 GB of disk space. The folder is deleted at the end.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import measuring
import numpy as np
import pandas as pd
import yaml

from renet.common import files
from renet.config.model import Architecture
from renet.config.schema import Config
from renet.dataset import hdf5
from renet.evaluation.run_figures import RUN_FIGURES
from renet.network import model_file
from renet.network.kinds.renet import ReNet
from renet.planning import data_summary, run_settings

RUN = "made"
SLAB = 500  # faces made at once
GRAIN = 17  # grey levels: a thumbnail takes 255 bytes, like those of real crops
SUBSETS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def make_faces(count: int, side: int) -> Iterator[np.ndarray]:
    """Slabs of grainy blots, (n, 3, side, side) uint8."""
    random = np.random.default_rng(1)
    for first in range(0, count, SLAB):
        size = min(SLAB, count - first)
        blots = random.integers(0, 256, (size, 7, 6, 3), dtype=np.uint8)
        grain = random.normal(0, GRAIN, (side, side, 1))
        slab = np.stack([cv2.resize(blot, (side, side), interpolation=cv2.INTER_CUBIC)
                         for blot in blots])  # fmt: skip
        yield np.clip(slab + grain, 0, 255).astype(np.uint8).transpose(0, 3, 1, 2)


def make_table(subset: str, count: int, people: int, first: int) -> pd.DataFrame:
    """The table beside an HDF5 file; people of two subsets never have the same name."""
    random = np.random.default_rng(len(subset))
    rows = np.arange(first, first + count)
    born, shot = random.integers(1930, 1990, count), random.integers(1960, 2016, count)
    person = random.integers(people, size=count)
    return pd.DataFrame(
        {
            "id": [f"imdb:{row}" for row in rows],
            "subset": subset,
            "source": "imdb",
            "row": rows,
            "path": [f"{n % 100:02}/nm{n:07}_rm{n * 7919 % 10**9}_{year}-5-17_{shot[n - first]}.jpg"
                     for n, year in zip(rows, born, strict=True)],
            "subject": [f"{subset} person number {number}" for number in person],
            "target": (person % 10 < 6).astype(int),
            "age": (shot - born).clip(0).astype(float),
            "year": shot,
            "face_score": random.gamma(4, 1, count).round(4),
            "crop_width": random.integers(40, 400, count),
            "crop_height": random.integers(40, 400, count),
            "grey": random.integers(0, 2, count),
            "shard": 1,
            "index": rows,
            "digest": [f"{row:032x}" for row in rows],
            "phash": [hashlib.sha256(b"%d" % row).hexdigest() for row in rows],
            "photo_digest": [f"file {row}" for row in rows],
        }
    )  # fmt: skip


def make_predictions(samples: pd.DataFrame) -> pd.DataFrame:
    """An inference table in which nine of ten predictions are correct."""
    random = np.random.default_rng(len(samples))
    odds = random.normal(1.5 * (2 * samples.target - 1), 1.2)
    male = 1 / (1 + np.exp(-1.5 * odds))
    predicted = (male > 0.5).astype(int)
    columns = ["id", "path", "source", "subject", "subset", "target", "age", "year", "face_score",
               "crop_width", "crop_height", "grey"]  # fmt: skip
    return samples[columns].assign(
        p_female=1 - male, p_male=male, predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )  # fmt: skip


def make_inputs(
    results: Path, count: int, side: int = 128, architecture: Architecture | None = None
) -> None:
    """Make the inputs of the last rules, with `count` test faces."""
    data, run = results / "data", results / "runs" / RUN
    run.mkdir(parents=True)
    data.mkdir()
    parts, first = [], 0
    for subset, fraction in SUBSETS.items():
        size = max(4, round(count * fraction / SUBSETS["test"]))
        parts.append(make_table(subset, size, max(2, size * 2 // 5), first))
        first += size
    faces = len(parts[-1])
    shape, slabs = (faces, 3, side, side), make_faces(faces, side)
    hdf5.write(data / "test.h5", shape, slabs, parts[-1].target.to_numpy())
    parts[-1]["digest"] = list(map(files.face_digest, hdf5.read(data / "test.h5").pixels))
    split = pd.concat(parts)
    split.to_csv(data / "split.csv", index=False)
    parts[-1].to_csv(data / "test.csv", index=False)
    make_predictions(parts[1]).to_csv(run / "inference_validation.csv", index=False)
    make_predictions(parts[2]).to_csv(run / "inference.csv", index=False)
    model = ReNet((3, side, side), architecture or Architecture())
    model.init_weights(1)
    model_file.save(run / "model.pt", model)
    make_small_files(results, split)


def make_small_files(results: Path, split: pd.DataFrame) -> None:
    """Make history, throughput, training.json, funnel, receipt and settings."""
    run = results / "runs" / RUN
    epochs = np.arange(1, 11)
    history = {"epoch": epochs, "learning_rate": 0.01, "loss": 0.7 / epochs, "accuracy": 0.9,
               "validation_loss": 0.8 / epochs, "validation_accuracy": 0.9}  # fmt: skip
    pd.DataFrame(history).to_csv(run / "history.csv", index=False)
    steps = {"rows": 2 * len(split), "low_face_score": len(split)}
    steps |= split.subset.value_counts().to_dict()
    funnel = pd.DataFrame({"source": "imdb", "step": steps.keys(), "dropped": 0,
                           "remaining": steps.values(), "changed": 0})  # fmt: skip
    funnel.to_csv(results / "data" / "funnel.csv", index=False)
    throughput = {"epoch": epochs, "images": len(split), "seconds": 60.0, "images_per_second": 64.0,
                  "data_wait_fraction": 0.0, "memory_mb": 1000, "gpu_memory_mb": 0}  # fmt: skip
    (run / "training").mkdir()
    pd.DataFrame(throughput).to_csv(run / "training" / "throughput.csv", index=False)
    training = {
        "config": {}, "faces": {}, "software": {},
        "code": {"train": "0", "revision": "0123456789abcdef", "modified": False},
        "computed": {"device": "cpu", "precision": "float32", "threads": 2, "processes": 1},
        "hardware": {"cpu": "A processor", "cores": 2, "gpus": []}, "start_from": None,
        "results": {"model.pt": files.file_digest(run / "model.pt")},
    }  # fmt: skip
    files.write_json(run / "training" / "made" / "training.json", training)
    receipt = {"url": "https://example.org/imdb_crop.tar", "size": 1, "digest": "md5:0",
               "verified": False}  # fmt: skip
    files.write_json(results / "receipt.json", receipt)
    config = Config(sources=["imdb"])
    defaults = run_settings.with_folds(config.runs["renet"])
    settings = {
        "runs": {RUN: defaults},
        "defaults": defaults,
        "data": data_summary.for_pages(config),
    }
    (results / "settings.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def values(results: Path) -> dict[str, dict]:
    """What each script gets from its job."""
    data, run = results / "data", results / "runs" / RUN
    settings = yaml.safe_load((results / "settings.yaml").read_text(encoding="utf-8"))
    predicted = {"inference": run / "inference.csv", "faces": data / "test.h5",
                 "face_table": data / "test.csv"}  # fmt: skip
    compared = results / "comparison"
    of_runs = [path for path in sorted((results / "runs").rglob("*")) if path.is_file()]
    tables = [path for path in of_runs if path.match("inference*.csv")]
    funnels = sorted(data.glob("*/external_funnel.csv"))
    settings["external"] = [path.parent.name for path in funnels]
    face_boxes = [path.with_name("face_box.json") for path in (data / "funnel.csv", *funnels)]
    for path in face_boxes:
        path.write_text('{"faces": 0, "differences": {}}')
    return {
        "evaluate": {
            "run": RUN, "test": run / "inference.csv",
            "validation": run / "inference_validation.csv",
            "split": [data / "split.csv"], "history": run / "history.csv",
            "model": run / "model.pt", "batch_size": 32,
            "evaluations": results / "evaluations", "metrics": run / "metrics.json",
            "slice_table": run / "tables/slices.csv", "groups": run / "page/groups.js",
            "figures": [run / f"figures/{name}.svg" for name in RUN_FIGURES],
        },
        "thumbnails": {
            "faces": data / "test.h5", "table": data / "test.csv",
            "samples": data / "thumbnails/samples.js", "sheets": data / "thumbnails/sheets",
        },
        "gallery": predicted | {
            "table": run / "tables/gallery.csv", "predictions": run / "page/predictions.js",
            "pictures": [
                run / f"faces/{name}.jpg" for name in ("examples", "mistakes", "hard_cases")
            ],
        },
        "explain": predicted | {
            "model": run / "model.pt", "saliency": run / "faces/saliency.jpg",
            "table": run / "tables/saliency.csv", "description": run / "page/model.json",
            "layers": run / "tables/layers.csv", "compute": {"device": "cpu"},
        },
        "provenance": {
            "run": RUN, "model": run / "model.pt", "receipt_files": [results / "receipt.json"],
            "throughput": run / "training/throughput.csv", "data": {},
            "provenance": run / "provenance.json", "machine": run / "page/machine.js",
        },
        "compare": {
            "inference": tables, "reference": RUN, "table": compared / "comparison.csv",
            "runs": compared / "runs.csv",
            "metrics": [path for path in of_runs if path.match("runs/*/metrics.json")],
            "external": [path for path in of_runs if path.match("external/*/metrics.json")],
            "names": [path.relative_to(results / "runs").parts[0] for path in tables],
        },
        "report": {
            "of_runs": of_runs, "evaluations": results / "evaluations",
            "funnel": data / "funnel.csv", "settings": settings,
            "comparison": compared / "comparison.csv", "run_table": compared / "runs.csv",
            "receipts": [results / "receipt.json"], "index": results / "index.html",
            "external_funnels": funnels, "face_boxes": face_boxes, "origin": "imdb.yaml",
            "audit": [], "learning_curve": [], "notes": None,
        },
    }  # fmt: skip


def page_bytes(results: Path) -> dict[str, int]:
    """Bytes of the pages and of the files that a browser loads with them."""
    made = {
        "report.html with its pictures": [*(results / "runs" / RUN).glob("*.html"),
                                          *(results / "runs" / RUN).glob("figures/*.svg"),
                                          *(results / "runs" / RUN).glob("faces/*.jpg")],
        "rows of the table": [results / "data/thumbnails/samples.js",
                              results / "runs" / RUN / "page/predictions.js",
                              results / "runs" / RUN / "page/groups.js"],
        "thumbnails, loaded when visible": [*(results / "data/thumbnails/sheets").iterdir()],
        "index.html with its pictures": [results / "index.html", results / "loss_curves.svg",
                                         results / "data/funnel.svg"],
    }  # fmt: skip
    return {name: sum(path.stat().st_size for path in paths) for name, paths in made.items()}


def main() -> None:
    """Measure the scripts and the pages."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--faces", type=int, default=50_000, help="number of test faces")
    faces = parser.parse_args().faces
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results")
        make_inputs(results, faces)
        # The values of a script name the files that those before it have written.
        costs = {
            script: measuring.script_cost(script, **values(results)[script])
            for script in values(results)
        }
        rows = [(name, f"{seconds:.1f}", round(peak)) for name, (seconds, peak) in costs.items()]
        rows.append(("total", f"{sum(seconds for seconds, _ in costs.values()):.1f}", ""))
        print(f"{faces:,} test faces\n")
        measuring.print_table(["rule", "seconds", "peak memory, MiB"], rows)
        sizes = page_bytes(results)
        rows = [(name, f"{size / 1e6:.2f}") for name, size in sizes.items()]
        print()
        measuring.print_table(
            ["files", "MB"], [*rows, ("total", f"{sum(sizes.values()) / 1e6:.2f}")]
        )


if __name__ == "__main__":
    main()
