"""neon's HDF5 files are read, and files of the same structure are written."""

import os
from unittest.mock import MagicMock

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.faces import write_hdf5, write_shard
from helpers.project import call_script
from renet.common import disk
from renet.common.errors import InputError
from renet.common.files import face_digest
from renet.dataset import gather, hdf5
from renet.dataset.tables import SPLIT

SHAPE = (3, 8, 6)


def random_faces(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def structure(path) -> dict:
    """Everything about a file's layout but its contents and sizes."""

    def of(data: h5py.Dataset) -> tuple:
        attributes = {key: (value.dtype, value.shape) for key, value in data.attrs.items()}
        is_fixed = data.maxshape == data.shape
        return data.dtype, data.ndim, data.chunks, data.compression, is_fixed, attributes

    with h5py.File(path) as store:
        return {name: of(dataset) for name, dataset in store.items()}


def test_what_was_written_is_read_back(tmp_path):
    faces, targets = random_faces(11), np.arange(11) % 2
    slabs = [faces[:4], faces[4:4], faces[4:]]
    hdf5.write(tmp_path / "a.h5", faces.shape, slabs, targets)
    stored = hdf5.read(tmp_path / "a.h5")
    assert np.array_equal(stored.pixels, faces) and isinstance(stored.pixels, np.memmap)
    assert np.array_equal(stored.targets, targets)
    assert (stored.shape, stored.class_count, stored.mean) == (SHAPE, 2, None)
    with h5py.File(tmp_path / "a.h5") as store:
        assert store["input"][1, 1 * 48 + 2 * 6 + 5] == faces[1, 1, 2, 5]


def test_mean_is_that_of_the_written_faces_or_a_given_one_of_channels_or_pixels(tmp_path):
    faces = random_faces(9)
    write_hdf5(tmp_path / "a.h5", faces, np.zeros(9), "channel")
    mean = hdf5.read(tmp_path / "a.h5").mean
    assert mean.shape == (3,) and np.allclose(mean, faces.mean(axis=(0, 2, 3)))
    for given in (mean, faces.mean(axis=0).ravel()):
        write_hdf5(tmp_path / "b.h5", faces, np.zeros(9), given)
        assert np.array_equal(hdf5.read(tmp_path / "b.h5").mean, given)


def test_digest_depends_on_pixels_classes_and_mean_alone(tmp_path):
    def digest(name, faces, targets, *mean):
        write_hdf5(tmp_path / name, faces, targets, *mean)
        return hdf5.read(tmp_path / name).digest

    faces, targets = random_faces(5), np.zeros(5, int)
    first = digest("a.h5", faces, targets)
    assert digest("b.h5", faces, targets) == first
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    others = {
        digest("c.h5", faces[::-1], targets),
        digest("d.h5", faces, targets + 1),
        digest("e.h5", faces, targets, "channel"),
    }
    assert len(others | {first}) == 4


@pytest.mark.fault("damaged-faces")
@pytest.mark.parametrize("mean", ["none", "channel"])
def test_pixels_that_changed_since_they_were_written_are_noticed(tmp_path, mean):
    path = tmp_path / "train.h5"
    write_hdf5(path, random_faces(5), np.zeros(5, int), mean)
    hdf5.check_digest(hdf5.read(path))
    with h5py.File(path, "a") as store:
        store["input"][3, 7] ^= 1
    with pytest.raises(InputError, match=r"train\.h5 is damaged: its pixels or classes"):
        hdf5.check_digest(hdf5.read(path))


def test_files_of_neon_are_read(reference_data):
    train = hdf5.read(reference_data / "oracle" / "train.h5")
    assert (len(train), train.shape, train.class_count) == (10, (3, 32, 32), 2)
    assert train.targets.tolist() == [0, 0, 1, 0, 0, 1, 1, 0, 1, 0]  # as neon printed them
    assert train.mean is None
    mean = hdf5.read(reference_data / "oracle" / "train_mean.h5").mean
    assert np.allclose(mean, train.pixels.mean(axis=(0, 2, 3)))


@pytest.mark.parametrize(("name", "kind"), [("train.h5", "none"), ("train_mean.h5", "channel")])
def test_what_is_written_has_the_structure_of_neons_files(reference_data, tmp_path, name, kind):
    neon = hdf5.read(reference_data / "oracle" / name)
    write_hdf5(tmp_path / name, neon.pixels, neon.targets, kind)
    assert structure(tmp_path / name) == structure(reference_data / "oracle" / name)
    ours = hdf5.read(tmp_path / name)
    assert np.array_equal(ours.pixels, neon.pixels) and np.array_equal(ours.targets, neon.targets)


def test_compressed_file_is_refused_with_the_way_out(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as store:
        pixels = store.create_dataset("input", data=np.zeros((4, 144), np.uint8), compression=4)
        pixels.attrs["lshape"] = SHAPE
        store.create_dataset("output", data=np.zeros((4, 1), np.uint8)).attrs["nclass"] = 2
    with pytest.raises(InputError, match=r"a\.h5: .*h5repack"):
        hdf5.read(tmp_path / "a.h5")


@pytest.mark.fault("damaged-faces")
@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", None], ids=str)
def test_something_else_and_a_truncated_file_are_refused_by_name(tmp_path, content):
    path = tmp_path / "a.h5"
    write_hdf5(path, random_faces(90), np.zeros(90))
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(InputError, match=r"a\.h5 is not an HDF5 file"):
        hdf5.read(path)


@pytest.mark.fault("damaged-faces")
@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("lshape", "three"), ("lshape", [3.5, 8, 6]), ("lshape", [-3, -8, 6]), ("lshape", 144),
        ("nclass", "two"), ("nclass", [2, 2]), ("nclass", 0), ("output", [b"f", b"m"]),
        ("output", [0, 7]), ("output", [0, -1]), ("output", [0, np.nan]), ("output", None),
        ("output", [0]), ("output", [0, 1, 0]),
        ("mean", [1, 2]), ("mean", [b"a", b"b", b"c"]), ("mean", [1, 2, np.nan]), ("input", None),
        ("input", np.zeros((2, 144), np.float32)), ("input", np.zeros(288, np.uint8)),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_dtype_or_attribute_is_one_sentence_that_names_the_file(tmp_path, change, value):
    """`None` puts a group in place of the dataset."""
    path = tmp_path / "a.h5"
    write_hdf5(path, random_faces(2), np.array([0, 1]))
    with h5py.File(path, "a") as store:
        if change in ("lshape", "nclass"):
            store["input" if change == "lshape" else "output"].attrs[change] = value
        else:
            attributes = dict(store[change].attrs) if change in store else {}
            store.pop(change, None)
            if value is None:
                store.create_group(change)
            else:
                store[change] = value
            store[change].attrs.update(attributes)
    with pytest.raises(InputError, match=r"a\.h5") as caught:
        hdf5.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.fault("odd-file")
def test_missing_file_and_pipe_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    for fault in ("none.h5 does not exist or is no file", "pipe.h5 does not exist or is no file"):
        with pytest.raises(InputError, match=fault):
            hdf5.read(tmp_path / fault.split()[0])


@pytest.mark.fault("no-permission")
def test_file_that_may_not_be_read_is_not_called_another_format(tmp_path, monkeypatch):
    """As root, no file is refused."""
    error = PermissionError(13, "Unable to synchronously open file")
    monkeypatch.setattr(h5py, "File", MagicMock(side_effect=error))
    (tmp_path / "a.h5").touch()
    with pytest.raises(InputError, match=r"a\.h5 cannot be read; change its permissions"):
        hdf5.read(tmp_path / "a.h5")


@pytest.fixture
def split(tmp_path):
    """Two shards of one source and one of another, and a split.csv of some of their faces."""
    pixels = {
        ("wiki", 1): random_faces(5, 1), ("wiki", 2): random_faces(4, 2),
        ("imdb", 1): random_faces(3, 3),
    }  # fmt: skip
    counts = {"wiki": 2, "imdb": 1}
    for (source, number), faces in pixels.items():
        write_shard(tmp_path / source / "faces" / f"{number}-of-{counts[source]}.npy", faces)
    places = [("wiki", 2, 3), ("imdb", 1, 2), ("wiki", 2, 0), ("wiki", 1, 4), ("wiki", 1, 1)]
    rows = [
        dict.fromkeys(SPLIT.columns, 0)
        | {
            "id": str(number), "subset": "test" if number == 4 else "train", "source": source,
            "path": "a.jpg", "subject": "007", "target": number % 2, "shard": shard,
            "index": index, "digest": face_digest(pixels[source, shard][index]),
        }
        for number, (source, shard, index) in enumerate(places)
    ]  # fmt: skip
    SPLIT.write(tmp_path / "split.csv", SPLIT.frame(rows))
    return np.stack([pixels[source, shard][index] for source, shard, index in places])


@pytest.mark.parametrize("backwards", [False, True])
def test_script_gathers_faces_of_all_shards_in_the_order_of_the_split(tmp_path, split, backwards):
    faces = sorted(tmp_path.glob("*/faces/*.npy"), reverse=backwards)
    common = {"split": tmp_path / "split.csv", "faces": faces, "mean": "channel"}
    for subset, train in (("train", None), ("test", tmp_path / "train.h5")):
        output = {"face_file": tmp_path / f"{subset}.h5", "table": tmp_path / f"{subset}.csv"}
        call_script("write_hdf5", subset=subset, train=train, **common, **output)
    train, test = hdf5.read(tmp_path / "train.h5"), hdf5.read(tmp_path / "test.h5")
    assert np.array_equal(train.pixels, split[:4]) and np.array_equal(test.pixels, split[4:])
    assert train.targets.tolist() == [0, 1, 0, 1]
    table = SPLIT.read(tmp_path / "train.csv")
    assert table.id.tolist() == ["0", "1", "2", "3"] and set(table.subject) == {"007"}
    assert np.allclose(train.mean, train.pixels.mean(axis=(0, 2, 3)))
    assert np.array_equal(test.mean, train.mean)
    write_hdf5(tmp_path / "whole.h5", train.pixels, train.targets, "channel")
    assert hdf5.read(tmp_path / "whole.h5").digest == train.digest


def refuse(folder, fault: str, subset: str = "train") -> None:
    """Expect an error of write_hdf5.py."""
    faces = sorted(folder.glob("*/faces/*.npy"))
    given = {"split": folder / "split.csv", "faces": faces, "subset": subset, "mean": "none"}
    with pytest.raises(InputError, match=fault):
        call_script("write_hdf5", **given, face_file=folder / "a.h5", table=folder / "a.csv")
    assert not list(folder.glob("a.*"))


@pytest.mark.fault("cut-table")
def test_split_without_a_face_of_the_subset_is_one_sentence(tmp_path, split):
    lines = (tmp_path / "split.csv").read_text().splitlines(keepends=True)
    (tmp_path / "split.csv").write_text("".join(lines[:5]))  # the faces of the training set
    refuse(tmp_path, r"split\.csv has no face of the subset test", subset="test")


@pytest.mark.parametrize("slab_faces", [1, 3, 7, 1000])
def test_faces_of_all_shards_come_in_the_asked_order(tmp_path, monkeypatch, slab_faces):
    monkeypatch.setattr(gather, "SLAB_BYTES", slab_faces * int(np.prod(SHAPE)))
    if slab_faces == 1000:  # as on macOS
        monkeypatch.delattr("os.posix_fadvise")
        monkeypatch.setattr("resource.setrlimit", lambda *_: int("no"))
    faces = [random_faces(count, count) for count in (9, 0, 20)]
    names = [write_shard(tmp_path / f"{number}.npy", part) for number, part in enumerate(faces)]
    random = np.random.default_rng(0)
    shard = random.choice([0, 2], 50)
    index = random.integers(0, 9, 50)
    expected = [faces[number][place] for number, place in zip(shard, index, strict=True)]
    digest = list(map(face_digest, expected))
    places = pd.DataFrame({"file": shard, "index": index, "digest": digest})
    slabs = list(gather.slabs(names, places))
    assert max(map(len, slabs)) <= slab_faces
    assert np.array_equal(np.concatenate(slabs), expected)


def test_space_for_the_faces_is_checked_before_they_are_written(tmp_path, monkeypatch):
    needed = []
    monkeypatch.setattr(disk, "require_space", lambda path, count: needed.append(count))
    faces = random_faces(5)
    write_hdf5(tmp_path / "a.h5", faces, np.zeros(5, np.int64))
    assert sum(count - hdf5.RESERVED_BYTES for count in needed) == faces.nbytes


@pytest.mark.fault("damaged-faces")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda npy: npy[: len(npy) // 2].ljust(len(npy), b"\0"), "face number 3 has changed"),
        (lambda npy: npy[:-144].replace(b"(4,", b"(3,"), "face number 3 has changed"),
        (lambda npy: npy[: len(npy) // 2], ""),
        (lambda npy: b"", ""),
        (lambda npy: npy.replace(b"'|u1'", b"'|i1'"), "int8, .*, not uint8"),
    ],
)
def test_damaged_shard_is_one_sentence_that_names_it(tmp_path, split, damage, reason):
    path = tmp_path / "wiki" / "faces" / "2-of-2.npy"
    path.write_bytes(damage(path.read_bytes()))
    refuse(tmp_path, rf"2-of-2\.npy is damaged \(.*{reason}")
