"""Walk folders of photos; links to other folders are followed, but never in a circle."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Content(NamedTuple):
    """What is in one folder, sorted by name."""

    folders: list[Path]
    files: list[Path]  # everything except folders
    circles: list[Path]  # links to a folder that this folder is in; they are not followed


def walk(folder: Path) -> Iterator[Content]:
    """Yield the content of a folder and of all folders in it; links are followed.

    Each folder comes before those in it, and these in the order of their names. A folder that
    cannot be read is left out.
    """
    for place, folders, files in os.walk(folder, followlinks=True):
        around = {
            above
            for path in (Path(place), *Path(place).parents)
            for above in (path.resolve(), *path.resolve().parents)
        }
        inner = [Path(place, name) for name in sorted(folders)]
        circles = [path for path in inner if path.is_symlink() and path.resolve() in around]
        inner = [path for path in inner if path not in circles]
        folders[:] = [path.name for path in inner]
        yield Content(inner, [Path(place, name) for name in sorted(files)], circles)
