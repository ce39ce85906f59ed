"""Check by its manifest.json that each run is whole and made by this code, config and data.

The script reads all files of each run, the pixels of the HDF5 files, the receipts and the archives,
and lists files that are in no manifest. The code is compared only in a checkout. The archives are
not compared if there is neither a receipt nor an archive, as in a copy of results/ alone.
"""

import logging
from functools import partial
from os.path import normpath
from pathlib import Path

from renet.common import command_line, files
from renet.common.errors import InputError
from renet.records import manifest

MOST = 8  # differences that the line of a run names


def verify(results: Path, *, quick: bool = False) -> None:
    """Compare the files, code and data of each run with its manifest.json.

    The exit status is 1 if a run differs.

    Args:
        results: folder of the results. Paths of archives are relative to the working directory.
        quick: do not read the archives, which takes long.
    """
    # A run may lack one of these files.
    names = manifest.MODEL, manifest.FILE
    folders = sorted({path.parent for name in names for path in results.glob(f"runs/*/{name}")})
    if not folders:
        raise InputError(f"{results} has no runs/*/model.pt; name a folder of results.")
    made_by = f"made by this {'code, ' * manifest.IN_CHECKOUT}config and data"
    if not manifest.IN_CHECKOUT:
        logging.warning("The code is not compared, because it is not run from a checkout.")
    differing, covered, archived = 0, set(results.glob("data/*.h5")), True
    damaged = list(manifest.damaged_faces(results))  # shared by the runs
    for folder in folders:
        try:
            record = manifest.read(folder)
            covered |= {
                Path(normpath(folder / name)) for name in (manifest.FILE, *record["outputs"])
            }
            changes = damaged + manifest.differences(folder, record, quick=quick)
            archived &= manifest.has_any(record["archives"])
            rest = sum(path.is_file() for path in {*files.below(folder)} - covered)
            whole = f"whole: {len(record['outputs'])} files compared, {rest} not (listed below)"
        except InputError as error:
            changes = [str(error).rstrip(".")]
        differing += bool(changes)
        if len(changes) > MOST:
            changes[MOST:] = [f"{len(changes) - MOST} more differences"]
        logging.info("%s: %s.", folder.name, "; ".join(changes or [whole, made_by]))
    if not archived:
        logging.warning("The archives are not compared: neither they nor their receipts are here.")
    others = (path.relative_to(results) for path in manifest.not_covered(results, covered))
    listed = ", ".join(map(str, others))
    logging.info("Not compared, because no manifest has them (of folders all files): %s.", listed)
    if differing:
        raise InputError(f"{differing} of {len(folders)} runs differ; the lines above say how.")


main = partial(command_line.run, verify)  # the command renet-verify

if __name__ == "__main__":
    main()
