"""Read archives in place: the offset and size of each member, and its bytes.

Nothing is unpacked: no path in an archive reaches the file system, and the files stay few.
"""

import logging
import os
import tarfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import pandas as pd

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.common.table import UNPRINTABLE, Table

# members.csv: `file` is the position of the archive in the source's list.
MEMBERS = Table({"file": int, "member": str, "offset": int, "size": int})
READ_BYTES = 1 << 20


class Member(NamedTuple):
    """One regular file of a tar; offset and size are in bytes."""

    name: str
    offset: int
    size: int


class _Header(tarfile.TarInfo):
    """A header whose size is checked: tarfile would seek backwards, or read gigabytes of a name."""

    IN_MEMORY = (b"L", b"K", b"x", b"g", b"X")  # long names and extended headers
    MAX_IN_MEMORY = 1 << 20

    @property
    def size(self) -> int:  # type: ignore[override]
        """Size in bytes, from the header or from an extended one."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if size < 0:
            raise tarfile.ReadError(f"a header has the size {size}")
        self._size = size

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Read what belongs to a header: the method that tarfile lets subclasses override."""
        if self.type in self.IN_MEMORY and self.size > self.MAX_IN_MEMORY:
            raise tarfile.ReadError(f"a name or an extended header has {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


def tar_members(tar_path: str | Path, *, verified: bool = False) -> Iterator[Member]:
    """Regular files of a tar, in its order, from one pass over the headers.

    Links, devices, absolute names and names with `..` or control characters are skipped and counted
    in the log: no photo of the data set is among them. Unless the digest of the file is `verified`,
    bytes behind the end mark are an error: a header is lost, or another tar follows.

    Raises:
        InputError: the file is not a tar, or it ends in the middle of a member.
    """
    skipped: Counter[str] = Counter()
    archive_bytes = Path(tar_path).stat().st_size
    try:
        for header in _headers(tar_path, verified):
            if reason := _skip_reason(header):
                skipped[reason] += 1
            elif header.offset_data + header.size > archive_bytes:
                raise tarfile.ReadError(f"{header.name} ends after the end of the file")
            else:
                name = str(PurePosixPath(header.name))  # without `./` and doubled slashes
                yield Member(name, header.offset_data, header.size)
    except Exception as error:  # tarfile raises anything on damaged extended headers
        raise InputError(
            f"{tar_path} is not a complete tar archive ({error}). Put an intact copy in its place; "
            "if it was downloaded, delete it and its receipt to download it again."
        ) from error
    for reason, count in skipped.items():
        logging.warning("%s: %d members are skipped: %s", tar_path, count, reason)


def _headers(tar_path: str | Path, verified: bool) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(tar_path, "r:", errors="replace", tarinfo=_Header) as archive:
        while (header := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # tarfile would keep all headers
            if not header.isdir():
                yield header
        # tarfile takes a damaged header or a cut for the end, which is a block of zeros.
        with Path(tar_path).open("rb") as handle:
            handle.seek(archive.offset)
            block = handle.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
                raise tarfile.ReadError(
                    f"at byte {archive.offset} there is neither a member nor the end mark"
                )
            while not verified and (block := handle.read(READ_BYTES)):
                if block.strip(b"\0"):
                    raise tarfile.ReadError(
                        f"bytes follow the end mark at byte {archive.offset}, which is accepted "
                        "if the config gives the archive's digest"
                    )


def _skip_reason(header: tarfile.TarInfo) -> str | None:
    if not header.isreg() or header.issparse():
        return "neither file nor folder"
    if header.name.startswith("/") or ".." in header.name.split("/"):
        return "path leads out of the archive"
    return "control characters in the name" if UNPRINTABLE.search(header.name) else None


def index(tar_paths: Iterable[str | Path], verified: Collection[str] = ()) -> pd.DataFrame:
    """Index the members of all files of a source, some of them verified, as the table `MEMBERS`."""
    rows = []
    with Progress(desc="index", unit=" members") as progress:
        for file_number, tar_path in enumerate(tar_paths):
            for member in tar_members(tar_path, verified=tar_path in verified):
                rows.append((file_number, *member))
                progress.update()
    table = MEMBERS.frame(rows)
    repeated = table.duplicated("member", keep="last")
    if repeated.any():
        fault = "%d member names occur more than once (such as %s); the last member is used"
        logging.warning(fault, repeated.sum(), table.member[repeated].iloc[0])
    return table[~repeated]


def read_member(tar: BinaryIO, offset: int, size: int) -> bytes:
    """The bytes of one member of an open tar, which must not have become shorter."""
    data = os.pread(tar.fileno(), size, offset)
    if len(data) != size:
        raise InputError(
            f"{tar.name} is shorter than when it was indexed; delete its receipt to get the "
            "archive again."
        )
    return data


def find_metadata(members_file: str | Path, database: str) -> tuple[int, Member]:
    """Find the only `<database>.mat` in members.csv: the number of its file, and its member."""
    members = MEMBERS.read(members_file)
    named = members[members.member.str.fullmatch(rf"(.*/)?{database}\.mat")]
    if len(named) != 1:
        raise InputError(
            f"The archives have {len(named)} files named {database}.mat, but one is needed; check "
            "`url` and `database` of this source in the config."
        )
    file, *place = next(named.itertuples(index=False, name=None))
    return file, Member(*place)
