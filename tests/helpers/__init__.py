"""Helpers of the tests; this module is imported before any other."""

import os

# The networks of the tests are tiny: threads would only wait for one another. Trainings that the
# tests start set their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
