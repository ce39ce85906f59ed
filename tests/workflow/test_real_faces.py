"""The whole workflow on real photographs, both archives, held against their labels row by row."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.project import ROOT
from helpers.workflow import snakemake

ARCHIVES = {"wiki": "wiki_crop", "imdb": "imdb_crop"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(reference_data, tmp_path_factory):
    """The results of a short training of a small network on faces of 32 x 32 pixels."""
    folder = tmp_path_factory.mktemp("real")
    overlay = {
        "sources": list(ARCHIVES),
        "archives": {
            source: {"url": f"file://{reference_data}/data/faces/{name}.tar", "md5": None}
            for source, name in ARCHIVES.items()
        },
        "crop": {"size": 32},
        "model": {
            "conv_channels": [16, 32, 64, 64], "spatial_rnns": 2 * [{"units": 32, "block": [2, 2]}],
        },
        "train": {"epochs": 6},
    }  # fmt: skip
    (folder / "faces.yaml").write_text(yaml.safe_dump(overlay))
    outcome = snakemake(
        ROOT, "--cores", 2, "--directory", folder, "--configfile", folder / "faces.yaml"
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return folder / "results"


def expected_reason(row: pd.Series, undecodable: set[str]) -> str:
    """Why a row has to go, worked out from its label alone."""
    born = (np.datetime64("1970-01-01") + (row.dob - 366 - 719163)).astype("datetime64[M]")
    age = row.age - (born.astype(int) % 12 >= 6)  # the labels have the plain difference of years
    rules = [
        ("gender_unknown", np.isnan(row.mat_gender)),
        ("no_face", np.isneginf(row.face_score)),
        ("second_face", not np.isnan(row.second_face_score)),
        ("age_out_of_range", not 0 <= age <= 100),
        ("low_face_score", row.face_score < 1),
        ("unreadable", row.full_path in undecodable),
    ]
    return next((reason for reason, holds in rules if holds), "")


@pytest.mark.parametrize("source", ARCHIVES)
def test_every_row_has_the_reason_that_its_label_gives(results, reference_data, source):
    base = reference_data / "data" / "faces" / ARCHIVES[source]
    labels = pd.read_csv(f"{base}.labels.csv")
    quirks = json.loads(base.with_name(f"{base.name}.quirks.json").read_text())["quirks"]
    undecodable = set(quirks["undecodable"])
    expected = {row.full_path: expected_reason(row, undecodable) for _, row in labels.iterrows()}
    rows = pd.read_csv(results / "data" / source / "metadata.csv", keep_default_na=False)
    cut = pd.concat(
        pd.read_csv(table, keep_default_na=False)
        for table in (results / "data" / source / "faces").glob("*.csv")
    ).set_index("row")
    found = rows.set_index("row").reason
    found.loc[cut.index] = cut.reason
    assert dict(zip(rows.path, found, strict=True)) == expected


def test_every_usable_photo_is_in_one_subset_with_its_recorded_gender(results, reference_data):
    split = pd.read_csv(results / "data" / "split.csv")
    assert split.id.is_unique and len(split) == 779 + 192
    assert (split.groupby("subject").subset.nunique() == 1).all()
    for source, name in ARCHIVES.items():
        labels = pd.read_csv(reference_data / "data" / "faces" / f"{name}.labels.csv")
        gender = labels.set_index("full_path").mat_gender
        rows = split[split.source == source]
        assert (gender.loc[rows.path].to_numpy() == rows.target.to_numpy()).all()
