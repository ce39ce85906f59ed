"""Delimiter of a user's CSV, for the config and for `user_tables`; it imports no package."""

from collections.abc import Iterable

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def find_delimiter(header: str, required: Iterable[str]) -> str:
    """Delimiter with which a header names most of the required columns."""

    def named(delimiter: str) -> int:
        names = {name.strip().strip('"').lower() for name in header.split(delimiter)}
        return len(names & set(required))

    return max(DELIMITERS, key=named)
