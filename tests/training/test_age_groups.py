"""The age groups are a second task of a training, and no part of the saved network."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
import train as script

from helpers.cropped import samples_of_faces
from helpers.dry_run import plan
from helpers.training import QUICK, SMALL, SMALL_KINDS, new_network, same, train_job, write_faces
from helpers.workflow import copy_project, write_config
from renet.dataset.tables import SPLIT
from renet.network import inference, model_file
from renet.training import age_groups, loop
from renet.training.settings import RunSettings

AGES = [3, 9.9, 10, 25, 30, 59, 60, 101, np.nan]
GROUPS = [0, 0, 1, 2, 3, 4, 5, 5, 6]  # 6: unknown
RECIPE = QUICK.replace(age_weight=0.5)
SHAPE = SMALL.replace(classifier="plain")


def job_with_ages(folder, ages):
    """A training on faces whose ages are in the table beside them."""
    folder.mkdir(exist_ok=True)
    faces = write_faces(folder / "train.h5", len(ages))
    write_faces(folder / "validation.h5", 20, 1)
    table = samples_of_faces(faces, people=len(ages)).assign(age=pd.array(ages, "Int64"))
    SPLIT.write(folder / "train.csv", table)
    settings = RunSettings(SHAPE, RECIPE.replace(epochs=1))
    return train_job(folder, settings, table=folder / "train.csv")


def test_joint_class_is_taken_apart_into_class_and_age_group():
    expected = np.arange(9) % 2
    joint = age_groups.joint_classes(expected, 2, np.array(AGES))
    logits = torch.randn(9, 2 + age_groups.GROUPS)
    gender, targets, loss = age_groups.split(logits, torch.from_numpy(joint))
    assert joint.max() < 2 * (age_groups.GROUPS + 1) == 14
    assert targets.tolist() == expected.tolist()
    assert torch.equal(gender, logits[:, :2])
    known = F.cross_entropy(logits[:8, 2:], torch.tensor(GROUPS[:8]), reduction="sum") / 9
    torch.testing.assert_close(loss, known)  # the unknown age adds nothing


def test_mixed_faces_have_the_weights_of_both_classes_and_age_groups():
    weights = 0.7 * F.one_hot(torch.tensor([3]), 14) + 0.3 * F.one_hot(torch.tensor([8]), 14)
    logits = torch.randn(1, 8)
    _, targets, loss = age_groups.split(logits, weights)
    torch.testing.assert_close(targets, torch.tensor([[0.3, 0.7]]))
    log = logits[:, 2:].log_softmax(1)[0]
    torch.testing.assert_close(loss, -(0.7 * log[1] + 0.3 * log[4]))


def test_adjustment_is_the_log_ratio_of_the_frequencies_in_the_group_and_overall():
    ages = np.repeat([5.0, 50.0, np.nan], [600, 300, 100])
    targets = np.r_[np.tile([0, 1], 300), np.tile([0, 1, 1, 1, 1, 1], 50), np.zeros(100, int)]
    joint = age_groups.joint_classes(targets, 2, ages)
    adjustment = age_groups.logit_adjustment(joint, 2)
    overall = np.bincount(targets) / 1000
    expected = np.zeros((7, 2))  # nobody is in the groups between; the last is of unknown ages
    expected[[0, 4]] = np.log([[0.5, 0.5], [1 / 6, 5 / 6]] / overall)
    np.testing.assert_allclose(adjustment, expected, atol=0.02)


def test_adjustment_of_its_age_groups_is_added_to_the_logits_of_a_face():
    adjustment = torch.randn(7, 2)
    logits = torch.randn(2, 8)
    single = age_groups.split(logits, torch.tensor([3, 8]), adjustment)[0]
    torch.testing.assert_close(single, logits[:, :2] + adjustment[[1, 4]])
    weights = (0.7 * F.one_hot(torch.tensor(3), 14) + 0.3 * F.one_hot(torch.tensor(8), 14))[None]
    mixed = age_groups.split(logits[:1], weights, adjustment)[0]
    torch.testing.assert_close(mixed, logits[:1, :2] + adjustment[1] * 0.7 + adjustment[4] * 0.3)


def test_adjusted_network_does_not_take_an_age_for_a_gender(tmp_path):
    """The lower half of a face is lighter the older it is, and most of the old are men."""
    ages = np.tile([5.0, 70.0], 60)
    old = ages > 10
    targets = np.where(np.arange(120) % 5 == 0, ~old, old).astype("int64")
    training = write_faces(tmp_path / "train.h5", 120)
    pixels = training.pixels.copy()
    pixels[:, :, 16:] = (ages * 2)[:, None, None, None]
    training = dataclasses.replace(training, pixels=pixels, ages=ages, targets=targets)
    effects = []
    for adjusted in (False, True):
        recipe = RECIPE.replace(age_adjustment=adjusted, optimizer="adamw", learning_rate=0.01)
        trainer = loop.build(RunSettings(SHAPE, recipe), torch.device("cpu"), training, None)
        trainer.run()
        logits = inference.logits(trainer.model, training.pixels, torch.device("cpu"))
        male = logits[:, 1] - logits[:, 0]
        effects.append(male[old].mean() - male[~old].mean())
    assert abs(effects[1]) < 0.5 * effects[0]


@pytest.mark.parametrize("kind", SMALL_KINDS)
def test_layer_of_the_age_groups_has_the_features_of_the_classifier_of_each_kind(kind):
    network = new_network(SMALL_KINDS[kind]).double()
    model, pixels = age_groups.WithAges(network), torch.randint(0, 256, (4, 3, 32, 32))
    assert not model(pixels)[:, 2:].any()
    torch.nn.init.normal_(model.ages.weight)
    maps = torch.nn.Sequential(*list(network)[:-1])(pixels)
    expected = model.ages(maps.unflatten(1, (-1, 1)).flatten(2).mean(2))
    torch.testing.assert_close(model(pixels), torch.cat([network(pixels), expected], 1))


def test_ages_change_the_weights_and_the_folder_of_a_training(tmp_path):
    folders, weights = [], []
    for name, ages in (("a", [5, 70]), ("b", [70, 5])):
        job = job_with_ages(tmp_path / name, ages * 30)
        script.train(job)
        folders.append(job.folder().path.name)
        weights.append(model_file.load(job.model).state_dict())
    assert folders[0] != folders[1] and not same(*weights)


def test_table_without_an_age_is_warned_about_and_trained_on(tmp_path, caplog):
    job = job_with_ages(tmp_path, [None] * 60)
    script.train(job)
    assert "`train.age_weight` has no effect: no training face" in caplog.text
    assert model_file.load(job.model).architecture == SHAPE


def test_only_a_run_with_age_weight_reads_the_table_of_its_faces(tmp_path):
    runs = {"renet": {}, "aged": {"train": {"age_weight": 0.3}}}
    project = write_config(copy_project(tmp_path / "copy"), runs=runs)
    said = plan(project, "--configfile", "small.yaml", "--until", "train")
    jobs = re.findall(r"rule train:\n    input: (.*)\n    output: results/runs/(\w+)/", said)
    reads = {run: "results/data/train.csv" in inputs.split(", ") for inputs, run in jobs}
    assert reads == {"aged": True, "renet": False}
