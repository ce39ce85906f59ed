"""Read tars in place: list the offset and size of each member, and read a member's bytes.

Nothing is unpacked: no path in a tar can harm the disk, and the photos stay in a few large files.
"""

import logging
import os
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import pandas as pd

from renet.common.errors import InputError
from renet.common.progress import Progress
from renet.common.table import UNPRINTABLE, Table, printable

READ_BYTES = 1 << 20
EXAMPLES = 3  # names of skipped members in the log
# members.csv: `file` is the index of the archive among the source's files, from 0.
MEMBERS = Table({"file": int, "member": str, "offset": int, "size": int})


class Member(NamedTuple):
    """One regular file of a tar; offset and size are in bytes."""

    name: str
    offset: int
    size: int


def tar_members(tar_path: str | Path) -> Iterator[Member]:
    """Yield the regular files of a tar in its order, in one pass over the headers.

    Links, devices, absolute names and names with `..` or control characters are skipped; the log
    has their number and the first three names. No photo of IMDB-WIKI is skipped.

    Raises:
        InputError: the file is not a tar, or it ends in the middle of a member.
    """
    skipped, examples = Counter[str](), defaultdict[str, list[str]](list)
    archive_bytes = Path(tar_path).stat().st_size
    try:
        for header in _headers(tar_path):
            if reason := _skip_reason(header):
                skipped[reason] += 1
                if skipped[reason] <= EXAMPLES:
                    examples[reason].append(printable(header.name))
            elif not 0 <= header.size <= archive_bytes - header.offset_data:
                raise tarfile.ReadError(f"{header.name} of {header.size:,} bytes is cut off")
            else:
                name = str(PurePosixPath(header.name))  # without `./` and doubled slashes
                yield Member(name, header.offset_data, header.size)
    except (MemoryError, OSError):
        raise  # an error of the machine, not of the archive
    except Exception as error:  # tarfile raises anything on damaged extended headers
        raise InputError(
            f"{tar_path} is not a complete tar archive ({error}). Put an intact copy in its place; "
            "or, if it was downloaded, delete it and its receipt (.json beside it) and start again."
        ) from error
    for reason, count in skipped.items():
        names = ", ".join(examples[reason]) + (", …" if count > EXAMPLES else "")
        logging.warning("%s: %d members are skipped: %s (%s)", tar_path, count, reason, names)


def _headers(tar_path: str | Path) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(tar_path, "r:", errors="replace") as archive:
        while (header := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # tarfile would keep all headers
            if not header.isdir():
                yield header
        # tarfile treats a damaged header or a cut as the end. A true end is a block of zeros.
        with Path(tar_path).open("rb") as handle:
            handle.seek(archive.offset)
            block = handle.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
                raise tarfile.ReadError(
                    f"at byte {archive.offset} there is neither a member nor the end mark"
                )
            while block := handle.read(READ_BYTES):
                if block.strip(b"\0"):  # a header is lost, or another tar follows
                    fault = "%s: the bytes behind the end mark at byte %d are not read"
                    logging.warning(fault, tar_path, archive.offset)
                    break


def _skip_reason(header: tarfile.TarInfo) -> str | None:
    if not header.isreg() or header.issparse():
        return "neither file nor folder"
    if header.name.startswith("/") or ".." in header.name.split("/"):
        return "path leads out of the archive"
    return "control characters in the name" if UNPRINTABLE.search(header.name) else None


def index(tar_paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return the table `MEMBERS` of a source's tars; of members with one name, only the last."""
    numbered = enumerate(tar_paths)
    rows = ((number, *member) for number, path in numbered for member in tar_members(path))
    table = MEMBERS.frame(Progress(rows, desc="index", unit=" members"))
    repeated = table.duplicated("member", keep="last")
    if repeated.any():
        fault = "%d member names occur more than once (such as %s); the last member is used"
        logging.warning(fault, repeated.sum(), table.member[repeated].iloc[0])
    return table[~repeated]


def read_member(tar: BinaryIO, offset: int, size: int) -> bytes:
    """Read the bytes of one member of an open tar; InputError if the tar has become shorter."""
    data = os.pread(tar.fileno(), size, offset)
    if len(data) != size:
        raise InputError(
            f"{tar.name} is shorter than when it was indexed; restore it, or delete its receipt "
            "(a .json file in the source's folder of `pathvars.resources`), and start again."
        )
    return data


def find_metadata(members_file: str | Path, database: str) -> tuple[int, Member]:
    """Find the only `<database>.mat` in members.csv; return its archive's index and the member."""
    members = MEMBERS.read(members_file)
    named = members[members.member.str.fullmatch(rf"(.*/)?{database}\.mat")]
    if len(named) != 1:
        raise InputError(
            f"{members_file} lists {len(named)} files named {database}.mat in place of one file; "
            "check `url` and `database` of this source in the config."
        )
    file, *place = next(named.itertuples(index=False, name=None))
    return file, Member(*place)
