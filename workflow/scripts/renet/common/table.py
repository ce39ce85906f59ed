"""CSV tables: the package that writes a table declares its columns and dtypes as a `Table`.

Text columns are read as text: a person called "007" or "NA" is neither 7 nor missing.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from renet.common import files
from renet.common.errors import InputError

CHUNK_ROWS = 10_000
BLOCK_BYTES = 1 << 20
# What CSV or UTF-8 cannot represent: control characters and lone surrogates.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def printable(text: str) -> str:
    """Replace each character that a CSV file cannot contain by U+FFFD."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns of a CSV file, in their order.

    Their dtypes are `str`, where an empty field is ""; `int`, where no field is empty; "Int64",
    where an empty field is NA; and `float`, where an empty field is NaN.
    """

    columns: Mapping[str, type | str]

    def frame(self, records: Iterable) -> pd.DataFrame:
        """Return a DataFrame of `records`, which are tuples in column order or dictionaries."""
        return pd.DataFrame(list(records), columns=list(self.columns)).astype(self._integers())

    def write(
        self,
        path: str | Path,
        frames: pd.DataFrame | Iterable[pd.DataFrame],
        float_format: str | None = None,
    ) -> None:
        """Write a DataFrame, or parts of one in their order, as CSV (see `files.replacing`).

        Columns that this `Table` lacks are not written. An integer column may be float with NaN in
        the frames, but is written without a decimal point.
        """
        parts = [frames] if isinstance(frames, pd.DataFrame) else frames
        with files.replacing(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
            for number, part in enumerate(parts):
                part[list(self.columns)].astype(self._integers()).to_csv(
                    handle, index=False, header=number == 0, float_format=float_format
                )

    def read(self, path: str | Path, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Read a table, or some of its columns."""
        options = self._options(columns)
        with _readable(path):
            return pd.read_csv(path, **options)[options["usecols"]]

    def read_chunks(
        self, path: str | Path, columns: Iterable[str] | None = None
    ) -> Iterator[pd.DataFrame]:
        """Read a table as at least one part of at most `CHUNK_ROWS` rows; see `read`."""
        options = self._options(columns)
        with _readable(path), pd.read_csv(path, chunksize=CHUNK_ROWS, **options) as chunks:
            for chunk in chunks:
                yield chunk[options["usecols"]]

    def _integers(self) -> dict[str, type | str]:
        return {name: dtype for name, dtype in self.columns.items() if dtype in (int, "Int64")}

    def _options(self, columns: Iterable[str] | None) -> dict:
        """Return the options of `pandas.read_csv` for some of the columns, or all."""
        wanted = list(self.columns if columns is None else columns)
        dtypes = {name: self.columns[name] for name in wanted}
        return {
            "usecols": wanted,
            "dtype": dtypes,
            "keep_default_na": False,
            "na_values": {name: ["", "nan"] for name in wanted if dtypes[name] is not str},
        }


@contextlib.contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    try:
        with Path(path).open("rb") as handle:
            while block := handle.read(BLOCK_BYTES):
                if b"\0" in block:  # a file system leaves these after a fault; pandas reads them
                    raise ValueError("it is damaged: it has bytes of value 0")
        yield
    except FileNotFoundError as error:
        raise InputError(f"The table {path} does not exist; check the path.") from error
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as a table of this workflow ({error}); delete it and "
            "start again."
        ) from error
