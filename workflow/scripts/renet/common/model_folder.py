"""Names of the files of a model, in the folder of a run or for a model hub."""

from pathlib import Path

MODELS = ("model.pt", "model.safetensors")  # in the folder of a run, and in one for a model hub
DESCRIPTION = "config.json"  # beside safetensors


def model_in(place: str | Path) -> Path:
    """Model in a folder of a run or for a model hub; any other path stays as it is."""
    return next((path for name in MODELS if (path := Path(place, name)).is_file()), Path(place))
