"""Surfaces drawn by a seed: walls, floors, cloth, clutter. All of them repeat without a seam."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURE_PX = 256
#: So many are drawn; their colours are changed wherever they are used.
NUM_TEXTURES = 48
#: Decides what they look like. Part of no sample's seed: the textures are the same in all sets.
_POOL_SEED = 20210721


def procedural_texture(number: int) -> NDArray[np.uint8]:
    """(256, 256, 3) uint8 RGB, the texture of that number, from 0 to ``NUM_TEXTURES`` − 1."""
    rng = np.random.default_rng((_POOL_SEED, number))
    kinds = (_cloudy, _boards, _tiles, _bricks, _speckled, _patches, _stripes, _leaves)
    height = kinds[number % len(kinds)](rng)
    # Dull colours, as most walls and floors have; what is bright is painted so later.
    low, high = np.sort(rng.uniform(0.2, 1.0, 2))
    low, high = low + rng.normal(0, 0.07, 3), high + rng.normal(0, 0.07, 3)
    rgb = low + (high - low) * height[..., None]
    rgb *= 1 + 0.12 * (_noise(rng, 0.6)[..., None] - 0.5)
    return (np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def _noise(rng: np.random.Generator, falloff: float) -> NDArray[np.floating]:
    """(256, 256) between 0 and 1 whose frequency f has amplitude f^−falloff; it repeats."""
    frequency = np.fft.fftfreq(TEXTURE_PX) * TEXTURE_PX
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    radius[0, 0] = 1
    spectrum = np.fft.fft2(rng.standard_normal((TEXTURE_PX, TEXTURE_PX))) / radius**falloff
    spectrum[0, 0] = 0
    field = np.fft.ifft2(spectrum).real
    low, high = np.quantile(field, (0.01, 0.99))
    return np.clip((field - low) / (high - low), 0, 1)


def _cloudy(rng: np.random.Generator) -> NDArray[np.floating]:
    return _noise(rng, rng.uniform(0.8, 2.2))


def _speckled(rng: np.random.Generator) -> NDArray[np.floating]:
    return np.clip(0.5 + 0.7 * (_noise(rng, rng.uniform(0.1, 0.7)) - 0.5), 0, 1)


def _grid(rng: np.random.Generator, rows: int, columns: int, shift: float) -> NDArray[np.floating]:
    """Cells of one shade each, parted by dark joints; every second row is shifted."""
    y, x = np.mgrid[:TEXTURE_PX, :TEXTURE_PX] / TEXTURE_PX
    row = np.floor(y * rows).astype(int) % rows
    along = x * columns + (row % 2) * shift
    shades = rng.uniform(0.45, 1.0, (rows, columns))
    cell = shades[row, np.floor(along).astype(int) % columns]
    joint = rng.uniform(0.02, 0.06)
    to_edge = np.minimum(
        np.abs(y * rows - np.round(y * rows)) / rows,
        np.abs(along - np.round(along)) / columns,
    )
    return np.where(to_edge * min(rows, columns) < joint, 0.1, cell) * (
        0.8 + 0.2 * _noise(rng, 1.0)
    )


def _boards(rng: np.random.Generator) -> NDArray[np.floating]:
    boards = _grid(rng, int(rng.choice([4, 6, 8])), 1, 0.5)
    grain = cv2.blur(np.tile(_noise(rng, 0.5), (1, 3)), (41, 1))[:, TEXTURE_PX : 2 * TEXTURE_PX]
    return np.clip(boards * (0.6 + 0.8 * grain), 0, 1)


def _tiles(rng: np.random.Generator) -> NDArray[np.floating]:
    count = int(rng.choice([2, 4, 6]))
    return _grid(rng, count, count, 0.0)


def _bricks(rng: np.random.Generator) -> NDArray[np.floating]:
    return _grid(rng, int(rng.choice([6, 8, 10])), int(rng.choice([2, 4])), 0.5)


def _patches(rng: np.random.Generator) -> NDArray[np.floating]:
    """Overlapping shapes, as shelves, crowds of things and prints have them."""
    canvas = np.full((TEXTURE_PX, TEXTURE_PX), 0.5, np.float32)
    for _ in range(int(rng.integers(25, 90))):
        points = rng.normal(0, rng.uniform(8, 45), (int(rng.integers(3, 7)), 2))
        points += rng.uniform(0, TEXTURE_PX, 2)
        shade = float(rng.uniform(0, 1))
        for dx in (-TEXTURE_PX, 0, TEXTURE_PX):
            for dy in (-TEXTURE_PX, 0, TEXTURE_PX):
                hull = cv2.convexHull((points + (dx, dy)).astype(np.int32))
                cv2.fillConvexPoly(canvas, hull, shade)
    return np.clip(canvas * (0.8 + 0.4 * _noise(rng, 1.2)), 0, 1)


def _stripes(rng: np.random.Generator) -> NDArray[np.floating]:
    x = np.arange(TEXTURE_PX) / TEXTURE_PX
    bands = np.sin(2 * np.pi * (x * rng.integers(2, 12)) + rng.uniform(0, 6)) > rng.uniform(
        -0.6, 0.6
    )
    stripes = np.tile(np.where(bands, 0.85, 0.2), (TEXTURE_PX, 1))
    return stripes * (0.75 + 0.25 * _noise(rng, 1.0))


def _leaves(rng: np.random.Generator) -> NDArray[np.floating]:
    """Grass, foliage, gravel: many small strokes."""
    canvas = np.full((TEXTURE_PX, TEXTURE_PX), 0.25, np.float32)
    length, spread = rng.uniform(4, 16), rng.uniform(0.2, 3.0)
    for x, y in rng.uniform(0, TEXTURE_PX, (1800, 2)):
        angle = rng.normal(-np.pi / 2, spread)
        end = (x + length * np.cos(angle), y + length * np.sin(angle))
        shade = float(rng.uniform(0.1, 1))
        cv2.line(canvas, (int(x), int(y)), (int(end[0]), int(end[1])), shade, 1)
    return canvas
