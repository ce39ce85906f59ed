"""Keys that take one value or several."""

from pathlib import Path


def as_list(value: str | list[str] | None) -> list[str]:
    """A value, several or none, as a list."""
    return value if isinstance(value, list) else [value] if value else []


def as_paths(value: str | list[str] | None) -> list[str]:
    """A path, several or none, as a list, with the home folder in place of ~."""
    return [str(Path(path).expanduser()) for path in as_list(value)]
