"""Gather the faces of one subset from the shards into one HDF5 file, in the order of split.csv.

Reads: split.csv, the shards of all sources, and for a mean of the training set also train.h5.
Writes: <subset>.h5 in neon's layout (see `renet.dataset.hdf5`) and <subset>.csv, one line a face in
the same order.
Decides: nothing; it only moves bytes, in slabs, so that its memory does not grow with the data.
"""

import argparse
import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from renet.common import files, logs
from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.dataset import gather, hdf5
from renet.faces import shards

LINES = 10_000  # of split.csv that are in memory at a time
PLACE = ["source", "shard", "index", "target"]


def write_hdf5(
    split: str,
    shard_files: dict[str, list[str]],
    output: str,
    table: str,
    *,
    subset: str,
    mean: str,
    train: str | None = None,
) -> None:
    """Write one subset.

    Args:
        shard_files: {source: [faces of shard 1, of shard 2, …]}.
        mean: `none`, `channel` or `pixel`; of the faces themselves in the subset `train`, else
            the one in the file `train`.
    """
    names = [name for source in shard_files.values() for name in source]
    shard, index, target = read_places(split, subset, shard_files)
    shape = shards.open_faces(names[0]).shape[1:]
    train_mean = hdf5.read(train).mean if train else None
    with (
        files.replacing(output) as temporary,
        Progress(total=len(shard), desc="write", unit=" faces") as progress,
    ):
        slabs = counted(gather.slabs(names, shard, index), progress)
        known = read_digests(split, subset)
        hdf5.write(temporary, shape, slabs, target, mean, train_mean, known)
    write_table(split, subset, table)
    logging.info("%s: %d faces of %dx%d pixels", output, len(shard), shape[2], shape[1])


def read_lines(split: str, subset: str, **options: object) -> Iterator[pd.DataFrame]:
    """The lines of a subset in split.csv, some thousand at a time; text stays as it is."""
    with pd.read_csv(split, chunksize=LINES, keep_default_na=False, **options) as chunks:
        for lines in chunks:
            yield lines[lines.subset == subset]


def read_places(
    split: str, subset: str, shard_files: dict[str, list[str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of the shard (over all sources, from 0), index in it and class of each face."""
    counts = [len(names) for names in shard_files.values()]
    first = dict(zip(shard_files, np.cumsum([0, *counts[:-1]]), strict=True))
    parts = []
    for lines in read_lines(split, subset, usecols=["subset", *PLACE], dtype={"source": str}):
        known = lines.source.map(shard_files).map(len, na_action="ignore").fillna(0)
        if not lines.shard.between(1, known).all():
            raise InputError(
                f"{split} names shards that were not given; give those of all sources."
            )
        parts.append([lines.source.map(first) + lines.shard - 1, lines["index"], lines.target])
    return tuple(np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))


def read_digests(split: str, subset: str) -> Iterator[str]:
    """The digest of each face."""
    for lines in read_lines(split, subset, usecols=["subset", "digest"], dtype=str):
        yield from lines.digest


def counted(slabs: Iterator[np.ndarray], progress: Progress) -> Iterator[np.ndarray]:
    """Pass slabs on and count their faces."""
    for slab in slabs:
        yield slab
        progress.update(len(slab))


def write_table(split: str, subset: str, output: str) -> None:
    """Copy the lines of the subset."""
    with files.replacing(output) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for number, lines in enumerate(read_lines(split, subset, dtype=str)):
            lines.to_csv(handle, index=False, header=number == 0)


def main() -> None:
    """Write one subset from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("split", help="split.csv, by shuffle.py")
    parser.add_argument(
        "--source",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME", "FACES"),
        help="a source's name and the faces of all its shards; give it once a source",
    )
    parser.add_argument("--subset", required=True, choices=["train", "validation", "test"])
    parser.add_argument("--mean", choices=hdf5.MEANS, default="none")
    parser.add_argument("--train", metavar="H5", help="train.h5, whose mean a later subset takes")
    parser.add_argument("-o", "--output", required=True, metavar="H5", help="file to write")
    parser.add_argument("--table", required=True, metavar="CSV", help="table to write")
    arguments = parser.parse_args()
    logs.start()
    write_hdf5(
        arguments.split,
        {names[0]: names[1:] for names in arguments.source},
        arguments.output,
        arguments.table,
        subset=arguments.subset,
        mean=arguments.mean,
        train=arguments.train,
    )


if __name__ == "__main__":
    if "snakemake" in globals():
        logs.start(snakemake.log[0])
        write_hdf5(
            snakemake.input.split,
            {
                source: list(snakemake.input[f"source_{number}"])
                for number, source in enumerate(snakemake.params.sources)
            },
            snakemake.output.faces,
            snakemake.output.table,
            subset=snakemake.wildcards.subset,
            mean=snakemake.params.mean,
            train=snakemake.input.train or None,
        )
    else:
        main()
