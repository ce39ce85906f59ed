"""Verification of files against the digests of the config."""

import hashlib
import re
from pathlib import Path

from renet.archives import file_kinds
from renet.common.errors import InputError
from renet.common.progress import Progress

BLOCK_BYTES = 1 << 20
HEX_DIGITS = {"md5": 32, "sha256": 64}


def parse_digest(digest: str | None) -> str | None:
    """A digest of the config in lower case; None if the config gives none.

    Raises:
        InputError: it is neither `md5:` with 32 nor `sha256:` with 64 hexadecimal digits.
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
    """The digest of a file, and what is wrong with the file as a phrase, or None.

    With an expected digest, the digest alone decides. Without one, the digest is a SHA-256, and the
    file must be of the kind that its `name` promises.
    """
    algorithm = expected.partition(":")[0] if expected else "sha256"
    digest = compute_digest(path, algorithm)
    if expected is None:
        promised, agrees = file_kinds.promised_kind(path, name)
        return digest, None if agrees else f"{promised} was expected"
    return digest, None if digest == expected else f"{expected} was expected, {digest} came"


def compute_digest(path: Path, algorithm: str) -> str:
    """`<algorithm>:<hex>` of a whole file."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with Progress.of_file(path, f"{algorithm} of {path.name}") as handle:
        while block := handle.read(BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"
