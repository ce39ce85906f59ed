"""Facts about a JPEG that can be read without decoding it."""

from collections.abc import Iterator

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 (ITU-T T.81)


def is_truncated(data: bytes) -> bool:
    """Whether there is no end marker after the start of the first scan, where it is never data.

    A thumbnail before the scan, or the film of a "motion photo" after it, may have any bytes.
    """
    scan = next((at for marker, at in _segments(data) if marker == SCAN), 0)
    return data.find(END, scan) < 0


def frame_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) in pixels by the first frame header; None if there is none."""
    for marker, at in _segments(data):
        if marker in FRAME_MARKERS and at + 9 <= len(data):
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return height, int.from_bytes(data[at + 7 : at + 9], "big")
    return None


def has_several_scans(data: bytes) -> bool:
    """Whether a decoder has to keep all coefficients until the last of several scans."""
    at = dict(_segments(data))
    frame, scan = min(FRAME_MARKERS & at.keys(), default=SCAN), at.get(SCAN, 0)
    components = at.get(frame, 0) + 9
    return frame > 0xC1 or data[components : components + 1] != data[scan + 4 : scan + 5]


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
