"""Read facts about a JPEG without decoding it."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 (ITU-T T.81)
FRAME_BYTES = 10  # from a frame's marker to its number of components


class Header(NamedTuple):
    """Facts that decide how a JPEG is decoded. A file without a frame has height and width 0."""

    height: int
    width: int
    several_scans: bool  # whether a decoder has to keep all coefficients until the last scan
    # Whether no end marker follows the start of the first scan. The data of a scan never has the
    # marker's bytes; a thumbnail before it, or a "motion photo" film after its end, can have them.
    truncated: bool


def read_header(data: bytes) -> Header:
    """Read the header of a JPEG; for any other file, height and width are 0."""
    offsets = dict(_segments(data))
    scan, frame = offsets.get(SCAN, 0), min(FRAME_MARKERS & offsets.keys(), default=SCAN)
    truncated = data.rfind(END, scan) < 0
    if frame == SCAN or offsets[frame] + FRAME_BYTES > len(data):
        return Header(0, 0, several_scans=False, truncated=truncated)
    height, width, components = struct.unpack_from(">HHB", data, offsets[frame] + 5)
    several_scans = frame > 0xC1 or data[scan + 4 : scan + 5] != bytes([components])
    return Header(height, width, several_scans, truncated)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (marker, offset) of each segment up to the first scan."""
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
