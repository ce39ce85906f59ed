"""What follows from the number of an update, from 0: its batch and its learning rate."""

import math
from collections.abc import Iterator

import numpy as np

from renet.config.recipe import Recipe
from renet.training import processes


def rate(recipe: Recipe, step: int, steps_of_epoch: int) -> float:
    """The learning rate of a step, from 0.

    It rises in equal steps over the first `warm_up` epochs. With the cosine schedule it then falls
    along half a cosine, to zero after the last step (Loshchilov and Hutter, arXiv:1608.03983).
    """
    rising, total = round(recipe.warm_up * steps_of_epoch), recipe.epochs * steps_of_epoch
    if step < rising:
        return recipe.learning_rate * (step + 1) / (rising + 1)
    if recipe.schedule == "constant":
        return recipe.learning_rate
    done = (step - rising) / max(1, total - rising)
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


def batches(recipe: Recipe, count: int, first: int, weights: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray, float]]:
    """For each update from number `first` to the last: its epoch (from 0), and `part_of_batch`."""
    starts = range(0, count, recipe.batch_size)
    for epoch in range(first // len(starts), recipe.epochs):
        order = epoch_order(recipe, count, epoch, weights)
        for start in starts[max(0, first - epoch * len(starts)) :]:
            yield epoch, *part_of_batch(order[start : start + recipe.batch_size])


def epoch_order(
    recipe: Recipe, count: int, epoch: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """The order of the samples in an epoch (from 0): the file's, or a random one."""
    if not recipe.shuffle_each_epoch:
        return np.arange(count)
    random = np.random.default_rng([recipe.seed, epoch])
    order = random.permutation(count)
    if weights is None:
        return order
    edges = np.cumsum(weights[order])
    places = (np.arange(count) + random.random()) * (edges[-1] / count)
    return random.permutation(order[np.searchsorted(edges, places, side="right")])


def part_of_batch(batch: np.ndarray) -> tuple[np.ndarray, float]:
    """This process's rows of a batch, and their fraction of it.

    If a batch has fewer rows than there are processes, an empty part becomes the last row, with a
    fraction of 0: each process has to take part in the step.
    """
    rows = batch[processes.part(len(batch))]
    return rows if len(rows) else batch[-1:], len(rows) / len(batch)
