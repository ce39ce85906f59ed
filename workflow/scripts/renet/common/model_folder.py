"""Names of the files of a model, in the folder of a run or for a model hub."""

from pathlib import Path

MODELS = ("model.pt", "model.safetensors")  # in the folders of runs, and for a model hub
DESCRIPTION = "config.json"  # beside safetensors


def model_in(place: str | Path) -> Path:
    """Return the model file in a run's or model hub's folder; return any other path unchanged."""
    return next((path for name in MODELS if (path := Path(place, name)).is_file()), Path(place))
