"""The tables of a run's faces and layers, which gallery.py and explain.py write for its page."""

from renet.common.table import Table
from renet.evaluation.inference_table import INFERENCE

EXAMPLES, MISTAKES, HARD_CASES = "examples", "mistakes", "hard_cases"

# gallery.csv and saliency.csv: the predictions that the images show, and where in the image.
GALLERY = Table({"gallery": str, "x": int, "y": int, **INFERENCE.columns})
SALIENCY = Table({"y": int, "largest_drop": float, **INFERENCE.columns})

# layers.csv: the layers of a network in their order, for one image.
LAYERS = Table({"layer": str, "kind": str, "output": str, "parameters": int, "operations": int})
