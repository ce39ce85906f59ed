"""The learning rate as a function of the step."""

import math

from renet.config.recipe import Recipe


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
