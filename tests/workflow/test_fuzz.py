"""Damaged and hostile bytes end in a reason or in an InputError, and in bounded memory.

Every run tests a hundred cases of each kind; the slow one tests a thousand of each.
"""

import functools
import io
import json
import resource
import struct
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from export import export
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.archives import FIELDS, encode, jpeg, mat_bytes, metadata_of, read_mat
from helpers.predictions import describe_run
from helpers.training import SMALL_KINDS, new_network
from renet.archives import tar_index
from renet.archives.tar_index import MEMBERS
from renet.common import files
from renet.common.drop_reasons import CropReason, RowReason
from renet.common.errors import InputError
from renet.config.filter import RowFilter
from renet.faces import crop
from renet.faces.crop import Box, CropSpec, RejectedImage
from renet.metadata import own_photos, row_filter
from renet.metadata.row_filter import METADATA
from renet.network import model_file
from renet.prediction import pipeline, predictor
from renet.prediction.photos import Photo

SIZE = (32, 32)
ODD_FLOATS = st.floats() | st.integers(-10, 3000).map(float) | st.sampled_from([0.0, 1.0, 7e5])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def damaged(draw: st.DrawFn, originals: list[bytes]) -> tuple[bytes, bytes]:
    """(original, damaged): bytes overwritten, moved in from elsewhere, inserted, cut off."""
    original = draw(st.sampled_from(originals))
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["overwrite", "copy", "insert", "cut", "delete"]))
        if kind == "overwrite":
            piece = draw(st.binary(min_size=1, max_size=12))
            data[place : place + len(piece)] = piece
        elif kind == "copy":
            start, length = draw(st.integers(0, len(data))), draw(st.integers(1, 600))
            piece = data[start : start + length]
            data[place : place + len(piece)] = piece
        elif kind == "insert":
            data[place:place] = draw(st.binary(max_size=20))
        elif kind == "delete":
            del data[place : place + draw(st.integers(1, 600))]
        elif draw(st.booleans()):
            del data[place:]
    return original, bytes(data)


def odd_tar(kind: int) -> bytes:
    """A tar with long names, links, folders and extended headers, in one of tar's three forms."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for name in ("wiki/a.jpg", "wiki/" + "long" * 22 + ".jpg", "wiki/é.jpg", "wiki/wiki.mat"):
            header = tarfile.TarInfo(name)
            header.size = 700
            archive.addfile(header, io.BytesIO(name.encode()[:7] * 100))
        for kind_of_member in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE):
            header = tarfile.TarInfo("wiki/odd")
            header.type, header.linkname = kind_of_member, "/etc/passwd"
            archive.addfile(header)
    return stream.getvalue()


TARS = [odd_tar(kind) for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]


def check_tar(folder: Path, case: tuple[bytes, bytes]) -> None:
    """Each member that is found lies in the file, has a harmless name, and survives the CSV."""
    path = folder / "a.tar"
    path.write_bytes(case[1])
    try:
        index = tar_index.index([path])
    except InputError as error:
        assert "a.tar is not a complete tar archive" in str(error)
        return
    assert (index.offset + index["size"] <= len(case[1])).all() and (index["size"] >= 0).all()
    assert not index.member.str.startswith("/").any()
    assert not index.member.map(lambda name: ".." in name.split("/")).any()
    MEMBERS.write(folder / "members.csv", index)
    again = MEMBERS.read(folder / "members.csv")
    assert again.to_numpy().tolist() == index.to_numpy().tolist()


def check_values(folder: Path, rows: list[dict]) -> None:
    """What was read can be described, and comes back from metadata.csv row by row."""
    described = metadata_of(read_mat(mat_bytes(rows), "wiki"))
    assert len(described) == len(rows)
    assert described.reason.isin(["", *RowReason]).all()
    kept = described[described.reason == ""]
    assert kept.gender.isin([0, 1]).all() and kept.age.between(0, 100).all()
    METADATA.write(folder / "metadata.csv", described)
    again = METADATA.read(folder / "metadata.csv")
    assert again.row.tolist() == list(range(len(described)))
    for column in ("path", "name", "subject", "reason"):
        assert again[column].tolist() == described[column].tolist()


ROW = {field: ODD_FLOATS for field in FIELDS} | {
    "full_path": TEXT.filter(bool), "name": TEXT,
    "face_location": st.lists(ODD_FLOATS, min_size=4, max_size=4),
}  # fmt: skip
VALUES = st.lists(st.fixed_dictionaries(ROW), min_size=2, max_size=4)


def check_own_table(folder: Path, text: str) -> None:
    path = folder / "own.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        table = own_photos.read([path])
    except InputError as error:
        assert "own.csv" in str(error)
        return
    rows = own_photos.describe(table, "own")
    dropped = row_filter.dropped(rows, RowFilter(), whole=False, by_table=True)
    METADATA.write(folder / "metadata.csv", row_filter.metadata_table(rows, dropped))
    assert METADATA.read(folder / "metadata.csv").path.tolist() == table.path.tolist()


FIELDS = st.text(max_size=6) | st.sampled_from(["f", "male", "", "30", "1e999", "-1", "nan"])
OWN_TABLES = st.lists(st.lists(FIELDS, min_size=1, max_size=4).map(",".join), max_size=4).map(
    lambda lines: "\n".join(["path,gender,age,subject", *lines])
)


def png(height: int, width: int, data: bytes = b"") -> bytes:
    """A PNG whose header claims a size, whatever its data are."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def resized_header(data: bytes, height: int, width: int) -> bytes:
    """A JPEG whose frame header claims another size."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def progressive() -> bytes:
    image = cv2.imdecode(np.frombuffer(jpeg(90, 80), np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


IMAGES = [
    jpeg(), jpeg(channels=1), jpeg(200, 180), progressive(),
    cv2.imencode(".png", np.full((20, 20, 3), 7, np.uint8))[1].tobytes(),
    cv2.imencode(".webp", np.full((20, 20, 3), 7, np.uint8))[1].tobytes(),
]  # fmt: skip
BOXES = st.builds(Box, ODD_FLOATS, ODD_FLOATS, ODD_FLOATS, ODD_FLOATS)
SPECS = st.builds(
    CropSpec,
    size=st.just(SIZE),
    margin=st.none() | st.floats(0, 2),
    whole=st.booleans(),
    turn=st.booleans(),
)


def check_image(_: Path, case: tuple[tuple[bytes, bytes], Box, CropSpec]) -> None:
    (_, data), box, spec = case
    try:
        face = crop.extract_face(data, spec, box)
    except RejectedImage as rejection:
        assert rejection.reason in CropReason and str(rejection)
        return
    assert face.pixels.shape == (3, *SIZE) and face.pixels.dtype == np.uint8
    assert min(face.width, face.height) >= crop.MIN_SIDE


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
WHITE = Photo("a.png", lambda: encode(np.full((90, 80, 3), 255, np.uint8), ".png"))


@functools.cache
def made_files() -> dict[str, bytes]:
    """A run's model.pt and predictor.json, its export, and a folder for a hub."""
    with tempfile.TemporaryDirectory() as folder:
        run, hub = Path(folder, "run"), Path(folder, "hub")
        run.mkdir()
        network = new_network(SMALL_KINDS["renet"], seed=3)  # white is male
        model_file.save(run / "model.pt", network.eval())
        unsure = {"threshold": 0.6, "max_error": 0.02, "level": 0.95}
        evaluated = {"temperature": 2.5, "unsure": unsure}
        describe_run(run, np.zeros((1, 3, 32, 32), np.uint8), 0.3, evaluated)
        (run / "card.md").write_text("---\n" + files.file_digest(run / "model.pt"))
        export(run, exported=run / "alone.safetensors")
        export(run, exported=hub / "model.safetensors", card=run / "card.md")
        return {path.name: path.read_bytes() for path in (*run.iterdir(), *hub.iterdir())}


def header(name: str) -> dict:
    """The values in a file of a model that are not weights."""
    data = made_files()[name]
    if name == "model.pt":
        return torch.load(io.BytesIO(data), weights_only=True)
    if name.endswith(".json"):
        return json.loads(data)
    found = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return found | {"__metadata__": json.loads(found["__metadata__"]["renet"])}


@st.composite
def odd_headers(draw: st.DrawFn) -> tuple[str, dict]:
    """The name of such a file, and its values, of which one is odd or missing."""
    names = ["predictor.json", "config.json", "model.pt", "alone.safetensors"]
    content = part = header(name := draw(st.sampled_from(names)))
    while True:
        key = draw(st.sampled_from([*part] if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and draw(st.booleans())):
            break
        part = part[key]
    part[key] = draw(ODD)
    if not draw(st.integers(0, 9)):
        del part[key]
    return name, content


def write_model(folder: Path, name: str, content: dict) -> Path:
    """A model whose file of this name has this content; what is beside it is as it was made."""
    model = {"predictor.json": "model.pt", "config.json": "model.safetensors"}.get(name, name)
    (folder / model).write_bytes(made_files()[model])
    if name == "model.pt":
        torch.save(content, folder / name)
    elif name == model:
        whole, about = made_files()[name], content.pop("__metadata__", {})
        text = json.dumps({"__metadata__": {"renet": json.dumps(about)}} | content).encode()
        tensors = whole[8 + int.from_bytes(whole[:8], "little") :]
        (folder / name).write_bytes(len(text).to_bytes(8, "little") + text + tensors)
    else:
        (folder / name).write_text(json.dumps(content))
    return folder / model


def check_model(folder: Path, case: tuple[str, dict]) -> None:
    """The right class or one sentence, unless the file says that its network is another one."""
    try:
        found = predictor.load(write_model(folder, *case))
        table = pipeline.rows(pipeline.cut_faces(WHITE, found, detect=False), found)
    except InputError as error:
        assert "\n" not in str(error)
        return
    if found.network.architecture == SMALL_KINDS["renet"]:
        assert table.predicted.tolist() == ["male"]


PROPERTIES = {
    "odd value of a model": (odd_headers(), check_model),
    "damaged tar": (damaged(TARS), check_tar),
    "odd values in a .mat": (VALUES, check_values),
    "odd table": (OWN_TABLES, check_own_table),
    "damaged image": (st.tuples(damaged(IMAGES), BOXES, SPECS), check_image),
}


@pytest.mark.fault("random-damage")
@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_bytes_end_in_a_reason_or_in_an_input_error(name, count):
    cases, check = PROPERTIES[name]

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(cases)
    def check_in_scratch(case: object) -> None:
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder), case)

    check_in_scratch()


@pytest.fixture
def two_gb() -> Iterator[None]:
    """Memory for this process to grow by two GB; of the larger images, 11 GB would be decoded."""
    used = resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
@pytest.mark.usefixtures("two_gb")
@pytest.mark.parametrize(
    "bomb",
    [resized_header(jpeg(), 60_000, 60_000), resized_header(progressive(), 6_600, 6_600),
     png(60_000, 60_000, bytes(1 << 20)), png(10_000, 6_001)],
    ids=["jpeg", "progressive", "png", "png over the limit"],
)  # fmt: skip
def test_image_that_claims_to_be_huge_is_too_large_and_takes_no_memory(bomb):
    with pytest.raises(RejectedImage) as caught:
        crop.extract_face(bomb, CropSpec(SIZE))
    assert caught.value.reason == "too_large"


@pytest.mark.fault("damaged-mat")
@pytest.mark.parametrize("kept", [130, 300, 0.5, 0.9])
def test_truncated_mat_file_is_refused(kept):
    data = mat_bytes([{}, {"name": "", "gender": np.nan}, {"name": "José", "gender": 0.0}])
    with pytest.raises(InputError, match=r"wiki\.mat"):
        read_mat(data[: kept if kept > 1 else int(len(data) * kept)], "wiki")
