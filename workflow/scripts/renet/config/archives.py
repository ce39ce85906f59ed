"""The config's section `archives`."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from renet.config.section import ABSENT, File, Files, Gender, Section, Shards, Text, Unique

Url = Annotated[str, Field(pattern="^(https?://[^/]|file://(localhost)?/)")]
Md5 = Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


def _own_column(name: str) -> str:
    if re.fullmatch("path|gender|subject|year|[xy][12]", name, re.IGNORECASE):
        raise ValueError(f"is {name}; name any column but path, gender, subject, year and the box.")
    return name


class Labels(Section):
    """Published labels: `tables` and `gender`, `lists`, or a `pattern` with the group `gender`."""

    tables: Files = ABSENT
    """path of a table with commas or tabs, or a list of paths"""
    lists: dict[Literal["female", "male"], Files] = ABSENT
    """files that list the photos of each gender, a path on each line"""
    path: str = ABSENT
    """column with the path in the archive, or a template of columns such as {folder}/{file}"""
    pattern: str = ABSENT
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
    """what values other than female, f, male and m mean, such as {0: male, 1: female}"""

    @model_validator(mode="after")
    def has_the_gender(self) -> Self:
        """Refuse labels that say nothing of the gender."""
        lacks = [f"`{name}`" for name in ("tables", "gender") if getattr(self, name) is None]
        if lacks and self.lists is None and "(?P<gender>" not in (self.pattern or ""):
            raise ValueError(f"lacks {', '.join(lacks)}.")
        return self


class PublishedSplit(Section):
    """Published subsets. Photos that are in none of them are split by the section `split`."""

    from_: str = Field(default=ABSENT, alias="from")
    """column of the tables, with the values train, validation and test"""
    lists: dict[Literal["train", "validation", "test"], Files] = ABSENT
    """files that list the photos of each subset, a path on each line, or tables with a path"""


class Archive(Section):
    """An archive; a key that is missing is not used."""

    url: Url | Annotated[list[Url], Field(min_length=1)]
    """https://…, http://… or file:///…, one or a list"""
    md5: Md5 | list[Md5] | None = None
    """digest of each url; without md5 and sha256, the log says "not verified\""""
    sha256: Sha256 | list[Sha256] | None = None
    """digest of each url, in place of md5"""
    database: Literal["wiki", "imdb", "table"]
    """wiki or imdb: name of the .mat file; table: your own photos (configs/own-photos.yaml)"""
    table: File | None = None
    """path of the CSV of your own photos"""
    labels: Labels = ABSENT
    """published labels, in place of `table` or of those in the .mat file (configs/fairface.yaml)"""
    split: PublishedSplit = ABSENT
    """published subsets: from (column) or lists (files)"""
    slices: Unique[Annotated[Text, AfterValidator(_own_column)]] = ABSENT
    """columns of the tables; each value is a slice of the test set"""
    license: Text = ABSENT
    """licence of the photos, in place of IMDB-WIKI's terms or of `license` at the top"""
    datasheet: Annotated[str, Field(min_length=30)] = ABSENT
    """who made the data set, and how, in Markdown, for model cards and data sheet"""
    photos: Literal["crop", "whole"]
    """crop: already cropped to the face; whole: cropped by the boxes in the .mat file or in your
    CSV, or by the face detector if your CSV has no box"""
    faces: Literal["one", "largest"] = ABSENT
    """for the detector: one (default) drops photos with several faces; largest takes the largest"""
    subjects: Literal["shared", "own"] = "shared"
    """shared (default): a name is one person in all sources; own: in this source alone"""
    shards: Shards = 8
    """number of crop jobs (default: 8)"""
