"""A run with folds is validated by networks that were trained without the people of a fold."""

import json
import re
import shutil

import fold as script
import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.config import check
from helpers.cropped import samples_of, samples_of_faces
from helpers.dry_run import plan
from helpers.made_once import made_once
from helpers.predictions import metrics_of_run, predictions_of
from helpers.project import call_script
from helpers.training import QUICK, SMALL, new_network, write_faces
from helpers.workflow import copy_project, planned, run, write_config
from renet.common.errors import InputError
from renet.common.history import HISTORY
from renet.config import runs
from renet.config.model import HogSvmArchitecture
from renet.config.split import SplitSettings
from renet.dataset.tables import SPLIT
from renet.evaluation import leakage, summary
from renet.evaluation.inference_table import FOLD, INFERENCE
from renet.evaluation.tables import COMPARISON, RUNS
from renet.network import model_file
from renet.planning import data_summary, run_settings
from renet.training.settings import RunSettings

CNN = {"kind": "cnn", "conv_channels": [4, 4, 4, 8],
       "strided_convs": [{"channels": 8, "stride": [2, 2]}]}  # fmt: skip
SPLIT_OF_SMALL = {"test": 0.2, "validation": 0.2}


@pytest.fixture
def data(tmp_path):
    """The HDF5 file of training and validation, 96 faces of 40 people, and the table beside it."""
    faces = write_faces(tmp_path / "development.h5", 96, 1)
    table = samples_of_faces(faces, people=40)
    table.to_csv(tmp_path / "development.csv", index=False)
    return tmp_path


def predict(data, number: int, folds: int = 3, **options) -> pd.DataFrame:
    settings = options.pop("settings", RunSettings(SMALL, QUICK)).dump()
    call_script(
        "fold", faces=[data / "development.h5"], tables=[data / "development.csv"], fold=number,
        folds=folds, predictions=data / f"{number}.csv", code="code", settings=settings, **options,
    )  # fmt: skip
    return FOLD.read(data / f"{number}.csv")


@pytest.mark.fault("damaged-faces")
def test_changed_pixel_stops_a_fold(data):
    with h5py.File(data / "development.h5", "r+") as store:
        store["input"][3, 7] ^= 1
    with pytest.raises(InputError, match=r"development\.h5 is damaged"):
        predict(data, 1)


def rows_of(selected, data) -> np.ndarray:
    """The rows in development.h5 of selected faces, whose pixels differ."""
    every = [face.tobytes() for face in script.hdf5.read(data / "development.h5").pixels]
    found = [face.tobytes() for face in selected.pixels.take(np.arange(len(selected)))]
    return np.array([every.index(face) for face in found], int)


@pytest.mark.parametrize("by", ["subject", "image"])
@pytest.mark.parametrize("select_epoch", ["last", "best"])
def test_each_face_is_predicted_once_by_a_network_that_saw_neither_its_person_nor_its_photo(
    data, monkeypatch, by, select_epoch
):
    table = SPLIT.read(data / "development.csv")
    table.loc[1, "phash"] = table.phash[0]  # the same photo under another name
    table["photo_digest"] = [f"{n // 2}" for n in np.random.default_rng(1).permutation(len(table))]
    table["age"] = np.arange(len(table))
    table.to_csv(data / "development.csv", index=False)
    photos_and_people = [table.phash, table.photo_digest]
    photos_and_people += [table.subject] if by == "subject" else []
    seen, fit = [], script.fit

    def record(settings, *given):
        seen.append([rows_of(part, data) if part else np.array([], int) for part in given[:2]])
        assert given[0].ages.tolist() == seen[-1][0].tolist()
        return fit(settings, *given)

    monkeypatch.setattr(script, "fit", record)
    recipe = QUICK.replace(epochs=1, select_epoch=select_epoch, age_weight=0.3)
    found = [
        predict(data, number, by=by, validation=0.2, settings=RunSettings(SMALL, recipe))
        for number in (1, 2, 3)
    ]
    assert sorted(pd.concat(found).id) == sorted(table.id)
    for predictions, (training, validation) in zip(found, seen, strict=True):
        held_out = table.index[table.id.isin(predictions.id)]
        for shared in photos_and_people:
            parts = [set(shared[rows]) for rows in (training, validation, held_out)]
            assert not any(parts[a] & parts[b] for a, b in ((0, 1), (0, 2), (1, 2)))
        left_out = len(table) - len(training) - len(validation) - len(held_out)
        assert 0 < left_out < len(table) / 2 if by == "subject" else not left_out
        fraction = len(validation) / (len(table) - len(held_out))
        assert 0.05 < fraction < 0.26 if select_epoch == "best" else not fraction


@pytest.mark.parametrize("near_duplicates", [True, False])
def test_near_duplicates_of_held_out_faces_are_left_out_unless_the_config_ignores_them(
    data, monkeypatch, near_duplicates
):
    table, counts, fit = SPLIT.read(data / "development.csv"), [], script.fit
    table.loc[:47, "phash"] = table.phash[0]  # in all folds
    table.to_csv(data / "development.csv", index=False)
    monkeypatch.setattr(script, "fit", lambda *given: counts.append(len(given[1])) or fit(*given))
    held_out = predict(data, 1, near_duplicates=near_duplicates)
    left_out = (~table.id[:48].isin(held_out.id)).sum() if near_duplicates else 0
    assert counts == [len(table) - len(held_out) - left_out]


def test_svm_is_fitted_without_the_fold(data, monkeypatch):
    settings = RunSettings(HogSvmArchitecture(cells=4))
    found = predict(data, 1, settings=settings)
    assert np.allclose(found.p_female + found.p_male, 1)
    monkeypatch.setattr(script, "fit", lambda *_: pytest.fail("it is fitted again"))
    pd.testing.assert_frame_equal(found, predict(data, 1, settings=settings))


def test_networks_of_the_folds_are_no_worse_than_one_of_all_faces(data):
    """Any trained network separates light from dark faces."""
    targets = SPLIT.read(data / "development.csv").set_index("id").target
    recipe = QUICK.replace(epochs=8)
    found = [predict(data, number, settings=RunSettings(SMALL, recipe)) for number in (1, 2, 3)]
    found = pd.concat(found).set_index("id").p_male > 0.5
    assert (found == targets[found.index]).mean() > 0.9


def test_folds_belong_to_what_a_run_depends_on():
    config = check({
        "runs": {"renet": None, "a": {"seeds": [1, 2], "folds": 5}, "b": {"train": {"seed": 3}},
                 "c": {"grid": {"train.epochs": [1, 2]}, "folds": 4.0}}
    })  # fmt: skip
    complete = {name: run_settings.with_folds(of_run) for name, of_run in config.runs.items()}
    assert runs.seed_groups(complete) == [["a-seed1", "a-seed2"]]
    assert [one["folds"] for one in complete.values()] == [5, 5, 0, 4, 4]
    assert data_summary.to_repeat(config, "a-seed2", [])["runs"]["a-seed2"]["folds"] == 5
    assert "folds" not in data_summary.to_repeat(config, "b", [])["runs"]["b"]


def test_run_with_folds_is_trained_on_all_faces_unless_it_selects_an_epoch():
    svm = {"model": {"kind": "hog_svm"}, "folds": 2}
    overlay = {"runs": {"renet": None, "a": {"folds": 5}, "b": {}, "svm": svm}}
    both = ["train", "validation"]
    for select, trained_on in (("last", both), ("best", ["train"])):
        given = check(overlay | {"train": {"select_epoch": select}}).runs.values()
        assert [run_settings.trained_on(one) for one in given] == [trained_on, ["train"], both]


def test_test_faces_of_validation_people_count_where_the_run_is_trained_on_both():
    split = samples_of(np.arange(6) % 2).assign(
        subset=["train", "train", "validation", "validation", "test", "test"],
        subject=list("abcdcx"),
    )
    for trained_on, count in ((["train"], 0), (["train", "validation"], 1)):
        settings = SplitSettings(by="image", near_duplicates=False)
        found = leakage.check(split, settings, "split.csv", trained_on)
        assert found["test_samples_of_training_subjects"] == count


@pytest.fixture
def tables(tmp_path):
    """Write inference tables of runs, with or without folds, and compare them."""
    random = np.random.default_rng(2)
    development, test = np.arange(60) % 2, np.arange(20) % 2

    def compared(**quality: tuple[float, bool]) -> pd.DataFrame:
        """comparison.csv, given how often each run is right, and whether it has folds."""
        paths, metrics, names = [], [], [name for name in quality for _ in range(2)]
        for name, (right, folds) in quality.items():
            read = []
            for subset, targets in (("test", test), ("out_of_fold", development)):
                is_right = random.random(len(targets)) < right
                table = predictions_of(targets, np.where(is_right == targets, 0.9, 0.1))
                table["id"] = (subset == "test") * "test" + table.id
                table["subset"] = subset
                if subset != "test" and not folds:
                    table = table.tail(20).assign(subset="validation")
                path = tmp_path / name / ("inference.csv" if subset == "test" else "validation.csv")
                path.parent.mkdir(exist_ok=True)
                INFERENCE.write(path, table)
                paths.append(path)
                read.append(table)
            metrics.append(tmp_path / name / "metrics.json")
            summary.write(metrics[-1], metrics_of_run(*read))
        call_script(
            "compare", inference=paths, names=names, reference=names[0], metrics=metrics,
            external=[], table=tmp_path / "comparison.csv", runs=tmp_path / "runs.csv",
        )  # fmt: skip
        return COMPARISON.read(tmp_path / "comparison.csv")

    return compared


def test_run_with_folds_and_one_without_are_compared_on_the_same_faces_alone(tables, tmp_path):
    found = tables(plain=(0.6, False), folded=(0.95, True))
    assert found.set.tolist() == ["test", "validation"]
    assert found.kind.tolist() == ["reference", "best"]
    assert found.other.tolist() == ["plain", "folded"]
    correct = 20 * found.other_value[1]  # of the 20 faces of the validation set
    assert correct == pytest.approx(round(correct))
    runs = RUNS.read(tmp_path / "runs.csv").set_index(["run", "set"])
    assert runs["rank"].dropna().to_dict() == {
        ("plain", "validation"): 2, ("folded", "validation"): 1,
    }  # fmt: skip
    assert runs.value["folded", "validation"] == pytest.approx(found.other_value[1])
    assert runs.faces["folded"].to_dict() == {"validation": 20, "test": 20, "out_of_fold": 60}


def test_runs_with_folds_are_compared_with_each_other_and_chosen_on_the_out_of_fold_set(tables):
    found = tables(plain=(0.6, False), a=(0.95, True), b=(0.7, True))
    of_folds = found[(found.set == "out_of_fold") & (found.kind == "reference")]
    assert of_folds[["run", "other"]].to_numpy().tolist() == [["b", "a"]]
    best = tables(a=(0.6, True), b=(0.95, True)).query("kind == 'best'")
    assert best[["set", "run", "other"]].to_numpy().tolist() == [["out_of_fold", "a", "b"]]


def test_out_of_fold_predictions_are_merged_in_the_order_of_the_faces(data):
    ids = SPLIT.read(data / "development.csv").id
    for number, part in enumerate((ids[::2], ids[1::2])):
        rows = [(one, 0.25, 0.75) for one in part[::-1]]
        FOLD.write(data / f"{number}.csv", FOLD.frame(rows))
    model_file.save(data / "model.pt", new_network())
    call_script(
        "infer", model=data / "model.pt", faces=data / "development.h5",
        table=data / "development.csv", validation_table=data / "development.csv",
        folds=[data / "0.csv", data / "1.csv"], inference=data / "inference.csv",
        inference_validation=data / "inference_validation.csv",
    )  # fmt: skip
    merged = INFERENCE.read(data / "inference_validation.csv")
    assert merged.id.tolist() == ids.tolist() and (merged.subset == "out_of_fold").all()
    assert (merged.p_male == 0.75).all() and merged.correct.tolist() == merged.target.tolist()


def folded(folder) -> None:
    """Run the workflow with a run with folds, and one without."""
    settings = {"renet": {"folds": 3}, "cnn": {"model": CNN}}
    write_config(copy_project(folder), runs=settings, split=SPLIT_OF_SMALL)
    run(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return made_once(tmp_path_factory, "folded", folded)


@pytest.fixture
def copy(project, tmp_path):
    return shutil.copytree(project, tmp_path / "copy", symlinks=True)


@pytest.mark.slow
def test_workflow_validates_a_run_by_its_folds_and_trains_it_on_all_other_faces(
    project, monkeypatch
):
    results = project / "results"
    folder, split = results / "runs/renet", SPLIT.read(results / "data/split.csv")
    development = split[split.subset != "test"]
    merged = INFERENCE.read(folder / "inference_validation.csv")
    assert merged.id.tolist() == development.id.tolist()
    assert not set(INFERENCE.read(folder / "inference.csv").id) & set(merged.id)
    assert HISTORY.read(folder / "history.csv").validation_loss.isna().all()
    found = json.loads((folder / "metrics.json").read_text())
    tested = (split.subset == "test").sum()
    assert found["data"]["faces"] == {"train": len(development), "test": tested}
    assert found["validation"]["n"] == len(development)
    assert found["calibration"]["fitted_on"] == "out_of_fold"
    out_of_fold = json.loads((folder / "out_of_fold/metrics.json").read_text())
    assert out_of_fold["test"] == found["validation"]
    slices = pd.read_csv(folder / "out_of_fold/tables/slices.csv")
    assert "person in the training set" not in set(slices["slice"])
    recorded = json.loads((folder / "provenance.json").read_text())
    assert list(recorded["inputs"]["faces"]) == ["development"] and recorded["config"]["folds"] == 3
    assert len(np.load(folder / "training_hashes.npy").T) == len(development)
    assert "fold.py" in json.loads((folder / "manifest.json").read_text())["code"]
    assert "fold.py" not in json.loads((results / "runs/cnn/manifest.json").read_text())["code"]
    monkeypatch.chdir(project)
    call_script("verify", results="results")
    records = [json.loads(path.read_text())["set"] for path in (results / "evaluations").iterdir()]
    assert records == ["test", "test"]


@pytest.mark.slow
def test_further_run_corrects_the_claim_of_a_run_with_folds_again_and_trains_it_not(copy):
    settings = {"renet": {"folds": 3}, "cnn": {"model": CNN}, "more": {"train": {"seed": 2}}}
    write_config(copy, runs=settings, split=SPLIT_OF_SMALL)
    text = plan(copy, "--configfile", "small.yaml")
    jobs = re.findall(r"rule (\w+):\n(?:    .*\n)*?    wildcards: run=(\w+)\n", text)
    assert {rule for rule, run in jobs if run == "renet"} == {"evaluate", "predictor", "manifest"}
    assert {run for _, run in jobs} == {"renet", "more"}


@pytest.mark.slow
def test_change_of_the_folds_trains_them_alone_and_the_config_of_a_run_is_whole(copy):
    assert not planned(copy)
    plan(copy, "--configfile", "results/runs/renet/config.yaml", "-q")
    write_config(copy, runs={"renet": {"folds": 4}, "cnn": {"model": CNN}}, split=SPLIT_OF_SMALL)
    changed = planned(copy)
    assert {"fold", "infer", "evaluate_out_of_fold"} <= changed
    assert not {"train", "write_hdf5", "shuffle"} & changed
