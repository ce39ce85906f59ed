"""Read the subsets of an earlier split, and log the faces that moved since the last split."""

import logging
from pathlib import Path

import pandas as pd

from renet.common import files
from renet.common.errors import InputError
from renet.common.imdb_wiki import SUBSETS
from renet.dataset.tables import SPLIT
from renet.metadata import user_tables

NAMED = 20  # faces that the log names


def subsets(samples: pd.DataFrame, file: str | Path) -> pd.Series:
    """Return each sample's subset in an earlier split.csv of any version, "" if it has none.

    A face is found by its id, or by source and path if no face of the same photo is found by id.
    """
    required = ["source", "path", "subset"]
    others = [name for name in SPLIT.columns if name not in required]
    faces = user_tables.read(file, required, others)
    table = faces[required].drop_duplicates()
    fault = f"is not a subset; write one of {', '.join(SUBSETS)}"
    user_tables.refuse(~table.subset.isin(SUBSETS), table.subset, fault)
    fault = "is in two subsets; keep one of its lines"
    user_tables.refuse(table.duplicated(["source", "path"]), table.path, fault)
    known = samples[["source", "path"]].merge(table, how="left").subset.fillna("")
    known = known.set_axis(samples.index)
    is_found = samples.id.isin(faces.id)
    of_photo = is_found.groupby([samples.source, samples.path]).transform("any")
    known = known.mask(of_photo & ~is_found, "")  # new, or left out for its person's subset
    used = samples[known != ""][["source", "path"]].drop_duplicates()
    if used.empty and not samples.empty:
        named = next((f"{row.path} of {row.source}" for row in table.itertuples()), "no line")
        raise InputError(
            f"{file} names none of the faces: it has {named}, but the faces have "
            f"{samples.path.iloc[0]} of {samples.source.iloc[0]}. Correct its columns source and "
            "path, or remove `split.from` to draw a new split."
        )
    logging.info(
        "%s sets the subset of %d faces; %d faces are not in it, and %d photos in it have no face.",
        file, (known != "").sum(), (known == "").sum(), len(table) - len(used),
    )  # fmt: skip
    return known


def keep(split: Path) -> None:
    """Log which faces moved to another subset; keep copies of split.csv and of the split before.

    The copies are no outputs of the rule, because Snakemake deletes outputs before a job runs.
    """
    copy, before = split.with_name("split_last.csv"), split.with_name("split_before.csv")
    content = split.read_bytes()
    is_new = copy.exists() and copy.read_bytes() != content
    if is_new and _log_moved(split, copy, before):
        copy.replace(before)
    with files.replacing(copy, size=len(content)) as temporary:
        temporary.write_bytes(content)


def _log_moved(split: Path, copy: Path, before: Path) -> bool:
    now, then = (SPLIT.read(path, ("id", "subset")) for path in (split, copy))
    both = now.merge(then, on="id", suffixes=("", "_then"))
    moved = both[both.subset != both.subset_then]
    if len(moved):
        rows = moved[:NAMED].itertuples()
        named = ", ".join(f"{row.id} ({row.subset_then} to {row.subset})" for row in rows)
        logging.warning(
            "%d of the %d faces that were split before are in another subset: %s. To keep the "
            "earlier split, copy %s out of the results, and name the copy: `split: {from: "
            "kept.csv}`.", len(moved), len(both), named, before,
        )  # fmt: skip
    return len(moved) > 0
