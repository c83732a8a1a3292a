"""Photographs from strangers, and files that are whole or absent."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilehumanpose import media
from mobilehumanpose.errors import UserError


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, quality=95)
    return path


def test_a_photo_is_rgb(tmp_path):
    path = tmp_path / "red.png"
    Image.new("RGB", (5, 3), (255, 10, 0)).save(path)
    image = media.load_photo(path)
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 10, 0]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_colour_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / "picture.tif"
    Image.new(mode, (5, 3)).save(path)
    assert media.load_photo(path).shape == (3, 5, 3)


@pytest.mark.parametrize(("orientation", "corner"), [(1, "tl"), (3, "br"), (6, "tr"), (8, "bl")])
def test_exif_orientation_is_honoured(tmp_path, orientation, corner):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:10, :10] = 255  # top left, as it is stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    image = media.load_photo(path)
    is_on_its_side = orientation in (6, 8)
    assert image.shape == ((80, 40, 3) if is_on_its_side else (40, 80, 3))
    row = 5 if corner[0] == "t" else -5
    column = 5 if corner[1] == "l" else -5
    assert image[row, column].min() > 200
    assert image[-row, -column].max() < 50


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    path = tmp_path / f"deep.{suffix}"
    ramp = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(path)
    image = media.load_photo(path)
    np.testing.assert_array_equal(image, np.repeat((ramp >> 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_of_32_bits_are_refused(tmp_path, kind):
    path = tmp_path / "deep.tif"
    Image.fromarray(np.ones((4, 4), kind)).save(path)
    with pytest.raises(UserError, match=r"deep\.tif: its pixels have 32 bits"):
        media.load_photo(path)


def test_damaged_exif_is_one_line(tmp_path):
    exif = (
        b"Exif\0\0MM\0*\0\0\0\x08\0\x02"
        b"\x01\x01\0\x02\0\0\0\x04abc\0"  # the picture's height, in letters
        b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # on its side
    )
    path = tmp_path / "odd.jpg"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    with pytest.raises(UserError, match=r"odd\.jpg: damaged or unreadable picture"):
        media.load_photo(path)


def test_odd_pictures_raise_no_warnings(tmp_path, recwarn):
    path = tmp_path / "palette.png"
    picture = Image.new("P", (9_500, 9_500))
    picture.putpalette([0, 0, 0, 9, 9, 9])
    picture.save(path, transparency=b"\x00\x80")
    assert media.load_photo(path).shape == (9_500, 9_500, 3)
    assert not recwarn.list


def test_a_picture_too_wide_for_jpeg_is_refused():
    with pytest.raises(UserError, match="70000×2 px cannot be written as JPEG: at most 65,500"):
        media.encode_jpeg(np.zeros((2, 70_000, 3), np.uint8))


def test_what_is_no_picture_is_named(tmp_path, photo):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:-200])
    for path in (text, empty, cut, tmp_path, tmp_path / "absent.jpg"):
        with pytest.raises(UserError, match=path.name):
            media.load_photo(path)


def test_other_formats_are_not_tried(tmp_path):
    path = tmp_path / "page.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(UserError, match="known format"):
        media.load_photo(path)


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match="bomb.png"):
        media.load_photo(path)


def test_arrays_that_are_no_photos_are_refused():
    for image in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        [[0]],
    ):
        with pytest.raises(UserError, match="H×W×3 uint8"):
            media.checked_image(image)


def test_folders_are_searched_for_photos(tmp_path, photo):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "B.PNG").touch()
    assert [p.name for p in media.find_photos([tmp_path])] == ["B.PNG", "photo.jpg"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="holds no photograph"):
        list(media.find_photos([empty]))
    with pytest.raises(UserError, match="nowhere"):
        list(media.find_photos([tmp_path / "nowhere"]))


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    media.write_file(path, b"first")
    assert path.read_bytes() == b"first"

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(UserError, match=r"result\.json.*No space"):
        media.write_file(path, b"second")
    monkeypatch.undo()
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/out"):
        media.make_folder(tmp_path / "file" / "out")
    with pytest.raises(UserError, match="gone"):
        media.write_file(tmp_path / "gone" / "x.json", b"")
