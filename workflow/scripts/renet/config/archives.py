"""The config's section `archives`."""

import contextlib
import csv
import functools
import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from renet.common import urls
from renet.common.delimiters import find_delimiter
from renet.common.imdb_wiki import BOX_COLUMNS, LABELS, TABLE
from renet.config.section import ABSENT, File, Files, Gender, Section, Shards, Text, Unique

SAMPLE = "sample"  # the built-in source, which `archives` does not declare
SAMPLE_FILE = "wiki_crop.tar"
FIELDS = ("gender", "subject", "age", "year")  # keys of `labels` that name a column


Url = Annotated[str, Field(pattern="^(https?://[^/]|file://(localhost)?/)")]
Md5 = Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


def _own_column(name: str) -> str:
    if re.fullmatch("path|gender|subject|year|[xy][12]", name, re.IGNORECASE):
        raise ValueError(
            f"is {name}; name another column than path, gender, subject, year, x1 to y2."
        )
    return name


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is {pattern}, which is not a regular expression: {error}.") from error
    return pattern


def _named_files(lists: Mapping | None) -> list[tuple[str, str]]:
    """Return (name, path) for each file of `lists`, sorted by name."""
    named = sorted((lists or {}).items())
    return [(name, path) for name, files in named for path in Section.paths(files)]


@functools.cache  # called dozens of times when Snakemake starts
def read_header(table: str, *required: str) -> list[str]:
    """Return the header of a user's CSV, in lower case."""
    with (
        contextlib.suppress(OSError, csv.Error),  # reported where the table is used
        Path(table).expanduser().open(encoding="utf-8-sig", errors="replace", newline="") as lines,
    ):
        delimiter = find_delimiter(lines.readline(), required)
        lines.seek(0)
        return [field.strip().lower() for field in next(csv.reader(lines, delimiter=delimiter), [])]
    return []


class Labels(Section):
    """Published labels: `tables` and `gender`, or `lists`, or a `pattern` with a group `gender`."""

    tables: Files = ABSENT
    """path of a table with commas or tabs, or a list of paths"""
    lists: dict[Literal["female", "male"], Files] = ABSENT
    """files that list the photos of each gender, a path on each line"""
    path: str = ABSENT
    """column with the path in the archive, or a template of columns such as {folder}/{file}"""
    pattern: Annotated[str, AfterValidator(_expression)] = ABSENT
    """regular expression for the path; its named groups become columns"""
    gender: str = ABSENT
    """column with the gender"""
    subject: str = ABSENT
    """column with the person"""
    age: str = ABSENT
    """column with the age, or with a band such as 20-29"""
    year: str = ABSENT
    """column with the year of the photo"""
    box: Annotated[list[str], Field(min_length=4, max_length=4)] = ABSENT
    """columns with the left, upper, right and lower side of the face"""
    values: dict[Any, Gender] = ABSENT
    """meaning of values other than female, f, male and m, such as {0: male, 1: female}"""

    @model_validator(mode="after")
    def has_the_gender(self) -> Self:
        """Raise an error if no key states the gender."""
        lacks = [f"`{name}`" for name in ("tables", "gender") if getattr(self, name) is None]
        if lacks and self.lists is None and "(?P<gender>" not in (self.pattern or ""):
            raise ValueError(f"lacks {', '.join(lacks)}; add what is missing, or `lists`.")
        return self

    @property
    def files(self) -> list[tuple[str, str]]:
        """Pairs ("", path) of the tables, then (gender, path) of the lists."""
        return [("", file) for file in self.paths(self.tables)] + _named_files(self.lists)

    def settings(self, subset: dict[str, str]) -> dict:
        """Return the fields of `own_photos.Labels`; `subset` is {"subset": its column}, or {}."""
        groups = [name.lower() for name in re.compile(self.pattern or "").groupindex]
        columns = {name: name for name in groups if name in FIELDS}
        columns |= {"gender": "gender"} if self.lists else {}
        named = {name: getattr(self, name) for name in FIELDS}
        columns |= {name: column.lower() for name, column in named.items() if column is not None}
        columns |= subset | dict(zip(BOX_COLUMNS, map(str.lower, self.box or []), strict=False))
        path = "path" if self.path is None else self.path
        path = path if "{" in path else f"{{{path}}}"
        path = re.sub("{.+?}", lambda column: column[0].lower(), path)
        parts = re.findall("{(.+?)}", path)
        in_path = [name for name in parts if name not in groups]
        if len(in_path) < len(parts):  # the groups are found in a column `path`
            in_path = list(dict.fromkeys([*in_path, "path"]))
        return {
            "columns": columns,
            "required": [*in_path, *sorted(set(columns.values()) - {*groups, *in_path})],
            "path": path,
            "in_path": in_path,
            "pattern": self.pattern or "",
            "groups": groups,
            "values": {str(word).lower(): name for word, name in (self.values or {}).items()},
            "genders": [gender for gender, _ in self.files],
        }


class PublishedSplit(Section):
    """Published subsets. The section `split` splits the photos that are in no published subset."""

    from_: str = Field(default=ABSENT, alias="from")
    """column of the tables, with the values train, validation and test"""
    lists: dict[Literal["train", "validation", "test"], Files] = ABSENT
    """files that list the photos of each subset, a path on each line, or tables with a path"""

    @model_validator(mode="after")
    def has_one_form(self) -> Self:
        """Raise an error unless exactly one of `from` and `lists` is set."""
        if (self.from_ is None) == (self.lists is None):
            raise ValueError("needs either `from` or `lists`, and not both.")
        return self


class Archive(Section):
    """Archive files of a source, and how they are read; missing optional keys are not used."""

    url: Url | Annotated[list[Url], Field(min_length=1)]
    """https://…, http://… or file:///…, one or a list"""
    md5: Md5 | list[Md5] | None = None
    """digest of each url; without md5 and sha256, the log says "not verified\""""
    sha256: Sha256 | list[Sha256] | None = None
    """digest of each url, in place of md5"""
    database: Literal["wiki", "imdb", "table"]
    """wiki or imdb, as its .mat file is named; or table, for your own photos
    (configs/own-photos.yaml)"""
    table: File | None = None
    """path of the CSV of your own photos"""
    labels: Labels = ABSENT
    """published labels, in place of `table` or the .mat file's labels (configs/fairface.yaml)"""
    split: PublishedSplit = ABSENT
    """published subsets: {from: column} or {lists: {test: file, …}}"""
    slices: Unique[Annotated[Text, AfterValidator(_own_column)]] = ABSENT
    """columns of `table` or `labels`; their values divide the test set into slices"""
    license: Text = ABSENT
    """licence of the photos, in place of IMDB-WIKI's terms or of the top-level `license`"""
    datasheet: Annotated[str, Field(min_length=30)] = ABSENT
    """Markdown text for model cards and data sheet: who made the data set, and how"""
    photos: Literal["crop", "box", "detect"]
    """crop: already cropped to the face, and used as they are; box: whole photos with a box of the
    face in the .mat file or your CSV; detect: the face detector finds the face, in whole photos and
    in crops"""
    faces: Literal["one", "largest"] = ABSENT
    """for detect: one (default) drops photos with several faces; largest takes the largest"""
    subjects: Literal["shared", "own"] = "shared"
    """shared (default): a name is one person in all sources; own: only in this source"""
    shards: Shards = 8
    """number of crop jobs (default: 8)"""

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        """Raise an error if keys contradict each other."""
        names, labels, is_table = self.files, self.labels, self.database == TABLE
        if (count := len(self.listed(self.md5) + self.listed(self.sha256))) not in (0, len(names)):
            raise ValueError(
                f"has {len(names)} URLs and {count} digests; write one md5 or one sha256 for each "
                "URL, in the order of the URLs, or remove all digests."
            )
        if len({(urls.tar_name(name) or name).removesuffix(".tar") for name in names}) < len(names):
            raise ValueError("has two URLs whose tars have the same name; rename one.")
        if (self.table is not None) + (is_table and labels is not None) != is_table:
            wrong = "needs either `table` or `labels`" if is_table else "cannot have a `table`"
            raise ValueError(f"{wrong}, because its `database` is {self.database}; change one key.")
        if self.split and self.split.from_ and not (self.table or (labels and labels.tables)):
            raise ValueError("has `split.from`, which names a column, but no table; add a table.")
        if labels and labels.box and self.photos != "box":
            raise ValueError(
                f"has `labels.box`, but `photos` is {self.photos}; remove `labels.box`, or set "
                "`photos: box` if the archive has whole photos."
            )
        if self.slices and not self.label_settings:
            raise ValueError(
                "has `slices`, which names columns of a table, but neither `table` nor `labels`; "
                "add one of them, or remove `slices`."
            )
        if self.faces and self.photos != "detect":
            raise ValueError(
                "has `faces`, a setting of the face detector, which only `photos: detect` uses; "
                "remove `faces`."
            )
        return self

    @property
    def files(self) -> list[str]:
        """Name of each file, in the order of the URLs."""
        return [urls.file_name(url) for url in self.listed(self.url)]

    @property
    def downloads(self) -> dict[str, tuple[str, str | None]]:
        """URL and digest (None if the config has none) of each file, by the file's name."""
        digests = [f"md5:{digest}" for digest in self.listed(self.md5)]
        digests += [f"sha256:{digest}" for digest in self.listed(self.sha256)]
        return dict(zip(self.files, zip_longest(self.listed(self.url), digests), strict=True))

    @property
    def tables(self) -> list[str]:
        """Paths of the files with the labels."""
        return [file for _, file in self.labels.files] if self.labels else self.paths(self.table)

    @property
    def has_boxes(self) -> bool:
        """Whether each photo needs a box of its face, in the .mat file or the tables."""
        return self.photos == "box"

    @property
    def lists(self) -> list[str]:
        """Files that list the photos of published subsets."""
        return [file for _, file in _named_files(self.split.lists if self.split else None)]

    @property
    def subsets(self) -> list[str]:
        """Subset of each file of `lists`."""
        return [subset for subset, _ in _named_files(self.split.lists if self.split else None)]

    @functools.cached_property
    def label_settings(self) -> dict | None:
        """Fields of `renet.metadata.own_photos.Labels`; None if the labels are in a .mat file."""
        subset = {"subset": self.split.from_.lower()} if self.split and self.split.from_ else {}
        if self.labels:
            return self.labels.settings(subset)
        own = {name: name for name in LABELS} | subset
        required = ["path", "gender", *subset.values()]
        return {"columns": own, "required": required} if self.table else None

    @property
    def slice_columns(self) -> list[str]:
        """Names of the columns in `slices`, in lower case."""
        return list(dict.fromkeys(map(str.lower, self.slices or [])))

    @property
    def detected(self) -> str | None:
        """`faces` or its default "one"; None if this archive does not use the face detector."""
        return (self.faces or "one") if self.photos == "detect" else None

    @property
    def record(self) -> dict:
        """Settings of the archive that a run's result depends on, as in provenance.json."""
        kept = {"database", "photos", "subjects"}
        return self.model_dump(include=kept) | {"detected": self.detected}
