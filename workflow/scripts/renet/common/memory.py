"""Errors that tell of a lack of memory, by what they say: PyTorch has no class for most of them."""

import textwrap

# Of Python, of PyTorch on a GPU and on a CPU, of the CUDA driver, and of cuBLAS and cuDNN.
SIGNS = "MemoryError", "out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED"


def shortage(error: BaseException) -> str | None:
    """What an error says of a lack of memory, in short; None for any other error."""
    text = f"{type(error).__name__}: {error}"
    lacks_memory = isinstance(error, MemoryError | RuntimeError) and any(
        sign in text for sign in SIGNS
    )
    return textwrap.shorten(text, 200) if lacks_memory else None
