"""Text from foreign files, made fit for a line of a CSV."""

import re

# What a CSV, or UTF-8, cannot carry and bring back: control characters and lone surrogates.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text with each character that cannot be written down replaced."""
    return UNPRINTABLE.sub(REPLACEMENT, text)
