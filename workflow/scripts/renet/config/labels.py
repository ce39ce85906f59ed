"""Labels and subsets of the photos of an archive beside those of a .mat file, from the config."""

import re

from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS, TABLE

FIELDS = ("gender", "subject", "age", "year")  # each is a column that `labels` names


def read(key: str, settings: dict) -> dict:
    """What describes the photos of an archive.

    Args:
        key: of the archive, `archives.<name>`.

    Returns:
        `labels`, the values of `renet.metadata.own_photos.Labels` or None; `tables`, their files;
        and `lists`, files with the subset of each in `subsets`.

    Raises:
        InputError: keys contradict each other, or one is missing.
    """
    table, given, split = settings.get("table"), settings.get("labels"), settings.get("split", {})
    is_table = settings["database"] == TABLE
    if (table is not None) + (is_table and given is not None) != is_table:
        raise InputError(
            f"{key} needs either `table` or `labels` with `database: table`, and no `table` with "
            "another database."
        )
    lists = _named_files(split.get("lists", {}))
    found = {"lists": [file for _, file in lists], "subsets": [subset for subset, _ in lists]}
    subset = {"subset": split["from"].lower()} if "from" in split else {}
    if subset and not (table or (given or {}).get("tables")):
        raise InputError(f"{key}.split.from names a column, and there is no table that has it.")
    if given is None:
        own = {"columns": {name: name for name in (*FIELDS, *BOX_COLUMNS, "subset")} | subset}
        return found | {"labels": own if table else None, "tables": as_list(table or [])}
    columns = _columns(f"{key}.labels", given) | subset
    if "box" in given and settings["photos"] == "crop":
        raise InputError(
            f"{key}.labels.box gives boxes in whole photos, and photos is crop; remove it, or take "
            "the whole photos."
        )
    path = given.get("path", "path")
    files = [("", file) for file in as_list(given.get("tables", []))]
    files += _named_files(given.get("lists", {}))
    labels = {
        "columns": columns,
        "path": path if "{" in path else f"{{{path}}}",
        "pattern": given.get("pattern"),
        "values": {str(word).lower(): name for word, name in given.get("values", {}).items()},
        "genders": [gender for gender, _ in files],
    }
    return found | {"labels": labels, "tables": [file for _, file in files]}


def _columns(key: str, given: dict) -> dict[str, str]:
    """The column of each field that is given."""
    try:
        named = groups(given.get("pattern"))
    except re.error as error:
        raise InputError(
            f"{key}.pattern is {given['pattern']}, which is no regular expression: {error}."
        ) from error
    columns = {name: name for name in named if name in FIELDS}
    columns |= {"gender": "gender"} if "lists" in given else {}
    columns |= {name: given[name].lower() for name in FIELDS if name in given}
    if "gender" not in columns or not ({"tables", "lists"} & set(given) or named):
        raise InputError(
            f"{key} must name the gender of each photo: `gender`, a column of `tables`, or `lists` "
            "by gender, or a group (?P<gender>…) of `pattern`."
        )
    return columns | dict(zip(BOX_COLUMNS, map(str.lower, given.get("box", [])), strict=False))


def groups(pattern: str | None) -> list[str]:
    """The names of a pattern's groups."""
    return [name.lower() for name in re.compile(pattern or "").groupindex]


def _named_files(lists: dict) -> list[tuple[str, str]]:
    """Name and file of each list."""
    return [(name, file) for name, files in lists.items() for file in as_list(files)]


def as_list(value: str | list[str]) -> list[str]:
    """A value, or a list of several, as a list."""
    return value if isinstance(value, list) else [value]
