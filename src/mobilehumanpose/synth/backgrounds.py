"""A folder of pictures and panoramas to stand people before, and the light in the panoramas."""

from __future__ import annotations

import base64
import binascii
import importlib.util
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..media import PHOTO_SUFFIXES, load_photo
from .colors import Rgb

#: Panoramas of the whole sphere, as the camera's sensor saw them. ``.exr.js`` is how the npm
#: package ``@pmndrs/assets`` wraps them.
PANORAMA_SUFFIXES = (".exr", ".exr.js", ".hdr")
#: Smaller ones are icons and previews.
MIN_PICTURE_BYTES = 20_000
MAX_PICTURE_PX = 1024
#: Much brighter than the rest of the panorama: a lamp or the sun.
_SUN_OVER_MEAN = 8.0


@dataclass(frozen=True, kw_only=True)
class PanoramaLight:
    """The light at the place where a panorama was taken, its mean brightness 1.

    Attributes:
        to_sun: unit vector to what shines brightest: x right, y down, z into the middle of the
            panorama.
        sun_rgb: light from there; sky_rgb, ground_rgb: from above and from below.
    """

    to_sun: tuple[float, float, float]
    sun_rgb: Rgb
    sky_rgb: Rgb
    ground_rgb: Rgb


class Backgrounds:
    """The pictures and panoramas of a folder and the folders in it.

    Attributes:
        pictures: paths of pictures; panoramas: of panoramas, each relative to the folder.
    """

    def __init__(self, folder: Path | None) -> None:
        """Look for pictures.

        Raises:
            UserError: the folder does not exist or holds none, or panoramas cannot be read here.
        """
        self.folder = folder
        self.pictures: list[str] = []
        self.panoramas: list[str] = []
        self._lights: dict[str, PanoramaLight] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder of backgrounds")
        for path in sorted(folder.rglob("*")):
            name, lower = path.relative_to(folder).as_posix(), path.name.lower()
            if not path.is_file() or path.stat().st_size < MIN_PICTURE_BYTES:
                continue
            if lower.endswith(PANORAMA_SUFFIXES):
                self.panoramas.append(name)
            elif lower.endswith(PHOTO_SUFFIXES):
                self.pictures.append(name)
        if not self.pictures and not self.panoramas:
            kinds = ", ".join((*PHOTO_SUFFIXES, *PANORAMA_SUFFIXES))
            raise UserError(f"{folder}: holds no picture of {MIN_PICTURE_BYTES} bytes ({kinds})")
        needs_exr = any(name.endswith((".exr", ".exr.js")) for name in self.panoramas)
        if needs_exr and importlib.util.find_spec("OpenEXR") is None:
            raise UserError(
                f"{folder}: its .exr panoramas need OpenEXR: pip install 'mobilehumanpose[synth]'"
            )

    def picture(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, at most ``MAX_PICTURE_PX`` wide or high.

        Raises:
            UserError: it cannot be read.
        """
        return shrunk(load_photo(self._path(name)), MAX_PICTURE_PX)

    def panorama(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3) RGB of a panorama, developed so that its middle tones are middle grey.

        Raises:
            UserError: it cannot be read.
        """
        raw = self._read_panorama(name)
        linear = raw.clip(0)
        grey = float(np.median(linear.mean(axis=2)))
        developed = linear * (0.2 / max(grey, 1e-6))
        developed /= 1 + np.maximum(developed - 0.6, 0)
        developed = np.clip(developed, 0, 1) ** (1 / 2.2)
        # Compression leaves negative light around lamps: they glow there instead.
        is_ringing = np.any(raw < 0, axis=2, keepdims=True)
        glow = cv2.dilate(developed, np.ones((5, 5), np.uint8))
        return (np.where(is_ringing, glow, developed) * 255).astype(np.uint8)

    def light(self, name: str) -> PanoramaLight:
        """The light of a panorama.

        Raises:
            UserError: it cannot be read.
        """
        if name not in self._lights:
            self._lights[name] = panorama_light(self._read_panorama(name).clip(0))
        return self._lights[name]

    def _path(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("there is no folder of backgrounds")
        return self.folder / name

    def _read_panorama(self, name: str) -> NDArray[np.float32]:
        path = self._path(name)
        if name.lower().endswith(".hdr"):
            picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_ANYDEPTH | 1)
            linear = None if picture is None else picture[..., ::-1]
        else:
            linear = _read_exr(path)
        if linear is None or linear.ndim != 3 or linear.shape[2] < 3:
            raise UserError(f"{path}: cannot be read as a panorama in colour")
        if not 1.9 <= linear.shape[1] / linear.shape[0] <= 2.1:
            raise UserError(
                f"{path}: is {linear.shape[1]}×{linear.shape[0]} px; "
                "a panorama of the whole sphere is twice as wide as high"
            )
        return np.nan_to_num(linear[..., :3].astype(np.float32), posinf=6e4)


def _read_exr(path: Path) -> NDArray[np.float32] | None:
    import OpenEXR

    with tempfile.TemporaryDirectory() as folder:
        if path.name.endswith(".js"):
            text = path.read_text(encoding="utf-8", errors="replace")
            _, comma, rest = text.partition("base64,")
            try:
                content = base64.b64decode(rest.split("'")[0].split('"')[0], validate=True)
            except binascii.Error:
                return None
            if not comma:
                return None
            path = Path(folder) / "panorama.exr"
            path.write_bytes(content)
        try:
            channels = OpenEXR.File(str(path)).channels()
        except Exception:  # noqa: BLE001  OpenEXR raises whatever its library throws
            return None
        for name in ("RGB", "RGBA"):
            if name in channels:
                return channels[name].pixels
    return None


def panorama_light(linear: NDArray[np.float32]) -> PanoramaLight:
    """What shines in an (H, W, 3) panorama of the whole sphere, linear RGB, top row above."""
    small = cv2.resize(linear, (64, 32), interpolation=cv2.INTER_AREA)
    polar = (np.arange(32) + 0.5) / 32 * math.pi
    around = ((np.arange(64) + 0.5) / 64 - 0.5) * 2 * math.pi
    area = np.sin(polar)[:, None] * np.ones(64)
    brightness = small.mean(axis=2)
    mean = float((brightness * area).sum() / area.sum())
    is_sun = brightness > _SUN_OVER_MEAN * mean
    at = np.unravel_index(np.argmax(brightness), brightness.shape)
    row, column = int(at[0]), int(at[1])
    to_sun = (
        math.sin(polar[row]) * math.sin(around[column]),
        -math.cos(polar[row]),
        math.sin(polar[row]) * math.cos(around[column]),
    )
    rest = np.where(is_sun[..., None], 0, small) * area[..., None]
    half = len(polar) // 2
    sky, ground = rest[:half].sum((0, 1)), rest[half:].sum((0, 1))
    sun = (np.where(is_sun[..., None], small, 0) * area[..., None]).sum((0, 1)) * 2
    # A hemisphere of light counts once; so does its share that comes from one direction.
    weight = area[:half].sum() * max(mean, 1e-6)
    return PanoramaLight(
        to_sun=to_sun,
        sun_rgb=_rgb(sun / weight),
        sky_rgb=_rgb(sky / weight),
        ground_rgb=_rgb(ground / weight),
    )


def _rgb(values: NDArray[np.floating]) -> Rgb:
    r, g, b = values.tolist()
    return r, g, b


def shrunk(pixels: NDArray[np.uint8], most_px: int) -> NDArray[np.uint8]:
    """The picture with its longer side at most ``most_px``."""
    factor = most_px / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
