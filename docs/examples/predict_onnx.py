"""Predict photos with an exported ONNX file as predict.py does, without PyTorch and this project.

    python docs/examples/predict_onnx.py results/runs/renet/model.onnx face.jpg

Each photo is cropped to the face with its margin. Blend a photo with transparent pixels with white
before.
"""

import json
import sys
from pathlib import Path

import cv2
import onnxruntime

if not Path(*sys.argv[1:2]).is_file():
    sys.exit("Name a model.onnx, which `export: [onnx]` in the config writes, and photos.")
model, *names = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
height, width = session.get_inputs()[0].shape[2:]
known = json.loads(session.get_modelmeta().custom_metadata_map["renet"])
margin = known["ready_made_crops"]["margin"]


def kept(side: int) -> slice:
    """The pixels of a side that trimming leaves; the archives' crops have a margin of 0.4."""
    cut = 0 if margin is None else round(side * max(0.4 - margin, 0) / 1.8)
    return slice(cut, side - cut)


for name in names:
    try:
        photo = cv2.imread(name)
    except cv2.error:  # too many pixels
        photo = None
    if photo is None:
        print(f"{name} is missing, damaged or too large; give another photo.", file=sys.stderr)
        continue
    is_jpeg = Path(name).read_bytes().startswith(b"\xff\xd8")
    half = kept(min(photo.shape[:2]) // 2)
    if is_jpeg and half.stop - half.start >= 2 * max(height, width):
        photo = cv2.imread(name, cv2.IMREAD_REDUCED_COLOR_2)  # as the training faces were decoded
    photo = photo[kept(photo.shape[0]), kept(photo.shape[1])]
    shrinks = photo.shape[0] * photo.shape[1] > height * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    face = cv2.resize(photo, (width, height), interpolation=method)
    faces = cv2.cvtColor(face, cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None]  # (1, 3, height, width)
    female, male = session.run(None, {"faces": faces})[0][0]
    print(f"{name}: female {female:.5f}, male {male:.5f}")
