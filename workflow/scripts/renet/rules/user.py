"""The user whose processes the workflow's are."""

import getpass
import os


def ensure_name() -> None:
    """Let the user's number be the name where there is none, as in a container.

    Snakemake names the user in its log, and would end with a traceback.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        os.environ["USER"] = str(os.getuid())
