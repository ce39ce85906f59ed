"""Wrong labels are found by networks that were trained without any photo of the person."""

import json

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By

from helpers.browser import DESKTOP, PHONE, check_page, choose, download, texts
from helpers.cropped import samples_of, samples_of_faces
from helpers.pages import HOSTILE
from helpers.project import call_script
from helpers.training import QUICK, SMALL, terminated_before, write_faces
from renet.audit import ranking
from renet.audit.ranking import LABELS, PROPOSALS
from renet.common.errors import InputError
from renet.common.imdb_wiki import SUBSETS
from renet.dataset import corrections, hdf5, splits
from renet.dataset.tables import CORRECTED, SPLIT
from renet.training.settings import RunSettings


def test_person_is_in_one_fold_and_folds_are_the_same_each_time():
    samples = samples_of(np.arange(200) % 2)
    fold = splits.folds(samples, 4, seed=1)
    assert samples.assign(fold=fold).groupby("subject").fold.nunique().eq(1).all()
    assert set(fold) == {0, 1, 2, 3}
    assert np.array_equal(fold, splits.folds(samples, 4, seed=1))
    assert not np.array_equal(fold, splits.folds(samples, 4, seed=2))


@pytest.mark.parametrize(("people", "folds", "fewer"), [(3, 4, 2), (9, 6, 5)])
def test_more_folds_than_people_are_refused(people, folds, fewer):
    fault = f"for {folds} folds; lower `folds`, for example to {fewer}"
    with pytest.raises(InputError, match=fault):
        splits.folds(samples_of(np.arange(9) % 2, people), folds, seed=1)


def ranked_of(labels: np.ndarray, p_male: np.ndarray, people: int = 20) -> pd.DataFrame:
    """The ranking of labels, given the out-of-fold probabilities."""
    return ranking.rank(samples_of(labels, people), np.stack([1 - p_male, p_male], 1))


@pytest.mark.parametrize(
    ("count", "accuracy", "significant"),
    [(60, 0.68, False), (6000, 0.68, True), (6000, 0.4, False)],
)
def test_skill_is_significant_only_where_its_interval_is_above_zero(count, accuracy, significant):
    random = np.random.default_rng(3)
    labels = (np.arange(count) % 10 < 6).astype(int)
    agrees = random.permutation(count) < accuracy * count
    skill = ranking.skill(ranked_of(labels, np.where(agrees == labels, 0.7, 0.3), count // 3))
    assert skill["accuracy"] == pytest.approx(accuracy, abs=0.01)
    assert (skill["baseline"], skill["majority"]) == (0.6, "male")
    assert skill["difference"] == pytest.approx(skill["accuracy"] - 0.6)
    assert skill["above"] == significant
    assert not ranking.skill(ranked_of(labels, np.full(count, 0.9)))["above"]


def test_labels_that_contradict_confident_predictions_come_first():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 300)
    confidence = random.uniform(0.8, 0.99, 300)
    p_male = np.where(truth, confidence, 1 - confidence)
    flipped = random.choice(300, 15, replace=False)
    labels = truth.copy()
    labels[flipped] = 1 - labels[flipped]
    ranked = ranked_of(labels, p_male)
    wrong = [f"wiki:{number}" for number in flipped]
    assert set(ranked.id[:15]) == set(wrong)
    assert set(ranked.id[ranked.suspect == 1]) == set(wrong)
    assert ranked["rank"].tolist() == list(range(1, 301))
    assert ranked.label_quality.is_monotonic_increasing


def test_disagreement_is_the_fraction_of_a_persons_other_photos_with_the_other_label():
    samples = samples_of(np.array([0, 1, 1, 1, 0, 0, 1]), people=7)
    unnamed = "own:/1.jpg"  # a photo of two faces without a recorded person
    samples.subject = ["a", "a", "a", "b", "c", unnamed, unnamed]
    found = ranking.rank(samples, np.full((7, 2), 0.5)).set_index("id").loc[samples.id]
    assert found.person_disagreement[:3].tolist() == [1.0, 0.5, 0.5]
    assert found.person_disagreement[3:].isna().all()
    assert found.person_photos.tolist() == [3, 3, 3, 1, 1, 1, 1]


@pytest.fixture
def data(tmp_path):
    """A data folder: three HDF5 files of faces that are easy to classify, and their tables."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number, (subset, count) in enumerate(zip(SUBSETS, (80, 16, 24), strict=True)):
        faces = write_faces(folder / f"{subset}.h5", count, number)
        table = samples_of_faces(faces, people=40)
        table.id = subset + table.id
        table.subset = subset
        table.to_csv(folder / f"{subset}.csv", index=False)
    return folder


def test_selection_is_the_rows_of_all_files(data):
    files = [hdf5.read(data / f"{subset}.h5") for subset in SUBSETS]
    rows = np.array([119, 0, 81, 95, 79, 96])
    chosen = hdf5.select(files, rows)
    everything = np.concatenate([file.pixels for file in files])
    assert chosen.pixels.shape == (6, 3, 32, 32)
    assert np.array_equal(chosen.pixels.take(np.arange(6)), everything[rows])
    assert np.array_equal(np.take(chosen.pixels[1:], [3, 0], axis=0), everything[rows[[4, 1]]])
    targets = np.concatenate([file.targets for file in files])
    assert chosen.targets.tolist() == targets[rows].tolist()
    assert chosen.digest != hdf5.select(files, rows[::-1]).digest


def paths_of(data) -> list:
    """The faces of a data folder, and their tables."""
    return [[data / f"{subset}.{kind}" for subset in SUBSETS] for kind in ("h5", "csv")]


@pytest.fixture
def train_fold(data, tmp_path):
    """Train without fold 1 of 2, with a number of GPUs; returns the number of updates."""

    def train(gpu: int, stop_at: int = 0) -> int:
        settings = RunSettings(SMALL, QUICK.replace(device="auto"))
        faces, tables = paths_of(data)
        given = {"predictions": tmp_path / "fold.csv", "settings": settings.dump(), "gpu": gpu}
        with terminated_before(stop_at) as updates:
            call_script("fold", faces=faces, tables=tables, fold=1, folds=2, code="code", **given)
        return len(updates)

    return train


@pytest.mark.fault("killed-training")
def test_interrupted_fold_goes_on_without_the_gpu_that_it_was_granted_before(train_fold, caplog):
    caplog.set_level("INFO")
    train_fold(gpu=1, stop_at=10)
    train_fold(gpu=0)
    assert "Continuing after epoch 1, batch" in caplog.text


def test_predictions_of_a_fold_are_linked_unless_the_names_of_its_faces_have_changed(
    train_fold, data, tmp_path
):
    assert train_fold(gpu=0) > 0
    predictions = (tmp_path / "fold.csv").read_text()
    (tmp_path / "fold.csv").unlink()
    assert train_fold(gpu=0) == 0 and (tmp_path / "fold.csv").read_text() == predictions
    table = SPLIT.read(data / "train.csv")
    SPLIT.write(data / "train.csv", table.assign(id="renamed" + table.id))
    assert train_fold(gpu=0) > 0 and "renamed" in (tmp_path / "fold.csv").read_text()


@pytest.fixture
def guessed(data, tmp_path, caplog):
    """Audit the data folder with made predictions; returns the audit's folder and its log."""

    def write(p_male_of):
        rows = pd.concat([SPLIT.read(data / f"{subset}.csv") for subset in SUBSETS])
        p_male = p_male_of(rows.target.to_numpy())
        table = pd.DataFrame({"id": rows.id, "p_female": 1 - p_male, "p_male": p_male})
        folds = [tmp_path / f"{number}.csv" for number in (1, 2)]
        for number, path in enumerate(folds):
            table[number::2].to_csv(path, index=False)
        corrected = tmp_path / "corrected.csv"
        if not corrected.exists():  # what a person has corrected before
            CORRECTED.write(corrected, CORRECTED.frame([]))
        folder, (faces, tables) = tmp_path / "audit", paths_of(data)
        caplog.set_level("INFO")
        caplog.clear()
        call_script(
            "audit", predictions=folds, faces=faces, tables=tables, corrected=corrected,
            corrections=next(tmp_path.glob("given.csv"), None), labels=folder / "labels.csv",
            summary=folder / "summary.json", page=folder / "index.html",
            picture=folder / "suspects.jpg", proposals=folder / "suspects.csv",
            data={"sources": ["wiki"], "audit": {"run": "made"}}, has_initial_weights=False,
        )  # fmt: skip
        return folder, caplog.text

    return write


def mostly_right(targets: np.ndarray) -> np.ndarray:
    """Confident predictions of which every eighth is wrong."""
    wrong = np.arange(len(targets)) % 8 == 0
    return np.where((targets == 1) ^ wrong, 0.95, 0.05)


def test_page_warns_where_the_networks_do_not_beat_the_baseline(guessed):
    folder, log = guessed(lambda targets: np.linspace(0.2, 0.8, len(targets)))
    assert "no evidence of wrong labels" in (folder / "index.html").read_text()
    assert "no evidence of wrong labels. Train the run `audit.run` for more" in log
    folder, log = guessed(mostly_right)
    assert "no evidence" not in (folder / "index.html").read_text() + log
    assert "The networks agree with 87.5% of the labels; " in log


def test_suspects_lead_to_their_rows(guessed):
    folder = guessed(mostly_right)[0]
    labels = LABELS.read(folder / "labels.csv")
    page = (folder / "index.html").read_text()
    assert f"Suspect labels: {labels.suspect.sum()} of 120." in page
    assert "<noscript><style>.decide { display: none; }</style></noscript>" in page
    suspects = page.split('id="suspects"')[1]
    assert suspects.count('class="tile"') == labels.suspect.sum() > 10
    lines = (folder / "labels.csv").read_text().splitlines()
    for one in labels[labels.suspect == 1].itertuples():
        assert f",{one.path}," in lines[one.rank]
        link = f'../runs/made/report.html#faces?query={one.id.replace(":", "%3A")}"'
        assert (link in suspects) == (one.subset == "test")


def test_suspects_are_sorted_by_a_click_on_a_heading(window, guessed):
    folder = guessed(mostly_right)[0]
    window.get((folder / "index.html").as_uri())
    names = "#suspects ~ .sortable tbody th"
    ids = [text.split("\n")[0] for text in texts(window, names)]
    assert ids == LABELS.read(folder / "labels.csv").query("suspect == 1").id.tolist()
    buttons = window.find_elements(By.CSS_SELECTOR, ".sortable th button")
    (by_id,) = (button for button in buttons if button.text == "id")
    for order in (sorted(ids, reverse=True), sorted(ids)):
        by_id.click()
        assert [text.split("\n")[0] for text in texts(window, names)] == order


def test_audit_page_fits_a_phone_and_shows_all_columns_on_a_desktop(window, guessed):
    page = (guessed(mostly_right)[0] / "index.html").as_uri()
    check_page(window, page, PHONE)
    confidence = window.find_element(By.CSS_SELECTOR, ".sortable td small").rect
    assert confidence["x"] + confidence["width"] <= PHONE
    check_page(window, page, DESKTOP)
    region = window.find_element(By.CSS_SELECTOR, ".sortable")
    hidden = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    assert window.execute_script(hidden, region) <= 0


def test_label_that_a_person_has_seen_is_not_proposed_again(guessed, tmp_path):
    folder = guessed(mostly_right)[0]
    first = PROPOSALS.read(folder / "suspects.csv")
    correction = {"id": first.id[0], "subset": "train", "recorded": 1, "gender": 1,
               "outcome": "confirmed", "note": ""}  # fmt: skip
    CORRECTED.write(tmp_path / "corrected.csv", CORRECTED.frame([correction]))
    folder = guessed(mostly_right)[0]
    assert PROPOSALS.read(folder / "suspects.csv").id.tolist() == first.id.tolist()[1:]
    page = (folder / "index.html").read_text()
    assert page.count('"reviewed">yes</td>') == 1 and "0 labels, confirmed 1 and" in page
    counts = json.loads((folder / "summary.json").read_text())["reviewed"]
    assert counts == {"corrected": 0, "confirmed": 1, "dropped": 0}


def test_decisions_survive_a_reload_and_become_corrections(window, guessed, data, tmp_path):
    train = SPLIT.read(data / "train.csv")
    train.loc[::8, "id"] = own = [f"own:{name}" for name in HOSTILE[-10:]]
    SPLIT.write(data / "train.csv", train)
    text = f'\ufeffID ;Gender;Note\r\ntrainwiki:5;drop;"a ""dog"", 2"\r\n{own[-1]};f;mine'
    (tmp_path / "given.csv").write_text(text, "utf-8")
    page = guessed(mostly_right)[0] / "index.html"
    window.get(page.as_uri())
    choices = ["keep", "flip", "drop", "undecided", *["flip"] * 11]
    for choice in choices:
        choose(window, choice)
    window.refresh()
    assert texts(window, "output b, label:has(:checked)") == ["14", *choices]
    file = download(window, tmp_path)
    text = f'id,gender,photo_digest,note\ntrainwiki:5,drop,,"a ""dog"", 2"\n{own[-1]},male,file 72,'
    assert file.read_text("utf-8").startswith(f'{text}"was female, predicted with 95.0 %"\n')
    samples = pd.concat([SPLIT.read(path) for path in paths_of(data)[1]])
    outcomes = corrections.correct(samples, samples, file, ["own"])[1].set_index("id").outcome
    suspects = LABELS.read(page.with_name("labels.csv")).id[:15]
    assert outcomes[suspects[:3]].tolist() == ["confirmed", "corrected", "dropped"]
    assert set(outcomes[suspects[4:]]) == {"corrected"} and len(outcomes) == 14 + 1


def test_without_storage_the_page_says_so_and_downloads(window, guessed, tmp_path):
    page = guessed(mostly_right)[0] / "index.html"
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error() }})"
    page.write_text(page.read_text().replace("<head>", f"<head><script>{refuse}</script>"))
    window.get(page.as_uri())
    choose(window, "flip")
    assert "This browser keeps no" in texts(window, "output span:not([hidden])")[0]
    proposed = page.with_name("suspects.csv").read_text()
    assert proposed.startswith(download(window, tmp_path).read_text())
