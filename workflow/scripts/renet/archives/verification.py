"""Whether the bytes of a file are those that the config expects."""

import hashlib
import re
from pathlib import Path

from renet.archives import file_kinds
from renet.common.errors import InputError
from renet.common.progress import Progress

BLOCK_BYTES = 1 << 20
HEX_DIGITS = {"md5": 32, "sha256": 64}


def parse_digest(digest: str | None) -> str | None:
    """A digest of the config in lower case, or None where it gives none.

    Raises:
        InputError: it is neither `md5:` nor `sha256:` with as many hexadecimal digits as it takes.
    """
    if digest is None:
        return None
    algorithm, _, digits = digest.lower().partition(":")
    if len(digits) != HEX_DIGITS.get(algorithm) or not re.fullmatch("[0-9a-f]+", digits):
        raise InputError(
            f"The digest {digest!r} is neither md5: with 32 hexadecimal digits nor sha256: with 64."
        )
    return f"{algorithm}:{digits}"


def examine(path: Path, name: str, expected: str | None) -> tuple[str, str | None]:
    """The digest of a file, and what is wrong with it, in words, or None.

    Without an expected digest the kind of file that its `name` promises is all that can be
    checked, and the digest is a SHA-256; with one, the digest alone decides.
    """
    algorithm = expected.partition(":")[0] if expected else "sha256"
    digest = compute_digest(path, algorithm)
    if expected is None:
        promised, kept = file_kinds.promised_kind(path, name)
        return digest, None if kept else f"{promised} was expected"
    return digest, None if digest == expected else f"{expected} was expected, {digest} came"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file: a resumed download has to be read from its start."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    size = path.stat().st_size
    bar = Progress(desc=f"{algorithm} of {path.name}", total=size, unit="B", unit_scale=True)
    with path.open("rb") as handle, bar:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
            bar.update(len(block))
    return f"{algorithm}:{state.hexdigest()}"
