"""The user who runs the workflow."""

import getpass
import os


def ensure_name() -> None:
    """Use the user's number as the name if the user has none, as in a container.

    Snakemake names the user in its log, and would end with a traceback.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        os.environ["USER"] = str(os.getuid())
