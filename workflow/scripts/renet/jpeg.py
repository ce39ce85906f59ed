"""What can be seen in a JPEG's bytes without decoding them."""

START, SCAN, END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 (ITU-T T.81)


def is_truncated(data: bytes) -> bool:
    """Whether the end marker is missing: it has to come after the last scan's start.

    Within a scan neither marker can occur as data.
    """
    return data.rfind(END) < data.rfind(SCAN)


def frame_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) in pixels as the first frame header says; None if there is none in sight."""
    if not data.startswith(START):
        return None
    at = len(START)
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in FRAME_MARKERS:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return height, int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
