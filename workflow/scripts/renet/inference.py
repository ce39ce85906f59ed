"""Runs a network over faces and writes down what it answers, one row a sample."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from renet import files, steps
from renet.batches import StreamedFaces
from renet.models import ReNet
from renet.progress import Progress

BATCH_SIZE = 128


def logits(
    model: ReNet,
    pixels: np.ndarray,
    device: torch.device,
    precision: str = "float32",
    progress: bool = False,
) -> np.ndarray:
    """The network's answers in inference mode, in the order of the faces.

    Args:
        model: on `device`; it is left in evaluation mode.
        pixels: (N, C, H, W) uint8, mapped or in memory.

    Returns:
        (N, classes) float64.
    """
    model.eval()
    answers = []
    rows = [
        np.arange(start, min(start + BATCH_SIZE, len(pixels)))
        for start in range(0, len(pixels), BATCH_SIZE)
    ]
    feed = StreamedFaces(pixels, np.zeros(len(pixels), np.int64), device)
    with Progress(
        total=len(pixels), desc="infer", unit=" img", disable=Progress.off or not progress
    ) as bar:
        for batch, _ in feed.batches(rows):
            answers.append(steps.answer(model, batch, precision).double())
            bar.update(len(batch))
    if not answers:
        return np.zeros((0, model.architecture.classes))
    return torch.cat(answers).cpu().numpy()


def softmax(values: np.ndarray) -> np.ndarray:
    """Class probabilities from logits, both (N, classes) float64."""
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def tabulate(samples: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """The inference table: one row a sample, in the order of the HDF5 file.

    Args:
        samples: the table beside the HDF5 file.
        probabilities: (N, 2), of female and male.

    Returns:
        `id, path, source, subject, subset, target, p_female, p_male, predicted, correct, age, year,
        face_score, crop_width, crop_height, grey`; a tie counts for the lower class, as in neon.
    """
    predicted = probabilities.argmax(axis=1)
    answers = samples[["id", "path", "source", "subject", "subset", "target"]].assign(
        p_female=probabilities[:, 0],
        p_male=probabilities[:, 1],
        predicted=predicted,
        correct=(predicted == samples.target).astype(int),
    )
    known = ["age", "year", "face_score", "crop_width", "crop_height", "grey"]
    return pd.concat([answers, samples[known]], axis=1)


def write_seed_format(path: str | Path, probabilities: np.ndarray, targets: np.ndarray) -> None:
    """Write the text file of the course's `save_inference` (section 3.2.7), with right targets.

    The course's own code reads the targets from an iterator that wraps round, and pairs outputs
    with the targets of other samples unless the batch size divides the number of samples.
    """
    lines = ["inference, target"]
    lines += [
        f"[{', '.join(map(str, row))}], {target}"
        for row, target in zip(probabilities.astype(np.float32).tolist(), targets, strict=True)
    ]
    files.write_text(path, "\n".join(lines) + "\n")
