"""From a clean rendering to what a camera would have written."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..media import encode_jpeg

JPEG_QUALITY = (45, 93)
#: (1, 256) a normal deviate for each value that a byte can have, all of them equally likely.
_BELL = ndtri((np.arange(256) + 0.5) / 256).astype(np.float32)[None]


def take_photograph(
    rng: np.random.Generator, rgb: NDArray[np.uint8], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The (H, W, 3) picture of ``size`` (width, height) with a camera's faults.

    Out of focus or shaken now and then, exposed and white-balanced more or less well, noisy.

    Args:
        rng: of the draws; the same count of draws whatever the picture.
        rgb: the rendering, as large or larger.
        size: of the result in px.
    """
    picture = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    kind = rng.random()
    sigma, length, angle = rng.uniform(0.3, 1.6), rng.uniform(3, 10), rng.uniform(0, math.pi)
    if kind < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    elif kind < 0.38:
        picture = cv2.filter2D(picture, -1, _motion_kernel(length, angle))
    picture = cv2.LUT(picture, _tones(rng))
    if rng.random() < 0.04:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    noise, blotches = math.exp(rng.uniform(math.log(0.5), math.log(9))), rng.random() < 0.5
    return _add_noise(rng, picture.astype(np.uint8, copy=False), noise, coarse=blotches)


def encode(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> bytes:
    """The picture as JPEG of a random quality."""
    return encode_jpeg(rgb, int(rng.integers(*JPEG_QUALITY)))


def _tones(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(1, 256, 3) table: contrast, exposure, colour cast, lifted blacks."""
    x = np.arange(256)[:, None] / 255
    gamma = math.exp(rng.normal(0, 0.18))
    gains = math.exp(rng.normal(0, 0.1)) * np.exp(rng.normal(0, 0.06, 3))
    curve = x**gamma
    steep = rng.normal(0, 0.25)
    curve = curve + steep * (curve - 0.5) * curve * (1 - curve) * 2
    black = max(0.0, rng.normal(0, 0.03))
    table = black + (1 - black) * curve * gains
    return (np.clip(table, 0, 1) * 255).astype(np.uint8)[None]


def _motion_kernel(length_px: float, angle: float) -> NDArray[np.float32]:
    side = int(length_px) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.float32)
    middle = (side - 1) / 2
    reach = length_px / 2 * np.array([math.cos(angle), math.sin(angle)])
    start, end = np.round((middle - reach) * 16), np.round((middle + reach) * 16)
    first, last = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
    cv2.line(kernel, first, last, 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _add_noise(
    rng: np.random.Generator, picture: NDArray[np.uint8], level: float, *, coarse: bool
) -> NDArray[np.uint8]:
    """Noise of ``level`` grey levels; a coarse one has grains of two pixels."""
    height, width = picture.shape[:2]
    shape = (height // 2 + 1, width // 2 + 1, 3) if coarse else (height, width, 3)
    raw = np.frombuffer(rng.bytes(math.prod(shape)), np.uint8).reshape(shape)
    grain = cv2.LUT(raw, _BELL * np.float32(level))
    if coarse:
        grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.add(picture, grain, dtype=cv2.CV_8U)  # type: ignore[return-value]
