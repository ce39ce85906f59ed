"""Folders of a user's photos, through links to other folders, and never in a circle."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Content(NamedTuple):
    """What is in one folder, sorted by name."""

    folder: Path
    folders: list[Path]
    files: list[Path]  # all that is no folder
    circles: list[Path]  # links to a folder that this folder is in; they are not followed


def walk(folder: Path) -> Iterator[Content]:
    """Yield the content of a folder and of all folders in it, as os.walk does; links are followed.

    Each folder comes before those in it, and these in the order of their names. A folder that
    cannot be read is left out.
    """
    pending: list[tuple[Path, tuple[Path, ...]]] = [(folder, (folder.resolve(),))]
    while pending:
        place, around = pending.pop()
        content, inside = Content(place, [], [], []), []
        try:
            paths = sorted(place.iterdir())
        except OSError:
            continue
        for path in paths:
            if not path.is_dir():
                content.files.append(path)
                continue
            target = path.resolve()
            if path.is_symlink() and any(target in (one, *one.parents) for one in around):
                content.circles.append(path)
            else:
                content.folders.append(path)
                inside.append((path, (*around, target)))
        pending.extend(reversed(inside))  # the last one is taken first
        yield content


def subfolders(folder: Path) -> list[str]:
    """All folders in a folder: a new file changes the time stamp of its own folder only."""
    return sorted(str(path) for content in walk(folder) for path in content.folders)
