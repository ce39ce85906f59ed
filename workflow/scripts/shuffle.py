"""Decide which face goes into which subset, and in which order; no pixel is read.

Reads: metadata.csv of each source and the tables of its shards.
Writes: split.csv, one line for each face, subset after subset and in the order of the HDF5 files
(the columns of `renet.dataset.splits.COLUMNS`); and the funnel of every source, from the rows of
its .mat file to its faces in each subset.
Decides: subset and order from a seed. Photos of one person stay in one subset (`by: subject`), as
do photos with the same pixels; subsets have the same share of each class as far as that allows.
"""

import argparse
import logging

import pandas as pd

from renet.common import drop_reasons, files, logs
from renet.common.errors import InputError
from renet.dataset import splits
from renet.faces import shards
from renet.metadata import mat_file

METADATA_COLUMNS = [
    "row", "path", "source", "subject", "gender", "age", "photo_taken", "face_score", "reason",
]  # fmt: skip


def shuffle(sources: list[list[str]], output: str, funnel: str, rules: dict) -> None:
    """Split the faces of `sources`, each given as [metadata.csv, table of shard 1, …]."""
    tables = [read_source(*names) for names in sources]
    rows = pd.concat(tables, ignore_index=True)
    samples = splits.split(to_samples(rows[rows.reason == ""]), **rules)
    with files.replacing(output) as temporary:
        samples[splits.COLUMNS].to_csv(temporary, index=False)
    files.write_text(funnel, count(tables, samples).to_csv(index=False))
    logging.info("Faces by subset and class (0 female, 1 male):\n%s", describe(samples))


def read_source(metadata_file: str, *shard_tables: str) -> pd.DataFrame:
    """Every row of a source with its final reason, and what the shards know of its face."""
    rows = mat_file.read_metadata(metadata_file, METADATA_COLUMNS).set_index("row")
    cut = pd.concat(
        [
            shards.read_table(name).assign(shard=number)
            for number, name in enumerate(shard_tables, 1)
        ]
    ).set_index("row")
    rows.loc[cut.index, "reason"] = cut.reason
    uncut = set(rows.index[rows.reason == ""]) - set(cut.index)
    if uncut:
        raise InputError(
            f"{metadata_file} keeps {len(uncut)} rows that none of its shards has; run crop_faces "
            "again for all of them."
        )
    return rows.join(cut.drop(columns=["status", "reason"])).reset_index()


def to_samples(rows: pd.DataFrame) -> pd.DataFrame:
    """The kept rows under the names that split.csv has for their columns."""
    return rows.assign(
        id=rows.source + ":" + rows.row.astype(str),
        target=rows.gender.astype(int),
        age=rows.age.astype("Int64"),
        year=rows.photo_taken.astype("Int64"),
        shard=rows.shard.astype(int),
        crop_width=rows.width,
        crop_height=rows.height,
    )


def count(tables: list[pd.DataFrame], samples: pd.DataFrame) -> pd.DataFrame:
    """The funnel of each source, down to its faces in each subset."""
    order = [*drop_reasons.OF_METADATA, *drop_reasons.OF_CROPPING]
    parts = [
        mat_file.funnel(table.reason, order).assign(source=table.source.iloc[0]) for table in tables
    ]
    sizes = samples.groupby(["source", "subset"]).size()
    subsets = [
        (source, name, 0, sizes.get((source, name), 0))
        for source in samples.source.unique()
        for name in splits.SUBSETS
    ]
    columns = ["source", "step", "dropped", "remaining"]
    return pd.concat([*parts, pd.DataFrame(subsets, columns=columns)])[columns]


def describe(samples: pd.DataFrame) -> str:
    """Numbers of faces and of people, for the log."""
    faces_by_class = samples.pivot_table(
        index="subset", columns="target", values="id", aggfunc="count", fill_value=0, sort=False
    )
    return faces_by_class.assign(people=samples.groupby("subset").subject.nunique()).to_string()


def main() -> None:
    """Split one or several sources from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument(
        "--source",
        nargs="+",
        action="append",
        required=True,
        metavar=("METADATA", "SHARD_TABLE"),
        help="metadata.csv of a source and the tables of all its shards; give it once a source",
    )
    parser.add_argument("--validation", type=float, default=0.1, help="share (default: 0.1)")
    parser.add_argument("--test", type=float, default=0.1, help="share (default: 0.1)")
    parser.add_argument("--by", choices=["subject", "image"], default="subject")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("-o", "--output", required=True, metavar="CSV", help="split to write")
    parser.add_argument("--funnel", required=True, metavar="CSV", help="funnel to write")
    arguments = parser.parse_args()
    logs.start()
    rules = {name: getattr(arguments, name) for name in ("validation", "test", "by", "seed")}
    shuffle(arguments.source, arguments.output, arguments.funnel, rules)


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        shuffle(
            [list(paths) for _, paths in snakemake.input.items()],
            snakemake.output.split,
            snakemake.output.funnel,
            snakemake.params.rules,
        )
    else:
        main()
