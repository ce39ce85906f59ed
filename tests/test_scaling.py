"""The simulated schedule of crop jobs, in cases that can be computed by hand."""

import sys

import pytest

from helpers.project import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import scaling

FACTS = {"photos": 1200, "speed": 10, "overhead": 5, "submission": 1}


@pytest.mark.parametrize(
    ("shards", "slots", "seconds"),
    [
        (1, 1, 1 + 5 + 120),
        (4, 1, 1 + 4 * (5 + 30)),  # one after the other
        (4, 4, 4 + 5 + 30),  # the last one waits for three submissions
        (4, 2, 2 + 2 * (5 + 30)),  # two rounds; the second slot starts a submission later
    ],
)
def test_schedule_ends_when_the_last_job_does(shards, slots, seconds):
    assert scaling.simulate(shards, slots, **FACTS) == pytest.approx(seconds)
