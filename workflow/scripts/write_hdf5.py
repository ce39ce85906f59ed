"""Gather the faces of one subset from the shards into one HDF5 file, in the order of split.csv.

Reads: split.csv, the shards of all sources, and for a mean of the training set also train.h5.
Writes: <subset>.h5 in neon's layout (see `renet.hdf5`) and <subset>.csv, one line a face in the
same order.
Decides: nothing; it only moves bytes, in slabs, so that its memory does not grow with the data.
"""

import argparse
import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from renet import files, hdf5, logs, shards
from renet.errors import InputError
from renet.progress import Progress

SLAB_BYTES = 32 << 20


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
    rows = pd.read_csv(split, keep_default_na=False)
    rows = rows[rows.subset == subset]
    pixels = {
        (source, number): shards.open_faces(name)
        for source, names in shard_files.items()
        for number, name in enumerate(names, 1)
    }
    shape = next(iter(pixels.values())).shape[1:]
    train_mean = hdf5.read(train).mean if train else None
    with files.replacing(output) as temporary:
        slabs = gather(rows, pixels, shape)
        hdf5.write(temporary, shape, slabs, rows.target.to_numpy(), mean, train_mean)
    files.write_text(table, rows.to_csv(index=False))
    logging.info("%s: %d faces of %dx%d pixels", output, len(rows), shape[2], shape[1])


def gather(
    rows: pd.DataFrame, pixels: dict[tuple[str, int], np.ndarray], shape: tuple[int, int, int]
) -> Iterator[np.ndarray]:
    """Yield the faces of `rows` in their order, in slabs of some megabytes."""
    slab_rows = max(1, SLAB_BYTES // int(np.prod(shape)))
    with Progress(total=len(rows), desc="write", unit=" faces") as progress:
        for start in range(0, len(rows), slab_rows):
            part = rows.iloc[start : start + slab_rows].reset_index(drop=True)
            slab = np.empty((len(part), *shape), np.uint8)
            for shard, members in part.groupby(["source", "shard"], sort=False):
                if shard not in pixels:
                    raise InputError(f"split.csv names the shard {shard}, which was not given.")
                slab[members.index] = pixels[shard][members["index"].to_numpy()]
            yield slab
            progress.update(len(part))


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
