"""From the bytes of an image to a face: decoding, cropping, resizing, and rejected images."""

import tarfile
from pathlib import PurePosixPath
from unittest.mock import MagicMock

import cv2
import numpy as np
import pandas as pd
import pytest

from helpers.archives import encode, jpeg, mat_bytes, parsed, picture, turned_jpeg, write_receipt
from helpers.project import call_script
from renet.common.errors import InputError
from renet.faces import crop, photo_index, shards
from renet.faces.crop import Box, CropSpec, Image, RejectedImage
from renet.faces.jpeg import Header
from renet.faces.perceptual_hash import perceptual_hash
from renet.faces.shards import SHARD
from renet.metadata import mat_file
from renet.metadata.row_filter import METADATA

SMALL = CropSpec((32, 32))


def reason_of(data: bytes, spec: CropSpec = SMALL, box: Box | None = None) -> str:
    with pytest.raises(RejectedImage) as caught:
        crop.extract_face(data, spec, box)
    return caught.value.reason


@pytest.mark.parametrize("channel", range(3))
def test_face_is_rgb_with_channels_first_and_not_grey_where_one_channel_differs(channel):
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :, 2 - channel] = 200  # OpenCV's order is BGR
    face = crop.extract_face(encode(image), CropSpec((16, 24)))
    assert face.pixels.shape == (3, 16, 24) and face.pixels.dtype == np.uint8
    assert (face.pixels.reshape(3, -1).mean(axis=1) == 200 * np.eye(3)[channel]).all()
    assert not face.grey


def test_aspect_is_not_kept_and_size_before_resizing_and_colour_are_noted():
    assert crop.extract_face(jpeg(channels=1), CropSpec((16, 16))).grey
    face = crop.extract_face(encode(picture(40, 80)), CropSpec((20, 20)))
    assert (face.width, face.height, face.grey) == (80, 40, False)
    # The rows shrink to a half and the columns to a quarter.
    assert np.allclose(face.pixels[2, 0], np.arange(20) * 4 + 1.5, atol=1)
    assert np.allclose(face.pixels[1, :, 0], np.arange(20) * 2 + 0.5, atol=1)


@pytest.mark.parametrize(
    ("shape", "way"),
    [((129, 129), cv2.INTER_AREA), ((60, 400), cv2.INTER_AREA), ((60, 200), cv2.INTER_LINEAR)],
)
def test_shrinking_averages_areas_and_growing_interpolates(shape, way):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = cv2.resize(image, (128, 128), interpolation=way)
    assert np.array_equal(crop.resize(image, (128, 128)), expected)


@pytest.mark.parametrize("side", [511, 512, 513, 701])
def test_large_jpeg_is_decoded_at_half_its_size_and_gives_the_same_face(side):
    data = jpeg(side, side + 30, seed=3)
    face = crop.extract_face(data, CropSpec())
    full = crop.resize(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), (128, 128))
    assert cv2.PSNR(face.pixels, full[:, :, ::-1].transpose(2, 0, 1).copy()) > 46
    assert (face.width, face.height) == (side + 30, side)


@pytest.mark.parametrize(("side", "margin", "halves"), [
    (512, None, True), (511, None, False), (920, 0.0, True), (919, 0.0, False),
])  # fmt: skip
def test_jpeg_is_decoded_at_half_its_size_only_where_enough_pixels_remain(side, margin, halves):
    header = Header(side, side + 30, several_scans=False, truncated=False)
    assert crop.is_halved(header, CropSpec(margin=margin)) == halves
    assert not crop.is_halved(header, CropSpec(margin=margin, whole=True))


@pytest.mark.parametrize("whole", [False, True])
def test_jpeg_of_too_many_pixels_is_decoded_at_half_its_size(monkeypatch, whole):
    data, box = jpeg(400, 600, seed=3), Box(101, 51, 300, 250)
    spec = CropSpec((32, 32), 0.2, whole=whole)
    full = crop.extract_face(data, spec, box)
    monkeypatch.setattr(crop, "MAX_PIXELS", 100_000)
    half = crop.extract_face(data, spec, box)
    assert crop.decode(data).pixels.shape == (200, 300, 3)
    assert (half.width, half.height) == pytest.approx((full.width, full.height), abs=2)
    assert cv2.PSNR(half.pixels, full.pixels) > 30
    monkeypatch.setattr(crop, "MAX_MEMORY", 300_000)
    assert reason_of(data) == "too_large"


def test_size_on_record_is_that_of_the_photo_as_seen_or_of_its_trimmed_part():
    face = crop.extract_face(turned_jpeg(600, 700), CropSpec(turn=True))
    assert (face.width, face.height) == (600, 700)
    trimmed = crop.extract_face(jpeg(180, 270), CropSpec(margin=0.0))
    assert (trimmed.width, trimmed.height) == (150, 100)


def test_orientation_tag_is_ignored_for_archives_and_followed_for_own_photos():
    assert crop.decode(turned_jpeg()).pixels.shape == (40, 60, 3)
    turned = crop.decode(turned_jpeg(), CropSpec(turn=True)).pixels
    assert turned.shape == (60, 40, 3)
    spec = CropSpec((30, 40), 0, whole=True, turn=True)
    face = crop.extract_face(turned_jpeg(), spec, Box(1, 31, 40, 60))
    assert np.array_equal(face.pixels, turned[30:60, :, ::-1].transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_pixels_are_blended_with_white(dtype):
    full = np.iinfo(dtype).max
    image = np.zeros((20, 30, 4), dtype)
    image[..., 2] = full  # red
    image[:10, :, 3] = full
    image[10:, :15, 3] = full // 2
    blended = crop.decode(encode(image, ".png")).pixels
    assert blended.dtype == np.uint8
    assert (blended[:10] == (0, 0, 255)).all() and (blended[10:, 15:] == 255).all()
    assert abs(blended[10:, :15].astype(int) - (128, 128, 255)).max() <= 1
    with pytest.raises(RejectedImage, match="TIFF with partly transparent pixels; save it as PNG"):
        crop.decode(encode(image, ".tif"))
    image[..., 3] = np.where(image[..., 3] < full, 0, full)
    decoded = [crop.decode(encode(image, suffix)).pixels for suffix in (".tif", ".png")]
    assert np.array_equal(*decoded)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_opaque_alpha_channel_changes_no_pixel(suffix):
    image = np.dstack([picture(20, 30), np.full((20, 30), 255, np.uint8)])
    assert np.array_equal(crop.decode(encode(image, suffix)).pixels, image[..., :3])
    image[..., 3] = 0  # padding
    assert np.array_equal(crop.decode(encode(image, suffix)).pixels, image[..., :3])


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", jpeg()[:-2], jpeg()[:20]])
def test_undecodable_bytes_are_unreadable_and_an_image_of_some_pixels_is_too_small(data):
    assert reason_of(data) == "unreadable"
    for size in ((1, 1), (1, 300), (7, 7)):
        assert reason_of(encode(picture(*size))) == "too_small"


def test_photo_for_which_the_memory_does_not_suffice_is_not_called_unreadable(monkeypatch):
    error = cv2.error("Insufficient memory")
    error.code = cv2.Error.StsNoMem
    monkeypatch.setattr(cv2, "imdecode", MagicMock(side_effect=error))
    with pytest.raises(MemoryError, match="Insufficient memory"):
        crop.decode(jpeg())


@pytest.mark.fault("damaged-photo")
@pytest.mark.parametrize(("suffix", "name"), [(".avif", "AVIF"), (".ppm", "of no known format")])
def test_format_that_is_not_documented_is_named_though_opencv_decodes_it(suffix, name):
    with pytest.raises(RejectedImage, match=f"it is {name}, but only JPEG, PNG, WebP"):
        crop.decode(encode(picture(60, 60), suffix))


def test_bytes_after_the_end_of_a_jpeg_do_no_harm():
    film = b"\xff\xd9 of a motion photo, with any bytes: \xff\xda"
    assert crop.decode(jpeg() + film).pixels.shape == (60, 50, 3)


def test_cut_takes_in_the_margin_and_partly_touched_pixels_and_repeats_the_border_pixel():
    photo = picture(80, 100)
    cut, _ = crop.cut_face(photo, Box(40, 30, 60, 50), margin=0.25)
    assert np.array_equal(cut, photo[24:55, 34:65])  # 25..55 and 35..65, counted from 1
    cut, _ = crop.cut_face(photo, Box(40.5, 30, 60.5, 50), margin=0)
    assert np.array_equal(cut, photo[29:50, 39:61])
    cut, _ = crop.cut_face(photo, Box(1, 1, 11, 11), margin=0.5)
    padded = cv2.copyMakeBorder(photo, 5, 0, 5, 0, cv2.BORDER_REPLICATE)
    assert np.array_equal(cut, padded[:21, :21])


@pytest.mark.parametrize(
    "box",
    [
        Box(10, 10, 10, 20), Box(20, 10, 10, 20), Box(np.nan, 1, 10, 10), Box(1, 1, np.inf, 10),
        Box(200, 10, 220, 30), Box(-50, -50, -10, -10), Box(1, 1, 1e9, 1e9),
    ],
)  # fmt: skip
def test_impossible_box_is_invalid_and_takes_no_memory(box):
    assert reason_of(encode(picture()), CropSpec(whole=True), box) == "box_invalid"


def test_close_up_whose_crop_has_too_many_pixels_is_reduced_and_gives_the_same_face(monkeypatch):
    photo = Image(cv2.GaussianBlur(picture(400, 420), (0, 0), 9), 400, 420)
    spec, box = CropSpec((32, 32), margin=0.4, whole=True), Box(-30, 10, 420, 395)
    expected = crop.make_face(photo, spec, box)
    monkeypatch.setattr(crop, "MAX_PIXELS", 200_000)
    monkeypatch.setattr(crop, "REDUCED_PIXELS", 50_000)
    face = crop.make_face(photo, spec, box)
    assert cv2.PSNR(face.pixels, expected.pixels) > 36  # the edge is 1 pixel of the reduced photo
    assert abs(face.width - expected.width) < 10 and abs(face.height - expected.height) < 10


def test_close_up_of_40_megapixels_is_cut():
    photo = np.zeros((6500, 6200, 3), np.uint8)
    photo[2000:4000] = 255
    cut, factor = crop.cut_face(photo, Box(1, 1, 6200, 6500), margin=0.4)
    assert cut.shape[0] * cut.shape[1] <= 1.01 * crop.REDUCED_PIXELS and factor < 1
    assert cut.mean() == pytest.approx(255 * 2000 / (1.8 * 6500), abs=1)


def test_smaller_margin_trims_a_ready_made_crop():
    ready_made = picture(178, 88)  # of which 39.6 and 19.6 pixels are trimmed
    for margin in (0.4, None):
        assert np.array_equal(crop.cut(ready_made, CropSpec(margin=margin), None)[0], ready_made)
    trimmed, _ = crop.cut(ready_made, CropSpec(margin=0.0), None)
    assert np.array_equal(trimmed, ready_made[40:138, 20:68])
    trimmed, _ = crop.cut(ready_made, CropSpec(margin=0.2), None)
    assert np.array_equal(trimmed, ready_made[20:158, 10:78])


@pytest.mark.parametrize("shards_count", [1, 3, 50])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_each_photo_is_in_one_shard_and_shards_have_the_same_number_of_bytes(count, shards_count):
    sizes = np.random.default_rng(0).integers(0, 1000, count)
    sizes[-1:] = 0  # an empty photo at the end is in the last shard
    numbers = range(1, shards_count + 1)
    parts = [photo_index.shard_photos(sizes, shards_count, number) for number in numbers]
    assert [place for part in parts for place in range(count)[part]] == list(range(count))
    loads = [sizes[part].sum() for part in parts]
    assert max(loads) - min(loads) <= 2 * sizes.max(initial=0)


def test_photos_are_in_the_order_of_the_tars_and_of_their_places_in_them():
    members = pd.DataFrame({"file": [1, 0, 1, 0], "offset": [512, 2048, 3072, 1024], "size": 9})
    rows = pd.DataFrame({"row": range(4), "path": list("abcd"), "status": "kept"})
    found = photo_index.locate(rows, members, np.arange(4))
    parts = [photo_index.shard_photos(found["size"].to_numpy(), 2, number) for number in (1, 2)]
    assert [found.path.iloc[part].tolist() for part in parts] == [["d", "b"], ["a", "c"]]


def make_source(folder, photos: dict[str, bytes], rows: list[dict]) -> dict:
    """A source of some photos; the arguments that crop_faces.py needs then."""
    members = {f"wiki_crop/{path}": data for path, data in photos.items()}
    parsed(folder, members | {"wiki_crop/wiki.mat": mat_bytes(rows)}, database="wiki")
    given = {"archives": folder / "archives.json", "photos": folder / "photos.csv"}
    given |= {"receipt_files": [folder / "r.json"], "crop": {"size": [32, 32]}}
    return given | {"shard": 1, "shards": 1}


def cropped(folder, arguments: dict) -> pd.DataFrame:
    """The table of the only shard, written by crop_faces.py."""
    call_script("crop_faces", faces=folder / "f.npy", table=folder / "f.csv", **arguments)
    return SHARD.read(folder / "f.csv")


@pytest.mark.fault("missing-photo")
def test_bad_photos_get_a_reason_each_and_the_rest_goes_on(tmp_path):
    photos = {
        "00/good.jpg": jpeg(seed=1), "00/cut.jpg": jpeg()[:-9], "00/none.jpg": b"",
        "00/dot.jpg": encode(picture(1, 1)), "00/other.jpg": jpeg(seed=2),
    }  # fmt: skip
    rows = [{"full_path": path} for path in (*photos, "00/absent.jpg")]
    arguments = make_source(tmp_path, photos | {"00/without_row.jpg": jpeg(seed=3)}, rows)
    assert METADATA.read(tmp_path / "metadata.csv").reason.tolist() == [*[""] * 5, "missing_file"]
    table = cropped(tmp_path, arguments).set_index("row").sort_index()
    assert table.reason.tolist() == ["", "unreadable", "unreadable", "too_small", ""]
    assert table["index"].tolist()[0::4] == [0, 1]
    cut = shards.open_faces(tmp_path / "f.npy")
    assert cut.shape == (2, 3, 32, 32)
    assert np.array_equal(cut[1], crop.extract_face(photos["00/other.jpg"], SMALL).pixels)
    assert table.phash.tolist()[0::4] == list(map(perceptual_hash, cut))


@pytest.mark.fault("exchanged-archive")
def test_archive_that_is_exchanged_after_it_was_indexed_is_one_sentence(tmp_path):
    photos = {f"00/{number}.jpg": jpeg(seed=number) for number in range(3)}
    rows = [{"full_path": path} for path in photos]
    make_source(tmp_path, dict(reversed(photos.items())), rows)
    other = (tar := tmp_path / "a.tar").read_bytes()
    arguments = make_source(tmp_path, photos, rows)
    assert len(other) == tar.stat().st_size and other != tar.read_bytes()
    tar.write_bytes(other)
    write_receipt(tmp_path / "r.json", tar, "md5:1")
    with pytest.raises(InputError, match="is not the archive that was indexed"):
        cropped(tmp_path, arguments)
    assert not list(tmp_path.glob("f.*"))


@pytest.mark.fault("damaged-photo")
@pytest.mark.parametrize(
    ("suffix", "start", "stop", "is_readable"),
    [(".jpg", 0, 0.5, False), (".jpg", 0.5, 1, False), (".jpg", 0.002, 0.5, False),
     (".jpg", 0.4, 0.9, True), (".png", 0.4, 0.9, False), (".bmp", 0, 0.5, False),
     (".bmp", 0.4, 0.9, True), (".tif", 0.4, 0.9, True)],
)  # fmt: skip
def test_photo_that_is_half_zeros_is_unreadable_unless_its_format_can_still_be_decoded(
    suffix, start, stop, is_readable
):
    photo = bytearray(encode(picture(200, 200), suffix))
    half = slice(int(start * len(photo)), int(stop * len(photo)))
    photo[half] = bytes(len(photo[half]))
    assert crop.extract_face(photo, SMALL) if is_readable else reason_of(photo) == "unreadable"


def test_archive_crops_and_our_crops_of_the_whole_photos_agree(reference_data):
    """The rule by which the data set's crops were made: found on real photos with real boxes."""
    folder = reference_data / "data" / "faces" / "whole"
    with (
        tarfile.open(folder / "wiki.tar.gz") as whole,
        tarfile.open(folder / "wiki_crop.tar") as crops,
    ):
        table = mat_file.read(crops.extractfile("wiki_crop/wiki.mat"), "wiki", "wiki.mat")
        table = table[np.isfinite(table.face_score)]
        ratios = []
        for row in table.itertuples():
            photo = whole.extractfile(f"wiki/{row.path}").read()
            box = Box(row.x1, row.y1, row.x2, row.y2)
            ours = crop.extract_face(photo, CropSpec(whole=True), box)
            ready_made = crops.extractfile(f"wiki_crop/{row.path}").read()
            theirs = crop.extract_face(ready_made, CropSpec())
            assert (ours.width, ours.height) == (theirs.width, theirs.height)
            ratios.append(cv2.PSNR(ours.pixels, theirs.pixels))
    assert np.median(ratios) > 45 and min(ratios) > 33


def test_photo_whose_name_macos_has_decomposed_is_found():
    names = ["Mu\u0308ller.jpg", "a.jpg", "e\u0301.jpg", "\u00e9.jpg"]  # the last two are one
    members = pd.DataFrame({"member": [f"photos/{name}" for name in names]})
    paths = pd.Series(["M\u00fcller.jpg", "a.jpg", "\u00e9.jpg", "b.jpg"])
    found = photo_index.positions(paths, members, PurePosixPath("photos"))
    assert found.tolist() == [0, 1, 3, -1]
