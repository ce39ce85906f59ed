"""The page that follows one photo says what the files and the network say."""

import contextlib
import html
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from helpers.browser import DESKTOP, PHONE, Browser, check_page, texts
from helpers.project import ROOT, call_script
from helpers.workflow import SMALL, copy_project, planned, run, snakemake, write_config
from renet.archives import tar_index
from renet.common.errors import InputError
from renet.common.files import face_digest
from renet.config.model import CnnArchitecture
from renet.dataset import hdf5
from renet.faces.crop import cv2
from renet.network import inference, kinds, model_file
from renet.walkthrough import activations, stages

RUN = "results/runs/renet"
PAGE = f"{RUN}/walkthrough.html"
SIDE = 32  # pixels of the face
RECEIPT = "resources/sample/wiki_crop.tar.json"
LOGITS = "Logits and probabilities"


@pytest.fixture
def page(finished) -> str:
    return (finished / PAGE).read_text()


def walk(project: Path, photo: str | None = None) -> str:
    """Run the script in the project's folder, to write photo.html beside the run's page."""
    data, record = "results/data", json.loads((project / RUN / "provenance.json").read_text())
    names = "archives.json", "metadata.csv", "photos.csv"
    with contextlib.chdir(project):
        call_script(
            "walkthrough", run="renet", model=f"{RUN}/model.pt", inference=f"{RUN}/inference.csv",
            faces=f"{data}/test.h5", table=f"{data}/test.csv",
            tables=[f"{data}/sample/{name}" for name in names], receipt_files=[RECEIPT],
            page=f"{RUN}/photo.html", pictures=f"{RUN}/photo", config=record["config"], id=photo,
        )  # fmt: skip
    return (project / RUN / "photo.html").read_text()


def text_of(page: str, identity: str) -> str:
    """The text of the element with an id."""
    return html.unescape(re.search(rf'id="{identity}"[^>]*>([^<]*)<', page)[1])


def cells(page: str, label: str) -> np.ndarray:
    """The numbers of the table with a label."""
    part = page.split(f'aria-label="{label}"')[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>([^<]+)</td>", row) for row in part.split("<tr>")[1:]]
    return np.array(list(filter(None, rows)), dtype=float)


def sample_of(project: Path, index: int = 0) -> pd.Series:
    return pd.read_csv(project / "results/data/test.csv").loc[index]


def test_metadata_on_the_page_are_those_of_the_row(finished, page):
    sample = sample_of(finished)
    row = pd.read_csv(finished / "results/data/sample/metadata.csv", dtype=str, na_filter=False)
    row = row.set_index("row").loc[str(sample.row)]
    on_page = dict(line.split(": ", 1) for line in text_of(page, "row").splitlines())
    numbers = ["face_score", "x1", "y1", "x2", "y2"]
    rounded = [float(on_page.pop(name)) for name in numbers]
    assert rounded == pytest.approx([*map(float, row[numbers])], rel=1e-5)
    assert on_page.pop("row") == str(sample.row)
    assert on_page == row.drop(numbers)[row != ""].to_dict()


def photo_by_command(page: str, folder: Path) -> bytes:
    """What the page's command takes out of the archive where it runs in a folder."""
    command = html.unescape(re.search(r"<pre[^>]*>(tail [^<]*)</pre>", page)[1])
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    return (folder / "photo").read_bytes()


def test_command_on_the_page_takes_the_photo_out_of_the_archive(project, finished, page, tmp_path):
    assert str(finished) not in page
    path = re.search(r"The photo <code>([^<]*)</code>", page)[1]
    tar = project / "resources/sample/wiki_crop.tar"
    with tarfile.open(tar) as archive:
        wanted = archive.extractfile(f"wiki_crop/{path}").read()
    assert photo_by_command(page, project) == wanted and path == sample_of(project).path
    assert int(text_of(page, "size")) == len(wanted)
    moved = tar.rename(tmp_path / "my photos.tar")
    receipt = json.loads((project / RECEIPT).read_text())
    (project / RECEIPT).write_text(json.dumps(receipt | {"path": str(moved)}))
    assert photo_by_command(walk(project), tmp_path) == wanted


def test_pixels_on_the_page_are_those_of_the_hdf5_file(finished, page):
    index = int(text_of(page, "index"))
    with h5py.File(finished / "results/data/test.h5") as store:
        face = store["input"][index].reshape(store["input"].attrs["lshape"])
    top, left = map(int, re.search(r"rows\s+(\d+) to \d+ and columns (\d+) to", page).groups())
    shown = cells(page, "Red values of the middle of the face")
    assert np.array_equal(shown, face[0, top : top + 8, left : left + 8])
    assert text_of(page, "digest") == face_digest(face) == sample_of(finished, index).digest
    assert "equals the one in test.h5 in every pixel" in page
    stored, scaled, *_ = cells(page, "One pixel after each step").T
    first = face[:, top, left]
    assert stored.tolist() == first.tolist() and scaled == pytest.approx(first / 128, abs=1e-6)
    picture = cv2.imread(str(finished / RUN / "page/walkthrough/face.png"))[..., ::-1]
    assert np.array_equal(picture.transpose(2, 0, 1), face)


def test_probabilities_are_those_of_the_network_and_of_inference_csv(finished, page):
    network = model_file.load(finished / RUN / "model.pt").eval()
    pixels = hdf5.read(finished / "results/data/test.h5").pixels[:1]
    with torch.inference_mode():
        logits = network(torch.from_numpy(pixels.copy())).double().numpy()
    row = pd.read_csv(finished / RUN / "inference.csv", dtype=str).loc[0]
    logit, _, shown, in_file = cells(page, LOGITS).T
    assert logit == pytest.approx(logits[0], abs=1e-5)
    assert shown == pytest.approx(inference.softmax(logits)[0], abs=2e-6)
    assert shown == pytest.approx(in_file, abs=2e-6)
    assert in_file == pytest.approx([float(row.p_female), float(row.p_male)], rel=1e-12)
    lines = (finished / RUN / "inference.csv").read_text().splitlines()
    assert text_of(page, "line").splitlines() == lines[:2]


def test_class_evidence_adds_up_to_the_logits(page):
    for name, (logit, *_) in zip(("female", "male"), cells(page, LOGITS), strict=True):
        evidence = cells(page, f"Class evidence for {name}")
        assert evidence.shape == (3, 3)  # one position, and the border of the padding
        assert evidence.mean() == pytest.approx(logit, abs=0.005)


def test_receptive_field_is_cut_to_the_face_in_each_direction(tmp_path):
    convs = [{"channels": 4, "stride": [1, 2]}, {"channels": 4, "stride": [1, 1]}]
    network = kinds.build((3, 16, 8), CnnArchitecture(conv_channels=[4], strided_convs=convs))
    face = np.zeros(network.input_shape, np.uint8)
    seen = activations.record(network, face, torch.device("cpu"))
    shown = stages.stages(seen, tmp_path)["convolutions"]
    assert [one["field"] for one in shown] == [(5, 5), (7, 7), (9, 8)]


def test_code_of_each_step_is_where_the_page_says(page):
    named = re.findall(r"Code: <code>([^<]*)</code>, <code>([^<]*)</code>", page)
    assert len(named) > 10
    for path, names in named:
        for name in names.split(", "):
            assert re.search(rf"^(class|def) {name}\b", (ROOT / path).read_text(), re.M), name


@pytest.fixture
def opened(window, finished) -> Browser:
    window.get((finished / PAGE).as_uri())
    return window


def square_of(browser: Browser) -> dict[str, float]:
    """Place and sides of the square, as fractions of the face."""
    found = browser.execute_script(
        "const s = getComputedStyle(document.querySelector('.square i'));"
        "return [s.top, s.left, s.height, s.width].map((side) => parseFloat(side) / 256)"
    )
    return dict(zip(("top", "left", "height", "width"), found, strict=True))


def test_square_shows_the_probability_of_the_network_where_it_is_moved(opened, finished):
    face = opened.find_element(By.CSS_SELECTOR, ".square")
    row, column = opened.find_elements(By.CSS_SELECTOR, "section input")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", face)
    ActionChains(opened).move_to_element_with_offset(face, 60, -30).perform()
    by_pointer = square_of(opened)
    row.send_keys(Keys.ARROW_DOWN)
    column.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    square = square_of(opened)
    assert square["top"] > by_pointer["top"] and square["left"] < by_pointer["left"]
    top, left, height, width = (round(side * SIDE) for side in square.values())
    covered = hdf5.read(finished / "results/data/test.h5").pixels[:1].copy()
    covered[..., top : top + height, left : left + width] = 128  # grey
    network = model_file.load(finished / RUN / "model.pt")
    logits = inference.logits(network, covered, torch.device("cpu"))
    percentage = float(texts(opened, "section output")[0].removesuffix("\u00a0%"))
    assert percentage == pytest.approx(100 * inference.softmax(logits)[0, 1], abs=0.06)
    opened.find_elements(By.CSS_SELECTOR, ".square")[1].click()  # in the middle of the map
    assert square_of(opened)["top"] == pytest.approx((1 - square["height"]) / 2, abs=1e-3)


def test_slider_uncovers_what_a_sweep_has_visited(opened):
    slider = opened.find_element(By.CSS_SELECTOR, ".sweeping input")  # 2 x 2 blocks
    clips = """return [...document.querySelector('.sweeping').querySelectorAll('img')].map(
        (one) => getComputedStyle(one).clipPath)"""
    # Per cent that are cut off: from 100 on nothing is shown, below 0 everything.
    for key, hidden in ((Keys.HOME, [50, 50, 150, 150]), (Keys.END, [-100, -100, 0, 0])):
        slider.send_keys(key)
        found = " ".join(opened.execute_script(clips))
        assert [*map(float, re.findall(r"([-.\d]+)%", found))] == hidden
    slider.send_keys(Keys.ARROW_LEFT)
    said = texts(opened, ".sweeping output")[0]
    assert "Horizontal" in said and "column 0" in said and "column 1" in said


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_page_fits_shows_its_pictures_and_asks_for_nothing_outside(window, finished, width):
    check_page(window, (finished / PAGE).as_uri(), width, pictures=40)
    dead = "return [...document.querySelectorAll('nav a')].filter((one) => !document.querySelector("
    assert window.execute_script(dead + "one.hash)).length") == 0


def test_face_is_found_by_its_id_path_or_file_name_or_refused_with_the_way_out(project):
    sample, path = sample_of(project, 2), project / "results/data/test.csv"
    for name in (sample.id, sample.path, Path(sample.path).name):
        page = walk(project, name)
        assert text_of(page, "index") == "2" and text_of(page, "digest") == sample.digest
    rows = pd.read_csv(path, dtype=str, na_filter=False)
    rows.loc[:1, "path"] = ["a/p005.jpg", "b/p005.jpg"]
    rows.to_csv(path, index=False)
    for name, fault in {
        "sample:99999": f"no face with the id or photo sample:99999.* face, such as {rows.id[0]}",
        "p005.jpg": f"2 faces named p005.jpg; set .* to an id: {rows.id[0]}, {rows.id[1]}",
    }.items():
        with pytest.raises(InputError, match=fault):
            walk(project, name)


def test_predictions_of_another_model_are_refused(project):
    path = project / RUN / "inference.csv"
    rows = pd.read_csv(path)
    rows[["p_female", "p_male"]] = [0.5 + 0.49, 0.01] if rows.p_male[0] > 0.5 else [0.01, 0.99]
    rows.to_csv(path, index=False)
    with pytest.raises(InputError, match="another model wrote the file; delete it"):
        walk(project)


def test_photo_is_left_out_where_the_archive_is_gone(project):
    (project / "resources/sample/wiki_crop.tar").unlink()
    page = walk(project)
    assert "archive was no longer on this machine" in page and "photo.jpg" not in page
    assert (project / RUN / "photo/face.png").exists()


def test_corrected_label_is_named(project, page):
    path = project / "results/data/sample/metadata.csv"
    rows = pd.read_csv(path, dtype=str, na_filter=False).set_index("row")
    sample = sample_of(project)
    rows.loc[str(sample.row), "gender"] = str(1 - sample.target)
    rows.to_csv(path)
    label = ("female", "male")[sample.target]
    assert f"the face counts as {label}" in walk(project)
    assert 'id="corrected"' not in page


def test_archive_with_other_bytes_is_refused(project):
    tar = project / "resources/sample/wiki_crop.tar"
    status, places = tar.stat(), list(tar_index.tar_members(tar))
    with tar.open("r+b") as archive:
        for place in places:
            archive.seek(place.offset)
            archive.write(bytes(place.size))
    os.utime(tar, ns=(0, status.st_mtime_ns))  # else the digest of the archive tells
    with pytest.raises(InputError, match="cannot be cropped again"):
        walk(project)


@pytest.mark.slow
def test_config_names_another_photo_and_reruns_the_page_alone(project):
    write_config(project, walkthrough={"photo": sample_of(project, 2).id})
    assert planned(project, "--", PAGE) == {"walkthrough"}
    run(project, "--", PAGE)
    assert text_of((project / PAGE).read_text(), "index") == "2"


@pytest.mark.slow
def test_own_photos_are_followed_from_their_table(tmp_path):
    """Whole photos of the user's own, whose faces are cut by boxes, and a gated cell."""
    project = copy_project(tmp_path / "project")
    photos = tmp_path / "my photos"
    photos.mkdir()
    lines = ["path,gender,x1,y1,x2,y2"]
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 256, (8, 9, 3), dtype=np.uint8)
        cv2.imwrite(str(photos / f"{number}.png"), cv2.resize(noise, (90, 80)))
        lines.append(f"{number}.png,{'fm'[number % 2]},0,11,60,50")  # 0: a box from 0
    (tmp_path / "photos.csv").write_text("\n".join(lines))
    own = {"url": photos.as_uri(), "database": "table", "table": str(tmp_path / "photos.csv"),
           "photos": "box", "shards": 1}  # fmt: skip
    overlay = SMALL | {"sources": ["own"], "archives": {"own": own},
                       "model": SMALL["model"] | {"cell": "gru", "shared": True}}  # fmt: skip
    (project / "own.yaml").write_text(yaml.safe_dump(overlay))
    outcome = snakemake(project, "--cores", 2, "--configfile", "own.yaml", "--", PAGE)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    page = (project / PAGE).read_text()
    assert "of the labels of the source own" in page and "MATLAB" not in page
    assert "cut from the photo by its box, with a margin of 0.4 times" in page
    assert re.search(r"tail -c \+\d+ 'resources/own/my photos\.tar' \|", html.unescape(page))
    assert "All columns share their weights, as in" in page and "(gru)" in page
    assert "equals the one in test.h5 in every pixel" in page
