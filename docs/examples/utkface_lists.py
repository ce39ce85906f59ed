"""Write train.txt, validation.txt and test.txt from UTKFace.json, for configs/utkface.yaml.

python docs/examples/utkface_lists.py UTKFace.json 0

The last argument is the number of a split of Facial-Age-Estimation-Benchmark, 0 to 4. It names the
photos of UTKFace by part, such as UTKFace/part1/1_0_0_20161219140623097.jpg; the aligned and
cropped ones have the same names.
"""

import json
import sys
from pathlib import Path

TEST = [8, 0, 2, 3, 4]  # first of the two folders of each split's test set; two before it validate

database, number = sys.argv[1:]
lists = {"train": [], "validation": [], "test": []}
for photo in json.loads(Path(database).read_text()):
    place = (photo["folder"] - TEST[int(number)]) % 10
    subset = "test" if place < 2 else "validation" if place > 7 else "train"
    lists[subset].append(f"UTKFace/{Path(photo['img_path']).name}.chip.jpg")
for subset, paths in lists.items():
    Path(f"{subset}.txt").write_text("\n".join(paths) + "\n")
