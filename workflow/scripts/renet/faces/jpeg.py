"""Facts about a JPEG that can be read without decoding it."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 (ITU-T T.81)
FRAME_BYTES = 10  # from its marker to its number of components


class Header(NamedTuple):
    """The part of a JPEG's header that decides how it is decoded; zeros for what is missing."""

    height: int = 0
    width: int = 0
    several_scans: bool = False  # whether a decoder has to keep all coefficients until the last
    scan: int = 0  # offset of the first scan

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.height * self.width


def read_header(data: bytes) -> Header:
    """The header of a JPEG, or an empty one of another file."""
    offsets = dict(_segments(data))
    scan, frame = offsets.get(SCAN, 0), min(FRAME_MARKERS & offsets.keys(), default=SCAN)
    if frame == SCAN or offsets[frame] + FRAME_BYTES > len(data):
        return Header(scan=scan)
    height, width, components = struct.unpack_from(">HHB", data, offsets[frame] + 5)
    several_scans = frame > 0xC1 or data[scan + 4 : scan + 5] != bytes([components])
    return Header(height, width, several_scans, scan)


def is_truncated(data: bytes, header: Header) -> bool:
    """Whether there is no end marker after the start of the first scan, where it is never data.

    A thumbnail before the scan, or the film of a "motion photo" after it, may have any bytes.
    """
    return data.rfind(END, header.scan) < 0  # from the end, where it mostly is


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and offset of each segment up to the first scan."""
    if not data.startswith(START):
        return
    at, marker = len(START), None
    while marker != SCAN and at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        yield marker, at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
