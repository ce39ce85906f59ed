"""Say whether each run is whole and made by this code, config and data, by its manifest.json.

Reads: all files of each run, the digests of the HDF5 files, the receipts and the archives.
Writes: nothing; a line for each run, which also lists what the config no longer asks for. The exit
status is 1 if a run differs from its manifest. A line names other folders of results in or beside
this one, which are not checked.
Decides: nothing. As renet-verify, without a checkout, it does not compare the code.
"""

import logging
from functools import partial
from pathlib import Path

from renet.common import script
from renet.common.errors import InputError
from renet.records import manifest

MOST = 8  # differences of a run in its line
NEAR = "*/runs/*/model.pt", "../*/runs/*/model.pt"  # of other folders of results


def verify(results: Path, *, quick: bool = False) -> None:
    """Compare the files, code and data of each run with its manifest.json.

    The exit status is 1 if a run differs.

    Args:
        results: folder of the results. Paths of archives are relative to the working directory.
        quick: do not read the archives, which takes long.
    """
    # A run may have lost either file.
    names = manifest.MODEL, manifest.FILE
    folders = sorted({path.parent for name in names for path in results.glob(f"runs/*/{name}")})
    found = (path.parents[2].resolve() for pattern in NEAR for path in results.glob(pattern))
    others = ", ".join(map(str, sorted(set(found) - {results.resolve()})))
    if not folders:
        known = f", such as {others}" if others else ""
        raise InputError(f"{results} has no runs/*/model.pt; give a folder of results{known}.")
    compared = "code, config and data" if manifest.IN_CHECKOUT else "config and data"
    if not manifest.IN_CHECKOUT:
        logging.warning("The code is not compared, because it is not run from a checkout.")
    differing = 0
    for folder in folders:
        try:
            changes = manifest.differences(folder, quick=quick)
            unasked = ", ".join(manifest.left_over(folder))
        except InputError as error:
            changes, unasked = [str(error).rstrip(".")], ""
        differing += bool(changes)
        if len(changes) > MOST:
            changes[MOST:] = [f"{len(changes) - MOST} more differences"]
        changes = changes or [f"whole, and made by this {compared}"]
        changes += [f"no longer in the config: {unasked}"] if unasked else []
        logging.info("%s: %s.", folder.name, "; ".join(changes))
    if others:
        logging.info("Only %s was checked; to check %s, give that folder.", results, others)
    if differing:
        raise InputError(f"{differing} of {len(folders)} runs differ from their manifests.")


main = partial(script.run, verify)  # the command renet-verify

if __name__ == "__main__":
    main()
