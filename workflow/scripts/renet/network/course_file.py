"""The course's text file of predictions; an edit of this module reruns no fold and no page."""

from pathlib import Path

import numpy as np

from renet.common import files


def write_course_format(path: Path, probabilities: np.ndarray, targets: np.ndarray) -> None:
    """Write the text file of the course's `save_inference` (section 3.2.7), with correct targets.

    Unless the batch size divides the number of samples, the course's code writes the targets of
    other samples, because it reads them from an iterator that wraps round.
    """
    lines = ["inference, target"]
    lines += [
        f"[{', '.join(map(str, row))}], {target}"
        for row, target in zip(probabilities.astype(np.float32).tolist(), targets, strict=True)
    ]
    files.write_text(path, "\n".join(lines) + "\n")
