"""Archives that are read where they lie: where each member's bytes are, and those bytes.

Nothing is ever unpacked, so no path inside an archive can reach the file system, and half a million
photos stay a handful of files.
"""

import logging
import os
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

import pandas as pd

from renet.errors import InputError
from renet.imdb_wiki import TABLE
from renet.progress import Progress

INDEX_COLUMNS = ["file", "member", "offset", "size"]


class Member(NamedTuple):
    """One regular file of a tar: its name, and the place and number of its bytes."""

    name: str
    offset: int
    size: int


def tar_members(tar_path: str | Path) -> Iterator[Member]:
    """The regular files of a tar, in its order, found in one pass over the headers.

    Links, devices, absolute names and names with `..` are passed over and counted in the log: no
    photo of the data set is one.

    Raises:
        InputError: the file is not a tar, or it ends in the middle of a member.
    """
    passed_over: Counter[str] = Counter()
    archive_bytes = Path(tar_path).stat().st_size
    try:
        with tarfile.open(tar_path, "r:", errors="replace") as archive:
            while (header := archive.next()) is not None:
                archive.members = []  # tarfile would keep every header for its own look-ups
                if header.isdir():
                    continue
                name = PurePosixPath(header.name)
                if not header.isreg() or header.issparse():
                    passed_over["neither file nor folder"] += 1
                elif name.is_absolute() or ".." in name.parts:
                    passed_over["path leads out of the archive"] += 1
                elif header.offset_data + header.size > archive_bytes:
                    raise tarfile.ReadError(f"{header.name} ends after the end of the file")
                else:
                    yield Member(str(name), header.offset_data, header.size)
            _check_end(tar_path, archive.offset)
    except tarfile.TarError as error:
        raise InputError(
            f"{tar_path} is not a whole tar archive ({error}); if it was downloaded, delete it and "
            "its receipt to get it again, else put a whole copy in its place."
        ) from error
    for kind, count in passed_over.items():
        logging.warning("%s: %d members passed over: %s", tar_path, count, kind)


def _check_end(tar_path: str | Path, offset: int) -> None:
    """tarfile takes a damaged header, or a cut between two members, for its end: zeros are."""
    with Path(tar_path).open("rb") as handle:
        handle.seek(offset)
        block = handle.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
        raise tarfile.ReadError(f"at byte {offset} there is neither a member nor the end mark")


def index(tar_paths: Iterable[str | Path]) -> pd.DataFrame:
    """Index the members of all files of a source.

    Returns:
        A table with the columns `file` (position in `tar_paths`), `member` (name), `offset` and
        `size` (bytes), in the order of the files. Of a name that stands twice in one source the
        last one counts, as it would be if the archives were unpacked.
    """
    rows = []
    with Progress(desc="index", unit=" members") as progress:
        for file_number, tar_path in enumerate(tar_paths):
            for member in tar_members(tar_path):
                rows.append((file_number, *member))
                progress.update()
    table = pd.DataFrame(rows, columns=INDEX_COLUMNS)
    repeated = table.duplicated("member", keep="last")
    if repeated.any():
        logging.warning(
            "%d member names stand more than once (such as %s); the last of each counts",
            repeated.sum(),
            table.member[repeated].iloc[0],
        )
    return table[~repeated]


def read_index(members_file: str | Path) -> pd.DataFrame:
    """Read back the table that `index` made."""
    return pd.read_csv(members_file, keep_default_na=False)


class Reader:
    """The bytes of members, from all files of a source, which stay open meanwhile."""

    def __init__(self, tar_paths: Sequence[str | Path]):
        self._tar_paths = tar_paths
        self._descriptors: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def read(self, file: int, offset: int, size: int) -> bytes:
        """The bytes of one member of the file number `file`.

        Raises:
            InputError: the file has become shorter than its index says.
        """
        if file not in self._descriptors:
            self._descriptors[file] = os.open(self._tar_paths[file], os.O_RDONLY)
        data = os.pread(self._descriptors[file], size, offset)
        if len(data) != size:
            raise InputError(
                f"{self._tar_paths[file]} is shorter than when it was indexed; delete its receipt "
                "to get the archive again."
            )
        return data


def read_bytes(tar_path: str | Path, offset: int, size: int) -> bytes:
    """The bytes of one member; see `Reader.read`."""
    with Reader([tar_path]) as reader:
        return reader.read(0, offset, size)


def photo_folder(members: pd.DataFrame, database: str) -> str:
    """The folder of the archives that the paths of a .mat file are relative to: its own."""
    if database == TABLE:
        return "."
    return str(PurePosixPath(find_metadata(members, database).member).parent)


def find_metadata(members: pd.DataFrame, database: str) -> pd.Series:
    """The index row of `<database>.mat`, whichever folder and file of the source it lies in.

    Raises:
        InputError: there is none, or more than one.
    """
    name = f"{database}.mat"
    found = members[members.member.str.endswith(f"/{name}") | (members.member == name)]
    if len(found) != 1:
        raise InputError(
            f"The archives hold {len(found)} files named {name} and one is needed; check url and "
            "database of this source in the config."
        )
    return found.iloc[0]
