"""The count of operations and bytes, in cases that can be computed by hand."""

import gpu_bounds

from renet.config.model import Architecture
from renet.config.train import Recipe


def test_layers_of_the_course_have_the_operations_and_bytes_that_its_sizes_give():
    parts = gpu_bounds.passes(Architecture(), Recipe(batch_size=2))
    convolutions = {(32, 64): 64, (64, 128): 32, (128, 256): 16}
    forward = sum(9 * a * b * side**2 for (a, b), side in convolutions.items())
    # Two directions; each sweep has the product of its inputs and, after the first step, of states.
    for inputs, units, side in ((1024, 256, 8), (2048, 512, 4)):
        for size in (inputs, 2 * units):
            forward += 2 * side * (side * size * units + (side - 1) * units**2)
    forward += 36 * 1024 * 2
    # The backward pass has two products for each, but no gradient of the pixels.
    of_update = 3 * forward + 2 * 9 * 3 * 32 * 128**2
    assert sum(operations for operations, _ in parts) == 2 * 2 * of_update
    inputs, outputs, weights = 2 * 4 * 32 * 64**2, 2 * 4 * 64 * 64**2, 4 * 64 * (9 * 32 + 1)
    products = 2 * 2 * 9 * 32 * 64 * 64**2
    assert parts[6:9] == [  # of the second convolution
        (products, inputs + outputs + weights),
        (2 * products, 2 * inputs + outputs + 2 * weights),
        (0, 5 * weights),
    ]


def test_parts_take_their_longer_time_one_after_another():
    assert gpu_bounds.seconds([(30, 1), (0, 8), (10, 8)], operations=10, moved=2) == 3 + 4 + 4
