"""Read tables that describe photos: a user's own table instead of a .mat file, or published labels.

configs/own-photos.yaml describes the columns of a user's own table. For published labels, `Labels`
names the columns. Without a table, the labels are read from the photos' file names.
"""

import dataclasses
import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS, LABELS, SUBSETS
from renet.common.photo_formats import FORMATS, SUFFIXES
from renet.metadata import user_tables
from renet.metadata.subjects import normalised_name, photo_subjects, plain_words

LARGEST = 10**9  # larger than any age or coordinate
DECIMAL_COMMA = r"^(-?\d+),(\d{1,2})$"  # before three digits, it could separate thousands
BAND = r"^\(?(\d+)(?:-|, )(\d+)\)?$"  # range of ages: 20-29 or (25, 32)
OPEN_BAND = r"^(?:more than )?(\d+)\+?$"
# Results of `plain_words`, also for Excel's #N/A and for pandas' <NA>, -1.#IND and 1.#QNAN.
NOBODY = (
    "", "unknown", "n a", "na", "n a n a", "nan", "null", "none", "1 ind", "1 qnan",
    "not available", "missing", "anonymous",
)  # fmt: skip
SHEET_ERROR = "#(?:N/?[A-Z]|[¡¿]?[A-ZÀ-Ý/0]+[!?])"  # #VALUE!, #NAME?; not #A and #0, perhaps ids
SUBSET_NAMES = {"val": "validation", "valid": "validation"}


@dataclasses.dataclass(frozen=True)
class Labels:
    """Where a photo's labels are: in columns of a user's own table, or as `labels` says."""

    columns: dict = dataclasses.field(default_factory=lambda: {name: name for name in LABELS})
    """column of each label"""
    required: Sequence[str] = ("path", "gender")
    """columns that a table must have"""
    path: str = "{path}"
    """template of the path in the archive, such as {folder}/{file}"""
    in_path: Sequence[str] = ("path",)
    """columns in the template `path`, which a list of photos must have"""
    pattern: str = ""
    """regular expression for the path; its named groups become columns"""
    groups: Sequence[str] = ()
    """names of the groups in `pattern`"""
    values: dict | None = None
    """gender of each value besides female, f, male and m; None for a user's own table"""
    genders: Sequence[str] = ("",)
    """for each file, the gender of all photos that it lists; "" for a table with genders"""


def written(
    files: Sequence[Path], labels: Labels, photos: Iterable[str] = (), further: Sequence[str] = ()
) -> pd.DataFrame:
    """Return `path` and the columns of `labels` and `further` as text, of files or `photos`."""
    parts = [pd.DataFrame({"path": list(photos)}, index=list(photos), dtype=str)]
    if files:
        optional = [column for column in labels.columns.values() if column not in labels.groups]
        parts = [
            user_tables.read(file, labels.in_path, []).assign(gender=gender)
            if gender
            else user_tables.read(file, [*labels.required, *further], optional)
            for file, gender in zip(files, labels.genders, strict=True)
        ]
    return _with_path(pd.concat(parts).fillna(""), labels)


def _with_path(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Add a column for each group of the pattern, and the column `path` from its template."""

    def filled() -> list[str]:
        parts = re.split("{(.+?)}", labels.path)  # texts alternate with column names
        columns = [
            rows[part] if place % 2 else [part] * len(rows) for place, part in enumerate(parts)
        ]
        return ["".join(values) for values in zip(*columns, strict=True)]

    if "path" not in rows:
        rows = rows.assign(path=filled())
    if labels.pattern:
        named = rows.path.str.extract(labels.pattern).rename(columns=lambda name: str(name).lower())
        rows = rows.assign(**named[labels.groups].fillna(""))
    return rows.assign(path=filled())


def subsets(
    described: pd.DataFrame, files: Sequence[Path], names: Sequence[str], labels: Labels
) -> pd.Series:
    """Return each row's subset by the lists `files` of subsets `names`, or else its `subset`."""
    if not files:
        return described.subset
    tables = (_with_path(user_tables.read(file, labels.in_path, []), labels) for file in files)
    lists = [table[["path"]].assign(path=table.path.map(plain)) for table in tables]
    rows = pd.concat([table.assign(subset=name) for table, name in zip(lists, names, strict=True)])
    rows = rows.drop_duplicates(["path", "subset"])
    fault = "is on the lists of two subsets; remove it from one of the lists"
    user_tables.refuse(rows.path.duplicated(), rows.path, fault)
    for file, listed in zip(files, lists, strict=True):
        unknown = listed.path[~listed.path.isin(described.path)]
        if len(unknown) == len(listed):
            first = next(iter(unknown), "no line")
            raise InputError(
                f"{file} of `split` names none of the photos: it has {first}, but a photo has the "
                f"path {described.path.iloc[0]}. Name a list of such paths, or set `path` under "
                "`labels`."
            )
        if len(unknown):
            fact = "%s: %d of %d lines name no photo, such as %s"
            logging.warning(fact, file, len(unknown), len(listed), unknown.iloc[0])
    return described.path.map(rows.set_index("path").subset).fillna("")


def read(
    files: Sequence[Path],
    labels: Labels = Labels(),
    *,
    whole: bool = False,
    photos: Iterable[str] = (),
) -> pd.DataFrame:
    """Read the labels of photos from tables or, without files, from the file names `photos`.

    Args:
        whole: whether faces are cropped by their boxes. Then a photo can have several rows.

    Returns:
        Table with `path` and `LABELS`, in the files' order; `repeated`, whether an earlier row
        describes the same face; `not_labelled`, whether the pattern does not match the path. Gender
        is 0, 1 or NaN. An empty field or absent column is "" for text and NaN for numbers.
    """
    rows = written(files, labels, photos)
    name = ", ".join(map(str, files)) or "The index of the photos"
    if rows.empty:
        raise InputError(f"{name} has no line below its header; add a line for each photo.")
    texts = rows[["path"]].assign(
        **{field: rows.get(labels.columns.get(field), "") for field in LABELS}
    )
    filled = (texts[BOX_COLUMNS] != "").any()
    if filled.any() and not filled.all():
        raise InputError(
            f"{name} has only {', '.join(filled.index[filled])} of a box; add x1, y1, x2 and y2."
        )
    if whole and not filled.any():
        raise InputError(
            f"{name} has no box in x1, y1, x2 and y2, which `photos: box` needs; add the boxes, or "
            "set `photos: detect`, and the face detector finds the faces."
        )
    texts["subset"] = texts.subset.replace(SUBSET_NAMES)
    is_nobody = texts.subject.map(plain_words).isin(NOBODY)
    is_nobody |= texts.subject.str.fullmatch(SHEET_ERROR)
    if is_nobody.any():
        fact = "%s: %d of %d lines name nobody (such as an empty subject, unknown, NA, #REF!)."
        logging.info(fact, name, is_nobody.sum(), len(texts))
    table = texts.assign(
        path=_paths(texts.path),
        subject=texts.subject.mask(is_nobody, ""),
        gender=user_tables.genders(texts.gender, name, values=labels.values),
        age=_numbers(_midpoints(texts.age)),
        **{field: _numbers(texts[field]) for field in ("year", *BOX_COLUMNS)},
        not_labelled=not files and (rows[list(labels.groups)] == "").all(axis=1),
    )
    is_year = table.year.isna() | (table.year.between(1, 9999) & (table.year % 1 == 0))
    fault = "is not a year; write a whole number such as 1998, or empty the field"
    user_tables.refuse(~is_year, texts.year, fault)
    # The section `split` splits photos without a published subset.
    may_lack = labels.values is not None or (texts.subset == "").all()
    is_subset = texts.subset.isin(SUBSETS) | ((texts.subset == "") & may_lack)
    fault = f"is not a subset; write one of {', '.join(SUBSETS)} in each line, or remove the column"
    user_tables.refuse(~is_subset, texts.subset, fault)
    repeated = _repeated(table, texts, labels, whole=whole)
    return table.assign(repeated=repeated).reset_index(drop=True)


def plain(path: str) -> str:
    """Return a path as the archive's index has it: with slashes, without a leading `./`."""
    return str(PurePosixPath(path.replace("\\", "/")))


def _paths(written: pd.Series) -> pd.Series:
    user_tables.refuse(written == "", written, "is an empty path; write a photo's path")
    paths = written.map(plain)
    suffixes = paths.map(lambda path: PurePosixPath(path).suffix.lower())
    fault = f"is in a format that is not accepted; convert it to one of {', '.join(FORMATS)}"
    user_tables.refuse(~suffixes.isin([*SUFFIXES, ""]), written, fault)
    return paths


def _midpoints(ages: pd.Series) -> pd.Series:
    """Replace an age range by its middle, rounded down, and an open range by its lower end."""
    middles = ages.str.extract(BAND).astype(np.float64).mean(axis=1) // 1
    ages = ages.str.replace(OPEN_BAND, r"\1", regex=True).replace("None", "")
    return ages.mask(middles.notna(), middles.astype(str)).rename(ages.name)


def _numbers(written: pd.Series) -> pd.Series:
    """Convert a text column to float64; an empty field is NaN."""
    texts = written.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True)
    numbers = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    invalid = ~(numbers.abs() < LARGEST) & (written != "")
    fault = f"is not a valid number for {written.name}; correct or empty the field"
    user_tables.refuse(invalid, written, fault)
    return numbers


def _repeated(
    table: pd.DataFrame, texts: pd.DataFrame, labels: Labels, *, whole: bool
) -> pd.Series:
    """Whether an earlier row describes the same face: the same path and, if `whole`, same box.

    Rows of a face with different labels are an InputError in a user's own table. In published
    labels, the first row of the face is used.
    """
    face = ["path", *(BOX_COLUMNS if whole else [])]
    number = table.groupby(face, dropna=False, sort=False).ngroup().to_numpy()
    first = pd.Series(number).drop_duplicates().index.to_numpy()[number]  # row of each face
    for name in ("gender", "subject", "age", "year", "subset"):
        values = table[name].fillna(-1).to_numpy()
        differs = values != values[first]
        if differs.any():
            row, value = differs.argmax(), texts[name].iloc
            sentence = (
                f'{table.index[row]}: {name} is "{value[row]}", but {table.index[first[row]]} has '
                f'"{value[first[row]]}" for the same photo {table.path.iloc[row]}'
            )
            if labels.values is None:
                raise InputError(f"{sentence}; delete one of the lines.")
            logging.warning("%s; the first line is used (%d such rows).", sentence, differs.sum())
    repeated = first != np.arange(len(table))
    if repeated.any():
        row = repeated.argmax()
        logging.warning(
            "%d lines repeat an earlier line and are dropped; the first is %s, %s.",
            repeated.sum(), table.index[row], table.path.iloc[row],
        )  # fmt: skip
    return repeated


def describe(rows: pd.DataFrame, source: str, *, whole: bool = False) -> pd.DataFrame:
    """Add the columns of metadata.csv to rows from `read`; an id depends only on its own row."""
    box = "#" + rows[BOX_COLUMNS].map("{:.15g}".format).agg("_".join, axis=1)
    named = rows.subject.map(normalised_name)
    return rows.assign(
        id=f"{source}:" + rows.path + box.where(rows.x1.notna() & whole, ""),
        source=source,
        name=rows.subject,
        subject=named.where(named != "", photo_subjects(source, rows.path)),
        age=np.floor(rows.age),  # whole years, as in the data set
        dob="",
        photo_taken=rows.year,
        face_score=np.nan,
        second_face_score=np.nan,
    )


def replace(rows: pd.DataFrame, described: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Replace labels of rows (`mat_file.describe`) by the published labels of the same path."""
    first = described[~described.repeated].set_index("path")
    is_labelled = rows.path.isin(first.index)
    if not is_labelled.any():
        raise InputError(
            f"The tables of labels name none of the {len(rows)} photos of the .mat file: they have "
            f"{first.index[0]}, but it has {rows.path.iloc[0]}. Check the key `labels.path`."
        )
    others = len(first) - is_labelled.sum()
    logging.info("%d photos of the labels are not in the .mat file.", others)
    labelled = first.reindex(rows.path).set_axis(rows.index)
    names = ["photo_taken" if name == "year" else name for name in labels.columns]
    if "x1" in names:  # face scores are only valid for the .mat file's boxes
        names += ["face_score", "second_face_score"]
    return rows.assign(not_labelled=~is_labelled, **labelled[names])
