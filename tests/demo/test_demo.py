"""The page of demo.py says what predict.py writes, and asks nobody but this machine."""

import csv
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from predict import predict
from skimage import data

from helpers.archives import encode
from helpers.browser import Browser, eventually, requests, texts, violations
from helpers.predictions import describe_run
from helpers.project import SCRIPTS
from helpers.training import new_network
from renet.network import model_file

pytest.importorskip("gradio", reason="Gradio, of requirements-demo.txt, is not installed")
pytestmark = pytest.mark.usefixtures("face_detector")
EVALUATED = {"temperature": 2.5, "unsure": {"threshold": 0.99}}
ROWS = "fieldset label, [role=alert]"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The page of the best run, which was trained on known.jpg; its end deletes the uploads."""
    folder, uploads = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("uploads+")
    run, runs = folder / "runs" / "best", folder / "comparison" / "runs.csv"
    run.mkdir(parents=True)
    runs.parent.mkdir()
    runs.write_text("run,rank\nother,2\nbest,1\nbest other,\n")
    person = data.astronaut()[..., ::-1]  # of NASA
    known = cv2.resize(person[:250, 110:360], (32, 32), interpolation=cv2.INTER_AREA)
    pictures = {"two": np.hstack([person] * 2), "nobody": person[300:], "known": known}
    for name, picture in pictures.items():
        (folder / f"{name}.jpg").write_bytes(encode(picture, ".jpg"))
    (folder / "cut.jpg").write_bytes(encode(person, ".jpg")[:2000])
    model_file.save(run / "model.pt", new_network(seed=3).eval())
    faces = known[None, ..., ::-1].transpose(0, 3, 1, 2)
    describe_run(run, faces, 0.0, EVALUATED, database="table")
    environment = os.environ | {"TMPDIR": str(uploads), "http_proxy": "http://127.0.0.1:9"}
    command = ["nohup", sys.executable, SCRIPTS / "demo.py", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        address = next(line.split()[3] for line in process.stderr if " Open " in line)
        process.send_signal(signal.SIGHUP)  # the terminal is closed
        yield address, folder
        assert [*uploads.rglob("*.jpg")]
        process.terminate()
    assert [*uploads.iterdir()] == []


def test_busy_ports_are_one_sentence_with_the_way_out(tmp_path):
    model_file.save(tmp_path / "model.pt", new_network().eval())
    command = [sys.executable, SCRIPTS / "demo.py", tmp_path]
    with socket.create_server(("127.0.0.1", 0)) as busy:
        ports = {"GRADIO_SERVER_PORT": str(busy.getsockname()[1]), "GRADIO_NUM_PORTS": "1"}
        outcome = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=os.environ | ports,
            timeout=120,
            check=False,
        )
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    assert "write a free port, such as GRADIO_SERVER_PORT=9000" in outcome.stderr


def drop(browser: Browser, photo: Path, *, detect: bool = True) -> list[dict]:
    """Drop a photo on the page; returns the rows that predict.py writes."""
    zone = "document.querySelector('[aria-dropeffect]')?.getBoundingClientRect()?"
    eventually(browser, lambda: browser.execute_script(f"return {zone}.height"))
    at = {side: browser.execute_script(f"return {zone}.{side} + 50") for side in "xy"}
    dragged = {"items": [], "files": [str(photo)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "data": dragged, **at}
        browser.execute_cdp_cmd("Input.dispatchDragEvent", event)
    run, table = photo.parent / "runs" / "best", photo.with_suffix(".csv")
    predict(run, [str(photo)], predictions=table, detect=detect)
    return [*csv.DictReader(table.read_text().splitlines())]


def said(row: dict) -> str:
    percentage = 100 * max(float(row["p_female"] or 0), float(row["p_male"] or 0))
    text = f"{row['face']}: {row['predicted']}, {percentage:.1f}\u00a0%"
    text = f"{row['reason']}: {row['detail']}" if row["reason"] else text
    text += ", unsure" * (row["unsure"] == "1")
    return text + ", probably in the training set" * (row["in_training"] == "1")


def test_page_says_of_each_dropped_photo_what_predict_writes(window, served):
    window.get(served[0])
    for name, detect in {"two": True, "nobody": True, "cut": True, "known": False}.items():
        rows = drop(window, served[1] / f"{name}.jpg", detect=detect)
        if not detect:
            window.execute_script("document.querySelector('input[type=checkbox]').click()")
        expected = [*map(said, rows)]
        eventually(window, lambda expected=expected: texts(window, ROWS) == expected)
        assert len(texts(window, ".faces span")) == sum(row["x1"] != "" for row in rows)
        window.execute_script("document.querySelector('[aria-label=\"Remove Image\"]').click()")
    assert "in the training set" in expected[0]


def test_layers_of_the_chosen_face_lead_to_its_prediction_on_this_machine_alone(window, served):
    window.get(served[0])
    row = drop(window, served[1] / "two.jpg")[1]
    eventually(window, lambda: texts(window, "dd"))
    window.execute_script("document.querySelectorAll('fieldset input')[1].click()")
    eventually(window, lambda: texts(window, "dd")[1] == f"{100 * float(row['p_male']):.1f}\u00a0%")
    window.execute_script("[...document.querySelectorAll('button')].at(-1).click()")
    eventually(window, lambda: window.execute_script("return frames.length"))
    assert violations(window) == []
    asked = [url for url in requests(window) if not url.startswith(("data:", "about:"))]
    assert len(asked) > 20 and all(url.startswith(served[0]) for url in asked)
    window.switch_to.frame(0)
    last = "[aria-label='Logits and probabilities'] td:last-child"
    eventually(window, lambda: texts(window, last) == [row["p_female"], row["p_male"]])
    window.execute_script("document.querySelector('nav a').click()")
    assert texts(window, "nav a") == texts(window, "h2.step")
