"""The workflow's version, which the pages and provenance.json state.

pyproject.toml reads it here, and tests compare CITATION.cff and CHANGELOG.md with it. In the
package's `__init__.py`, a change of it would train everything again.
"""

VERSION = "4.0.0"
