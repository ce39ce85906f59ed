"""Find the delimiter of a user's CSV, for the config and `user_tables`; imports no package."""

from collections.abc import Iterable

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def find_delimiter(header: str, required: Iterable[str]) -> str:
    """Return the delimiter that splits `header` into the most `required` column names."""

    def named(delimiter: str) -> int:
        names = {name.strip().strip('"').lower() for name in header.split(delimiter)}
        return len(names & set(required))

    return max(DELIMITERS, key=named)
