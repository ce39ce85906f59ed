"""Scripts of the rules as modules, for the commands of an editable installation."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2])]
