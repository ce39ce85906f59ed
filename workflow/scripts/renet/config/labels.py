"""Labels and subsets of an archive's photos that the config gives, beside a .mat file."""

import re
from pathlib import Path

from renet.common.errors import InputError
from renet.common.imdb_wiki import BOX_COLUMNS, LABELS, TABLE

FIELDS = ("gender", "subject", "age", "year")  # each is a column that `labels` names


def read(key: str, settings: dict) -> dict:
    """The labels, tables and lists of the archive with this key, `archives.<name>`.

    Returns:
        `labels`, the values of `renet.metadata.own_photos.Labels`, or None; `tables`, their files;
        and `lists`, files with the subset of each in `subsets`.
    """
    table, given, split = settings.get("table"), settings.get("labels"), settings.get("split", {})
    is_table = settings["database"] == TABLE
    if (table is not None) + (is_table and given is not None) != is_table:
        fault = "needs either `table` or `labels`" if is_table else "cannot have a `table`"
        raise InputError(f"`{key}` {fault}, because its `database` is {settings['database']}.")
    if "split" in settings and ("from" in split) == ("lists" in split):
        raise InputError(f"`{key}.split` needs either `from` or `lists`, and not both.")
    lists = _named_files(split.get("lists", {}))
    found = {"lists": [file for _, file in lists], "subsets": [subset for subset, _ in lists]}
    if "from" in split and not (table or (given or {}).get("tables")):
        raise InputError(
            f"`{key}.split.from` names a column, but the archive has no table; add one."
        )
    subset = {"subset": split["from"].lower()} if "from" in split else {}
    if given:
        files = [("", file) for file in as_paths(given.get("tables", []))]
        files += _named_files(given.get("lists", {}))
        labels = _labels(f"{key}.labels", given, settings["photos"], subset)
        labels["genders"] = [gender for gender, _ in files]
        return found | {"labels": labels, "tables": [file for _, file in files]}
    own = {name: name for name in LABELS} | subset
    required = ["path", "gender", *subset.values()]
    labels = {"columns": own, "required": required}
    return found | {"labels": labels if table else None, "tables": as_paths(table or [])}


def _labels(key: str, given: dict, photos: str, subset: dict[str, str]) -> dict:
    """The values of `Labels`, but for `genders`."""
    pattern, path = given.get("pattern", ""), given.get("path", "path")
    try:
        groups = [name.lower() for name in re.compile(pattern).groupindex]
    except re.error as error:
        raise InputError(
            f"`{key}.pattern` is {pattern}, which is not a regular expression: {error}."
        ) from error
    if "box" in given and photos == "crop":
        raise InputError(
            f"`{key}.box` gives boxes in whole photos, but `photos` is crop; remove it, or use "
            "whole photos with `photos: whole`."
        )
    columns = {name: name for name in groups if name in FIELDS}
    columns |= {"gender": "gender"} if "lists" in given else {}
    columns |= {name: given[name].lower() for name in FIELDS if name in given} | subset
    columns |= dict(zip(BOX_COLUMNS, map(str.lower, given.get("box", [])), strict=False))
    path = path if "{" in path else f"{{{path}}}"
    path = re.sub("{.+?}", lambda column: column[0].lower(), path)
    named = re.findall("{(.+?)}", path)
    in_path = [name for name in named if name not in groups]
    if len(in_path) < len(named):  # the groups are found in a column `path`
        in_path = list(dict.fromkeys([*in_path, "path"]))
    return {
        "columns": columns,
        "required": [*in_path, *sorted(set(columns.values()) - {*groups, *in_path})],
        "path": path,
        "in_path": in_path,
        "pattern": pattern,
        "groups": groups,
        "values": {str(word).lower(): name for word, name in given.get("values", {}).items()},
    }


def _named_files(lists: dict) -> list[tuple[str, str]]:
    """Name and file of each list."""
    return [(name, file) for name, files in sorted(lists.items()) for file in as_paths(files)]


def as_list(value: str | list[str]) -> list[str]:
    """A value, or a list of several, as a list."""
    return value if isinstance(value, list) else [value]


def as_paths(value: str | list[str]) -> list[str]:
    """A path, or several, as a list, with the home folder in place of ~."""
    return [str(Path(path).expanduser()) for path in as_list(value)]
