"""The workflow's version, which the pages and provenance.json state.

pyproject.toml takes it from here. CITATION.cff and CHANGELOG.md state it too; the tests hold them
equal. It is not in the package's `__init__.py`, because the digest of every rule covers that: a new
version would train everything again.
"""

VERSION = "2.0.0"
