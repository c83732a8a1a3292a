"""Folders of backgrounds, and the light that is read off a panorama."""

import base64

import cv2
import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.synth.backgrounds import Backgrounds, panorama_light


def panorama(row=8, column=48, sun=500.0):
    """A grey sphere, half as bright below, with a lamp of 2 × 2 px."""
    pixels = np.full((32, 64, 3), 1.0, np.float32)
    pixels[16:] = 0.5
    pixels[row : row + 2, column : column + 2] = sun
    return pixels


def test_the_sun_is_found_where_it_shines():
    light = panorama_light(panorama())
    polar, around = (9 / 32) * np.pi, (49 / 64 - 0.5) * 2 * np.pi
    expected = [np.sin(polar) * np.sin(around), -np.cos(polar), np.sin(polar) * np.cos(around)]
    assert np.dot(light.to_sun, expected) > 0.99
    assert np.linalg.norm(light.to_sun) == pytest.approx(1)
    assert light.to_sun[0] > 0.7  # at three quarters of the width: to the right


def test_an_even_sky_has_no_sun_and_is_brighter_than_the_ground():
    light = panorama_light(panorama(sun=1.0))
    assert light.sun_rgb == (0, 0, 0)
    assert light.sky_rgb[0] == pytest.approx(2 * light.ground_rgb[0], rel=0.05)


def test_light_does_not_depend_on_exposure():
    dark, bright = panorama_light(panorama()), panorama_light(panorama() * 100)
    assert dark.sun_rgb == pytest.approx(bright.sun_rgb)
    assert dark.sky_rgb == pytest.approx(bright.sky_rgb)


@pytest.fixture
def folder(tmp_path):
    """A picture, a panorama, and an icon that is no background."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (400, 1600, 3), np.uint8)
    (tmp_path / "more").mkdir()
    cv2.imwrite(str(tmp_path / "more" / "wide.jpg"), noise)
    cv2.imwrite(str(tmp_path / "icon.png"), noise[:20, :20])
    sphere = np.kron(panorama(), np.ones((4, 4, 1), np.float32))
    sphere = sphere * rng.uniform(0.8, 1.2, sphere.shape).astype(np.float32)
    cv2.imwrite(str(tmp_path / "sphere.hdr"), sphere)
    return tmp_path


def test_pictures_and_panoramas_are_found(folder):
    backgrounds = Backgrounds(folder)
    assert backgrounds.pictures == ["more/wide.jpg"]
    assert backgrounds.panoramas == ["sphere.hdr"]
    assert backgrounds.picture("more/wide.jpg").shape == (256, 1024, 3)
    developed = backgrounds.panorama("sphere.hdr")
    assert developed.shape == (128, 256, 3)
    assert 60 < np.median(developed) < 180
    assert backgrounds.light("sphere.hdr").to_sun[0] > 0.7


def test_an_exr_in_a_module_of_javascript_is_a_panorama(tmp_path):
    exr = pytest.importorskip("OpenEXR")
    pixels = np.kron(panorama(), np.ones((4, 4, 1), np.float32))
    pixels = pixels * np.random.default_rng(0).uniform(0.9, 1.1, pixels.shape).astype(np.float32)
    exr.File({"type": exr.scanlineimage}, {"RGB": pixels}).write(str(tmp_path / "a.exr"))
    content = base64.b64encode((tmp_path / "a.exr").read_bytes()).decode()
    text = f"export default 'data:application/exr;base64,{content}'"
    (tmp_path / "b.exr.js").write_text(text)
    backgrounds = Backgrounds(tmp_path)
    assert backgrounds.panoramas == ["a.exr", "b.exr.js"]
    assert (backgrounds.panorama("a.exr") == backgrounds.panorama("b.exr.js")).all()


def test_negative_light_around_a_lamp_is_no_black_spot(tmp_path):
    exr = pytest.importorskip("OpenEXR")
    pixels = np.kron(panorama(), np.ones((4, 4, 1), np.float32))
    pixels *= np.random.default_rng(0).uniform(0.9, 1.1, pixels.shape).astype(np.float32)
    lamp = pixels.max(axis=2) > 100
    rows, columns = np.nonzero(lamp)
    above = rows.min() - 1, columns.min()
    pixels[above] = -3
    exr.File({"type": exr.scanlineimage}, {"RGB": pixels}).write(str(tmp_path / "a.exr"))
    developed = Backgrounds(tmp_path).panorama("a.exr")
    assert developed[above].min() > 240


def test_what_is_no_panorama_is_refused_by_name(tmp_path):
    pytest.importorskip("OpenEXR")
    (tmp_path / "broken.exr").write_bytes(b"x" * 30_000)
    square = np.random.default_rng(0).random((200, 200, 3)).astype(np.float32)
    cv2.imwrite(str(tmp_path / "square.hdr"), square)
    backgrounds = Backgrounds(tmp_path)
    with pytest.raises(UserError, match="broken.exr: cannot be read as a panorama"):
        backgrounds.panorama("broken.exr")
    with pytest.raises(UserError, match="square.hdr: is 200×200 px; a panorama"):
        backgrounds.light("square.hdr")


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no picture"):
        Backgrounds(tmp_path)
    assert Backgrounds(None).pictures == []
