"""The workflow's version, which the pages and provenance.json state.

pyproject.toml reads the version here; tests compare CITATION.cff and CHANGELOG.md with it. It is
not in the package's `__init__.py`, because a change there repeats all trainings.
"""

VERSION = "6.0.0"
