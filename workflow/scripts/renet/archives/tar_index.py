"""Archives that are read where they lie: where each member's bytes are, and those bytes.

Nothing is ever unpacked, so no path inside an archive can reach the file system, and half a million
photos stay a handful of files.
"""

import io
import logging
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

import pandas as pd

from renet.common.errors import InputError
from renet.common.imdb_wiki import TABLE
from renet.common.progress import Progress
from renet.common.text import UNPRINTABLE

MAX_MAT_BYTES = 1 << 30  # imdb.mat has about a tenth of it
INDEX_COLUMNS = ["file", "member", "offset", "size"]


class Member(NamedTuple):
    """One regular file of a tar: its name, and the place and number of its bytes."""

    name: str
    offset: int
    size: int


class _Header(tarfile.TarInfo):
    """A member's header: of a plain file no more is decoded than is asked for, in half the time."""

    OCTAL = re.compile(rb"0*([0-7]+)[ \0]*")
    IN_MEMORY = (b"L", b"K", b"x", b"g", b"X")  # long names and extended headers: read as a whole
    MAX_IN_MEMORY = 1 << 20

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        """As tarfile's own, which is asked for whatever is not plain, or damaged.

        Sizes that would take tarfile backwards, or gigabytes into memory, are damage too.
        """
        # A regular file in a header of POSIX or GNU, whose name needs no prefix.
        if len(buf) == tarfile.BLOCKSIZE and buf[156:157] == tarfile.REGTYPE and not buf[345]:
            size, checksum = cls.OCTAL.fullmatch(buf, 124, 136), cls.OCTAL.fullmatch(buf, 148, 156)
            computed = sum(buf) - sum(buf[148:156]) + 8 * ord(" ")
            if buf[257:262] == b"ustar" and size and checksum and int(checksum[1], 8) == computed:
                header = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors))
                header.size = int(size[1], 8)
                return header
        header = super().frombuf(buf, encoding, errors)
        too_much = header.type in cls.IN_MEMORY and header.size > cls.MAX_IN_MEMORY
        if header.size < 0 or too_much:
            raise tarfile.InvalidHeaderError(f"a header with the size {header.size}")
        return header


def tar_members(tar_path: str | Path) -> Iterator[Member]:
    """The regular files of a tar, in its order, found in one pass over the headers.

    Links, devices, absolute names and names with `..` or control characters are passed over and
    counted in the log: no photo of the data set is one.

    Raises:
        InputError: the file is not a tar, or it ends in the middle of a member.
    """
    passed_over: Counter[str] = Counter()
    archive_bytes = Path(tar_path).stat().st_size
    try:
        with tarfile.open(tar_path, "r:", errors="replace", tarinfo=_Header) as archive:
            start = -1
            while (header := archive.next()) is not None:
                if header.size < 0 or archive.offset <= start:  # as an extended header may say
                    raise tarfile.ReadError(f"{header.name} has the size {header.size}")
                start = archive.offset
                archive.members = []  # tarfile would keep every header for its own look-ups
                if header.isdir():
                    continue
                name = header.name
                if not header.isreg() or header.issparse():
                    passed_over["neither file nor folder"] += 1
                elif name.startswith("/") or ".." in name.split("/"):
                    passed_over["path leads out of the archive"] += 1
                elif UNPRINTABLE.search(name):
                    passed_over["control characters in the name"] += 1
                elif header.offset_data + header.size > archive_bytes:
                    raise tarfile.ReadError(f"{header.name} ends after the end of the file")
                else:
                    yield Member(_normalised(name), header.offset_data, header.size)
            _check_end(tar_path, archive.offset)
    except Exception as error:  # tarfile raises anything on damaged extended headers
        raise InputError(
            f"{tar_path} is not a whole tar archive ({error}); if it was downloaded, delete it and "
            "its receipt to get it again, else put a whole copy in its place."
        ) from error
    for kind, count in passed_over.items():
        logging.warning("%s: %d members passed over: %s", tar_path, count, kind)


def _normalised(name: str) -> str:
    """A member's name without `./` and doubled slashes."""
    return str(PurePosixPath(name)) if "./" in name or "//" in name else name


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
    return pd.read_csv(members_file, keep_default_na=False, dtype={"member": str})


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


class _Window(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, path: str | Path, offset: int, size: int):
        self._file = io.FileIO(path)
        self._offset, self._size, self._at = offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        length = max(min(len(buffer), self._size - self._at), 0)
        self._file.seek(self._offset + self._at)
        count = self._file.readinto(memoryview(buffer)[:length])
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_member(tar_path: str | Path, offset: int, size: int) -> io.BufferedReader:
    """One member as a file open for reading, of which no more than is asked for is in memory."""
    return io.BufferedReader(_Window(tar_path, offset, size))


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
    if found["size"].iloc[0] > MAX_MAT_BYTES:
        raise InputError(
            f"{found.member.iloc[0]} has {found['size'].iloc[0]:,} bytes, and IMDB-WIKI's .mat "
            "files have a tenth of a gigabyte; check url and database of this source."
        )
    return found.iloc[0]
