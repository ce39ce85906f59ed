"""A grid in the config is as many runs, as if each was written by hand."""

import itertools
import re

import numpy as np
import pytest
import yaml

from helpers.config import check
from renet.common.errors import InputError
from renet.config import runs
from renet.config.runs import Run
from renet.pages import index_page, metric_tables
from renet.pages.results import read_run, read_runs
from renet.planning import run_settings

RATES, CELLS = [0.003, 0.01], ["tanh", "gru"]
GRID = {"train.learning_rate": RATES, "model.cell": CELLS}


def complete(entry: dict, **others: dict) -> dict[str, Run]:
    """The runs of a config with an entry `a` and others."""
    return check({"runs": {"renet": None, "a": entry, **others}}).runs


def test_grid_is_a_run_of_each_combination_named_by_key_and_value():
    by_hand: dict[str, dict | None] = {"renet": None}
    for rate, cell in itertools.product(RATES, CELLS):
        entry = {"train": {"epochs": 3, "learning_rate": rate}, "model": {"cell": cell}}
        by_hand[f"a-cell_{cell}-learning_rate_{rate}"] = entry
    assert complete({"grid": GRID, "train": {"epochs": 3}}) == check({"runs": by_hand}).runs


def test_names_depend_on_no_position_and_on_no_spelling():
    found = complete({"grid": GRID})
    turned = {key: values[::-1] for key, values in reversed(GRID.items())}
    assert complete({"grid": turned}) == found
    spelled = {**GRID, "train.learning_rate": ["3e-3", "1e-2", 0.1]}  # as YAML reads 3e-3
    assert {name: complete({"grid": spelled})[name] for name in found} == found
    assert list(complete({"grid": {"train.epochs": [2.0]}})) == ["a-epochs_2"]


def test_values_of_any_kind_have_names():
    grid = {
        "model.conv_channels": [[4, 8]], "train.augment": [[], ["flip", "grey"]],
        "train.nesterov": [True], "train.weight_decay": [1e-05],
    }  # fmt: skip
    assert sorted(complete({"grid": grid})) == [
        f"a-conv_channels_4_8-augment_{augment}-nesterov_true-weight_decay_1e-05"
        for augment in ("flip_grey", "none")
    ]


def test_grid_may_vary_the_kind_and_have_seeds():
    found = complete({"grid": {"model.kind": ["renet", "cnn"]}, "seeds": [4, 5]})
    assert list(found) == [f"a-kind_{k}-seed{s}" for k in ("renet", "cnn") for s in (4, 5)]
    assert found["a-kind_cnn-seed5"].train.seed == 5
    assert found["a-kind_cnn-seed4"].model.strided_convs
    config = check({"runs": {"a": {"grid": GRID}}, "comparison": {"reference": "a"}})
    assert config.named_run("a") == "a-cell_tanh-learning_rate_0.003"
    assert list(run_settings.grid_keys(config)) == ["a"]
    assert set(run_settings.entries(config).values()) == {"renet", "a"}
    assert run_settings.entries(config)["a-cell_tanh-learning_rate_0.003"] == "a"


@pytest.mark.parametrize(
    ("grid", "fault"),
    [
        ({}, "`runs.a.grid` is {}, and must have at least 1 entries."),
        ({"train.epochs": 3}, "`runs.a.grid.train.epochs` is 3, and must be a list"),
        ({"train.epochs": [0]}, "`runs.a.train.epochs` is 0, and must be at least 1."),
        ({"train.epoch": [1]}, "`runs.a.train` has no key 'epoch'; did you mean epochs?"),
        ({"epochs": [1]}, "grid.epochs` is not a valid name; it must be a key of `model`"),
        ({"model.kind": ["renet", "cnn"], "model.cell": ["gru"]}, "a.model` has no key 'cell'"),
        ({"train.learning_rate": [0.01, "1e-2"]}, "learning_rate` lists 0.01 twice; remove one of"),
        ({"train.start_from": ["a/b.pt", "a_b.pt"]}, "makes a run called a-start_from_a_b.pt"),
        (
            {f"train.{key}": [*range(1, 9999)] for key in ("epochs", "seed", "threads")},
            "`runs` makes 999,400,119,992 runs",
        ),
    ],
)
def test_grid_that_cannot_be_one_is_named_in_one_sentence(grid, fault):
    with pytest.raises(InputError, match=re.escape(fault)) as caught:
        complete({"grid": grid})
    assert len(str(caught.value).splitlines()) == 1


def test_seeds_of_a_grid_count_as_its_runs():
    with pytest.raises(InputError, match="`runs` makes 51 runs, more than 50; remove"):
        complete({"grid": {"train.epochs": [*range(1, 18)]}, "seeds": [1, 2, 3]})


def test_runs_with_other_seeds_alone_make_a_group():
    settings = {"a": (1, 0.1), "b": (2, 0.1), "c": (1, 0.2), "again": (1, 0.1)}
    entries = {
        name: {"train": {"seed": seed, "learning_rate": rate}, "model": {}}
        for name, (seed, rate) in settings.items()
    }
    assert runs.seed_groups(entries) == [["a", "b"]]


def test_table_of_a_grid_has_the_validation_metric_by_the_value_of_a_setting(results):
    settings = yaml.safe_load((results / "settings.yaml").read_text())["runs"]
    paths = (results / "runs").rglob("*.*")
    given = {path.relative_to(results / "runs").as_posix(): path for path in paths}
    stated = read_runs(results / "comparison/runs.csv")
    three_runs = [read_run(given, name, settings[name], stated) for name in settings]
    metric = metric_tables.BY_NAME["balanced_accuracy"]
    grid = {"keys": ["train.learning_rate", "train.epochs"], "runs": list(settings)}
    found = index_page.grid_rows(grid, three_runs, "validation", metric)
    epochs = str(three_runs[0].settings["train"]["epochs"])
    rates = [["train.learning_rate", *of_value] for of_value in (("0.01", 2), ("0.001", 1))]
    assert [row[:3] for row in found] == [*rates, ["train.epochs", epochs, 3]]
    values = [getattr(run.metrics.validation, metric.name) for run in three_runs]
    low, high = metric.text(min(values)), metric.text(max(values))
    assert found[2][3:] == [metric.text(np.mean(values)), f"{low} to {high}"]
