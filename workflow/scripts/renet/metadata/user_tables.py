"""Read CSV files that a user writes by hand or exports from a spreadsheet."""

import csv
import io
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from renet.common.delimiters import DELIMITERS, find_delimiter
from renet.common.errors import InputError
from renet.common.imdb_wiki import CLASSES
from renet.common.photo_formats import SUFFIXES
from renet.common.table import printable

GENDERS = {
    **dict.fromkeys(["0", "0.0", "f", "female"], 0),
    **dict.fromkeys(["1", "1.0", "m", "male"], 1),
    **dict.fromkeys(["", "na", "nan", "unknown"], np.nan),
}


def read(file: str | Path, required: Sequence[str], optional: Sequence[str]) -> pd.DataFrame:
    """Read the columns `required` and `optional` of a table, or a list of photos without a header.

    Fields are text without surrounding spaces, "" if the field is empty or the column absent. The
    index names the file and line where each row begins. Empty lines are left out.
    """
    text = _text(file)
    delimiter = find_delimiter(text.partition("\n")[0], required)
    rows = _rows(text, delimiter, file)
    _, header = next(rows, (1, []))
    if len(required) == len(header) == 1 and header[0].lower().endswith(SUFFIXES):
        rows, header = itertools.chain([(1, header)], rows), [*required]
    places = _places(header, [*required, *optional], file)
    if missing := [name for name in required if name not in places]:
        content = f"has the columns {', '.join(header)}, but" if header else "is empty and"
        raise InputError(
            f"{file} {content} lacks {', '.join(missing)}; "
            "its first line must name the columns, separated by commas, semicolons or tabs."
        )
    if delimiter != ",":
        logging.info("%s: the fields are separated by %s.", file, DELIMITERS[delimiter])
    lines, records = [], []
    for line, fields in rows:
        if not any(fields):
            continue
        # Spreadsheets add empty fields beyond the header.
        if len(fields) < len(header) or any(fields[len(header) :]):
            raise InputError(
                f"{file}, line {line} has {len(fields)} fields, but the header has {len(header)}; "
                'a field that contains the delimiter must be in quotes, as in "1,2.jpg".'
            )
        lines.append(f"{file}, line {line}")
        records.append([fields[place] for place in places.values()])
    table = pd.DataFrame(records, index=pd.Index(lines, dtype=str), columns=list(places), dtype=str)
    return table.reindex(columns=list(dict.fromkeys([*required, *optional])), fill_value="")


def refuse(invalid: pd.Series, values: pd.Series, fault: str) -> None:
    """Raise an InputError for the first invalid line: its place, its value, and then `fault`."""
    if invalid.any():
        row = invalid.to_numpy().argmax()
        count = f" ({invalid.sum():,} such lines)" if invalid.sum() > 1 else ""
        raise InputError(f'{values.index[row]}: "{values.iloc[row]}" {fault}{count}.')


def genders(column: pd.Series, name: str, values: dict | None = None) -> pd.Series:
    """Return each row's class as float64, NaN if unknown; the log counts each spelling.

    Args:
        values: a mapping from other spellings and digits in published labels to genders, because
            0 is female in some data sets and male in others. If None, 0 is female and 1 is male.
    """
    written, spellings = column.str.lower(), GENDERS
    fault = "is not a gender; write female (f, 0), male (m, 1) or unknown"
    if values is not None:
        spellings = {word: number for word, number in GENDERS.items() if not word[:1].isdigit()}
        spellings |= {word: GENDERS[gender] for word, gender in values.items()}
        fault = "is not a known gender; name its gender under `labels`, as in `values: {0: male}`"
    refuse(~written.isin(spellings), column, fault)
    classes = written.map(spellings).astype(np.float64)
    names = classes.map(dict(enumerate(CLASSES))).fillna("unknown")
    counts = column.groupby([names, column]).size().items()
    read_as = (f'"{word}" is {gender} ({count:,} rows)' for (gender, word), count in counts)
    logging.info("%s, gender: %s.", name, ", ".join(read_as))
    return classes


def _text(file: str | Path) -> str:
    try:
        content = Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{file}, line {line}: the byte {content[error.start]:#04x} is not UTF-8; save the "
            "table as CSV in UTF-8."
        ) from error


def _rows(text: str, delimiter: str, file: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row's first line, and its fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, [printable(field.strip()) for field in row]
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{file}, line {line}: the row that begins here is not CSV ({error}); double the "
            'quotes in a field, "like ""this""".'
        ) from error


def _places(header: list[str], known: list[str], file: str | Path) -> dict[str, int]:
    """Return the position of each known column; log the names of all other columns."""
    names = [name.lower() for name in header]
    places = {name: names.index(name) for name in known if name in names}
    if twice := [name for name in places if names.count(name) > 1]:
        raise InputError(f"{file} has the column {twice[0]} twice; remove or rename one of them.")
    if unused := [f'"{name}"' for name in header if name.lower() not in places]:
        # An unused name may be a misspelt known name.
        level = logging.WARNING if set(known) - places.keys() else logging.INFO
        logging.log(level, "%s: columns that only `slices` can use: %s.", file, ", ".join(unused))
    return places
