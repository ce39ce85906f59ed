"""The workflow's version, which the pages and provenance.json state.

pyproject.toml takes it from here; tests hold CITATION.cff and CHANGELOG.md equal. It is not in the
package's `__init__.py`, whose change would train everything again.
"""

VERSION = "4.0.0"
