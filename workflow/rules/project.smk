"""Where the files of this workflow are.

Requires: nothing.
Provides: a function for the Snakefile, which can import no module of the project before.
"""

import tempfile
from pathlib import Path


def project_folder(source):
    """The project's folder, of the source of its Snakefile's folder.

    Snakemake fetches a module of a hosted repository, such as `github(…)`, file by file. The rules
    need the whole package, so they run from a checkout beside Snakemake's clone of the repository.
    """
    if source.is_local:
        return Path(source.get_path_or_uri(secret_free=True))
    clone = source.hosted_repo
    commit = clone.repo.commit(source.ref).hexsha
    folder = Path(f"{clone.repo_clone}-{commit}")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            copied = clone.repo.clone(
                f"{temporary}/copy", shared=True, no_checkout=True
            )
            copied.git.checkout(commit)
            try:
                Path(copied.working_dir).rename(folder)
            except OSError:  # another job was faster
                if not folder.exists():
                    raise
    return folder
