"""Pictures of a dataset, from a folder or a zip file."""

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from mobilehumanpose.data.images import ImageFolder, ZipImages, image_size, read_image
from mobilehumanpose.errors import UserError

#: BGR.
BLUEISH = np.full((40, 60, 3), (255, 0, 10), np.uint8)


def encode(suffix: str) -> bytes:
    return cv2.imencode(suffix, BLUEISH)[1].tobytes()


@pytest.fixture(params=["folder", "zip"])
def images(request, tmp_path):
    files = {"a.png": encode(".png"), "deep/b.jpg": encode(".jpg"), "c.png": b"no picture"}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return ZipImages(tmp_path / "photos.zip")
    for name, content in files.items():
        path: Path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return ImageFolder(tmp_path)


def test_pictures_are_read_as_bgr(images):
    assert read_image(images, "a.png")[0, 0].tolist() == [255, 0, 10]
    assert image_size(images, "a.png") == (60, 40)


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
def test_jpegs_shrink_while_they_are_decoded(images, shrink):
    picture = read_image(images, "deep/b.jpg", shrink=shrink)
    assert picture.shape == (-(-40 // shrink), -(-60 // shrink), 3)
    assert np.abs(picture.astype(int) - BLUEISH[0, 0]).max() < 5


def test_a_size_takes_no_more_than_the_header(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    (tmp_path / "noise.jpg").write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    read = []

    class Counted(io.FileIO):
        def read(self, size=-1):
            content = super().read(size)
            read.append(len(content))
            return content

    monkeypatch.setattr(ImageFolder, "open", lambda images, name: Counted(images.root / name))
    assert image_size(ImageFolder(tmp_path), "noise.jpg") == (600, 400)
    assert 0 < sum(read) < (tmp_path / "noise.jpg").stat().st_size / 10


@pytest.mark.parametrize("name", ["c.png", "absent.png"])
def test_what_is_no_picture_is_named(images, name):
    with pytest.raises(UserError, match=name):
        read_image(images, name)
    with pytest.raises(UserError, match=name):
        image_size(images, name)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "deep/../../secret.png"])
def test_names_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(UserError, match="outside"):
        read_image(ImageFolder(tmp_path), name)


def test_what_is_no_zip_file_is_refused(tmp_path):
    (tmp_path / "photos.zip").write_text("hello")
    with pytest.raises(UserError, match="no zip"):
        ZipImages(tmp_path / "photos.zip")


def test_a_forked_process_opens_the_zip_anew(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.png", encode(".png"))
    images = ZipImages(tmp_path / "photos.zip")
    images.encoded("a.png")
    opened = images._archive
    images._opened_by = -1  # as a forked child finds it
    images.encoded("a.png")
    assert images._archive is not opened
