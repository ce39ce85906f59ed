"""Miniatures of known data sets, in the form in which they are published."""

import gzip
import json
from pathlib import Path

from helpers.archives import jpeg, write_tar

RACES = ["White", "Black", "East Asian"]
BANDS = [("3-9", "(4, 6)"), ("20-29", "(25, 32)"), ("more than 70", "(60, 100)"), ("30-39", "None")]


def write(folder: Path, count: int = 30) -> Path:
    """Write `utkface`, `fairface`, `adience` and `lfw` with so many photos each.

    The first is known: 25_0_2_… is a man of 25 in UTKFace; train/1.jpg a woman of 20 to 29 in
    FairFace; face 1 of 30601258@N03 a woman of 25 to 32 in Adience; AJ Cook a woman in LFW.
    """
    for name in ("utkface", "fairface/photos/train", "fairface/photos/val", "adience", "lfw"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    photos = {number: jpeg(120, 120, seed=number) for number in range(4 * count)}
    _utkface(folder / "utkface", photos, count)
    _fairface(folder / "fairface", photos, count)
    _adience(folder / "adience", photos, count)
    _lfw(folder / "lfw", photos, count)
    return folder


def _utkface(folder: Path, photos: dict[int, bytes], count: int) -> None:
    members = {"UTKFace/39_1_20170116174525125.jpg.chip.jpg": photos[0]}  # without race
    for number in range(count):
        name = f"{25 + number}_{number % 2}_{(number + 2) % 5}_20170116{number:09}.jpg.chip.jpg"
        members[f"UTKFace/{name}"] = photos[number]
    named = [path.replace("/", "/part1/").removesuffix(".chip.jpg") for path in members]
    split = [{"img_path": path, "folder": (row - 1) % 10} for row, path in enumerate(named)]
    (folder / "UTKFace.json").write_text(json.dumps(split))
    _write_gzipped(folder / "UTKFace.tar.gz", members)


def _fairface(folder: Path, photos: dict[int, bytes], count: int) -> None:
    for name, numbers in (("train", range(1, count - 7)), ("val", range(count - 7, count + 1))):
        lines = ["file,age,gender,race,service_test"]
        for number in numbers:
            gender = ("Male", "Female")[number % 2]
            band, race = BANDS[number % len(BANDS)][0], RACES[number % 3]
            lines.append(f"{name}/{number}.jpg,{band},{gender},{race},{number % 2 == 0}")
            (folder / "photos" / name / f"{number}.jpg").write_bytes(photos[count + number - 1])
        (folder / f"fairface_label_{name}.csv").write_text("\n".join(lines) + "\n")


def _adience(folder: Path, photos: dict[int, bytes], count: int) -> None:
    header = "user_id original_image face_id age gender x y dx dy tilt_ang fiducial_yaw_angle"
    members, folds = {}, [[f"{header} fiducial_score".replace(" ", "\t")] for _ in range(5)]
    for number in range(count):
        face, fold = number // 2 + 1, (number // 2) % 5
        gender = "u" if number == count - 1 else ("f", "m")[(number // 2) % 2]
        user, photo = f"3060125{fold + 8}@N03", f"103996{number:05}_67c7d20df9_o.jpg"
        row = [user, photo, face, BANDS[(number // 2 + 1) % 4][1], gender, 0, 414, 1086, 1383]
        folds[fold].append("\t".join(map(str, [*row, -115, 30, 17])))
        path = f"faces/{user}/coarse_tilt_aligned_face.{face}.{photo}"
        members[path] = photos[2 * count + number]
    _write_gzipped(folder / "faces.tar.gz", members)
    for number, lines in enumerate(folds):
        (folder / f"fold_{number}_data.txt").write_text("\n".join(lines) + "\n")


def _lfw(folder: Path, photos: dict[int, bytes], count: int) -> None:
    lists: dict[str, list[str]] = {"female_names.txt": [], "male_names.txt": []}
    members = {}
    for number in range(count):
        person = "AJ_Cook" if number < 2 else f"Person{number // 2}_Name"
        name = f"{person}_{number % 2 + 1:04}.jpg"
        members[f"lfw-deepfunneled/{person}/{name}"] = photos[3 * count + number]
        lists[list(lists)[(number // 2) % 2]].append(name)
    _write_gzipped(folder / "lfw-deepfunneled.tgz", members)
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")


def _write_gzipped(path: Path, members: dict[str, bytes]) -> None:
    path.write_bytes(gzip.compress(write_tar(path.with_suffix(".tmp"), members).read_bytes()))
