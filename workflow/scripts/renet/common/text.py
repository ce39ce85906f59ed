"""Text from foreign files, made safe for a CSV file."""

import re

# What CSV or UTF-8 cannot represent: control characters and lone surrogates.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text with every control character and lone surrogate replaced."""
    return UNPRINTABLE.sub(REPLACEMENT, text)
