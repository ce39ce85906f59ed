"""Changes of the training faces follow from seed, epoch and row, and from nothing else."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import betaincinv

from renet.config.train import Recipe
from renet.network.loader import Loader
from renet.training import augmentation, train_step
from renet.training.augmentation import CHANGES, MIXUP_DRAWS, Augmentation
from renet.training.train_step import MovingAverage

NAMES = ["flip", "affine", "colour", "grey", "blur", "noise", "erase"]
COUNT, CPU = 40, torch.device("cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 3, 24, 31), dtype=np.uint8)
TARGETS = np.arange(COUNT) % 2
FULL = Augmentation(Recipe(augment=NAMES, mixup=0.3, seed=5), COUNT, 2)


def with_recipe(**changes) -> Augmentation:
    return dataclasses.replace(FULL, recipe=FULL.recipe.replace(**changes))


def changed(rows, augment=FULL, epoch=2):
    """The batch of some rows: their pixels and targets."""
    read = augment.rows_to_read(np.asarray(rows), epoch)
    ((pixels, targets),) = Loader(PIXELS, TARGETS, CPU).batches([read])
    return augment(pixels, targets, np.asarray(rows), epoch)


@pytest.mark.parametrize("processes", [1, 2, 3, 17])
def test_any_number_of_processes_gives_equal_pixels(processes):
    order = np.random.default_rng(1).permutation(COUNT)[:17]
    expected_pixels, expected_targets = changed(order)
    made = [changed(part) for part in np.array_split(order, processes)]
    assert torch.equal(torch.cat([pixels for pixels, _ in made]), expected_pixels)
    assert torch.equal(torch.cat([targets for _, targets in made]), expected_targets)


@pytest.mark.parametrize("name", NAMES)
def test_each_group_changes_faces_by_itself_and_by_seed_epoch_and_row(name):
    rows = np.arange(COUNT)
    alone = {"augment": [name], "mixup": 0}
    pixels, targets = changed(rows, with_recipe(**alone))
    original = torch.from_numpy(PIXELS).float()
    differs = (pixels != original).flatten(1).any(1)
    assert 0.02 < differs.float().mean() <= 1
    assert torch.equal(targets, torch.from_numpy(TARGETS))
    assert pixels.min() >= 0 and pixels.max() <= 255 and pixels.dtype == torch.float32
    for seed, epoch in ((6, 2), (5, 3)):
        other = changed(rows, with_recipe(**alone, seed=seed), epoch)
        assert not torch.equal(other[0], pixels)
    same_face = np.zeros(COUNT, np.int64)
    by_key = augmentation.change(original[same_face].byte(), [name], augmentation.keys(5, 2, rows))
    assert len(by_key.flatten(1).unique(dim=0)) > 1  # the row decides, not the face


def test_group_that_is_left_out_does_not_change_the_draws_of_the_others():
    key = augmentation.keys(1, 0, np.arange(6))
    draws = {name: change.draws for name, change in CHANGES.items()} | {"mixup": MIXUP_DRAWS}
    for name, places in draws.items():
        drawn = augmentation.uniform(key, places)
        alone = [augmentation.uniform(key, range(place, place + 1)) for place in places]
        assert np.array_equal(drawn, np.hstack(alone)), name
    places = [place for group in draws.values() for place in group]
    assert len(places) == len(set(places))


def test_draws_are_uniform_and_do_not_depend_on_one_another():
    drawn = augmentation.uniform(augmentation.keys(3, 1, np.arange(20_000)), range(4))
    counts = [np.histogram(column, 10, (0, 1))[0] for column in drawn.T]
    assert np.allclose(counts, 2000, atol=200)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03
    neighbours = augmentation.uniform(augmentation.keys(3, 2, np.arange(20_000)), range(4))
    assert abs(np.corrcoef(drawn[:, 0], neighbours[:, 0])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[1:, 0], drawn[:-1, 0])[0, 1]) < 0.03


def test_words_are_those_of_splitmix64():
    words = augmentation._mix(np.arange(1, 4) * augmentation.GOLDEN)  # of the seed 0
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert words.view(np.uint64).tolist() == expected
    on_device = augmentation._mix(torch.arange(1, 4) * augmentation.GOLDEN)
    assert on_device.tolist() == words.tolist()


def test_noise_is_nearly_normal():
    faces = torch.zeros(4, 3, 64, 64)
    key = torch.from_numpy(augmentation.keys(0, 0, np.arange(4)))
    noise = augmentation._noise(faces, torch.full((1, 4, 1, 1, 1), 8.0), key.view(-1, 1))
    assert noise.mean().abs() < 0.1 and noise.std() == pytest.approx(8, rel=0.02)
    assert not torch.equal(noise[0], noise[1])


def test_flip_mirrors_half_of_the_faces():
    pixels, _ = changed(np.arange(COUNT), with_recipe(augment=["flip"], mixup=0))
    original = torch.from_numpy(PIXELS).float()
    kept = (pixels == original).flatten(1).all(1)
    assert torch.equal(pixels[~kept], original[~kept].flip(3))
    assert 10 < kept.sum() < 30


def affine(faces, drawn):
    made = np.array(augmentation._affine_columns(drawn, faces.shape[2:]), np.float32)
    return augmentation._affine(faces, torch.from_numpy(made)[..., None, None, None], None)


def test_affine_without_a_change_is_the_face_and_a_shift_moves_it():
    faces, drawn = torch.from_numpy(PIXELS[:2]).float(), np.full((2, 4), 0.5)
    torch.testing.assert_close(affine(faces, drawn), faces, atol=0.01, rtol=0)
    drawn[:, 2] += 0.5 * (1 / 31) / augmentation.SHIFT  # to the right, by one pixel
    moved = affine(faces, drawn)
    torch.testing.assert_close(moved[..., :-1], faces[..., 1:], atol=0.01, rtol=0)


@pytest.mark.parametrize("groups", [[], NAMES])
def test_mixup_mixes_each_changed_face_with_its_partner_as_changed_and_the_labels_alike(groups):
    mix, alone = with_recipe(augment=groups), with_recipe(augment=groups, mixup=0)
    rows = np.array([3, 30, 8])
    read = mix.rows_to_read(rows, 4)
    partners = read[3:]
    assert np.array_equal(read[:3], rows) and (partners < COUNT).all()
    drawn = augmentation.uniform(augmentation.keys(5, 4, rows), MIXUP_DRAWS)
    weight = betaincinv(0.3, 0.3, drawn[:, 1])
    weight = torch.from_numpy(np.maximum(weight, 1 - weight)).float()
    pixels, targets = changed(rows, mix, 4)
    label = torch.eye(2)[TARGETS]
    for place, own in enumerate(weight):
        face, other = (changed(part, alone, 4)[0][place] for part in (rows, partners))
        torch.testing.assert_close(pixels[place], face * own + other * (1 - own))
        expected = label[rows[place]] * own + label[partners[place]] * (1 - own)
        torch.testing.assert_close(targets[place], expected)


def test_recipe_without_changes_leaves_the_bytes_of_the_faces():
    pixels, targets = changed(np.arange(COUNT), with_recipe(augment=[], mixup=0))
    assert pixels.dtype == torch.uint8 and np.array_equal(pixels, PIXELS)
    assert np.array_equal(targets, TARGETS)


@pytest.mark.parametrize("steps", [7, 10])
def test_cosine_rises_in_the_warm_up_and_falls_to_zero_and_the_default_is_constant(steps):
    assert {train_step.learning_rate(Recipe(), step, steps) for step in range(50)} == {0.01}
    recipe = Recipe(epochs=4, schedule="cosine", warm_up=1, learning_rate=0.1)
    rates = [train_step.learning_rate(recipe, step, steps) for step in range(4 * steps + 1)]
    assert np.all(np.diff(rates[: steps + 1]) > 0) and np.all(np.diff(rates[steps:]) < 0)
    assert max(rates) == rates[steps] == 0.1 and rates[-1] == pytest.approx(0, abs=1e-12)
    middle = steps + 3 * steps / 2
    if middle == int(middle):
        assert rates[int(middle)] == pytest.approx(0.05)


def test_moving_average_follows_weights_and_statistics_with_a_decay_that_rises():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = MovingAverage(model, 0.5)
    followed = {name: v for name, v in model.state_dict().items() if v.is_floating_point()}
    expected = {name: value.clone() for name, value in followed.items()}
    for step in range(12):
        for value in followed.values():
            value.add_(1.0)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = {
            name: decay * expected[name] + (1 - decay) * value for name, value in followed.items()
        }
    found = average.network.state_dict()
    torch.testing.assert_close({name: found[name] for name in expected}, expected)
    assert "1.running_var" in expected and not average.network.training
