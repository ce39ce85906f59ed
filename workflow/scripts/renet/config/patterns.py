"""What Snakemake reads as a pattern in a path: `{wildcard}` and `<path variable>`."""

import re

from renet.common.errors import InputError

WILDCARD = re.compile(r"[{}]")
PATH_VARIABLE = re.compile(r"<[a-z][a-z0-9_]*>")


def refuse(what: str, path: str) -> None:
    """Refuse a path that Snakemake would read as a pattern.

    Args:
        what: the beginning of the sentence, as `datasheet is {notes}.md`.

    Raises:
        InputError: it has braces, or a word in angle brackets.
    """
    if WILDCARD.search(path):
        raise InputError(f"{what}, whose braces Snakemake would read as wildcards; rename it.")
    if found := PATH_VARIABLE.search(path):
        raise InputError(
            f"{what}, whose {found[0]} Snakemake would read as a path variable; rename it."
        )
