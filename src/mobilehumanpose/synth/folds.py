"""Folds of cloth: a height in space whose slopes bend normals, and so light; nothing is moved."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from .meshes import Folds
from .rotations import from_quaternions

#: Share of people whose clothes have folds. Held-out people's are smooth, as they always were, so
#: that figures stay comparable.
FOLDED_SHARE: dict[Split, float] = {"train": 0.8, "held-out": 0.0}
#: Edge of the volume, which repeats without a seam, and what its bytes span, around a slope of 0 in
#: their middle, in standard deviations of the slope.
VOLUME_CELLS, SLOPE_RANGE = 48, 7.0
#: Waves to the volume's edge, of the large folds and of the creases in them.
LARGE_WAVES, SMALL_WAVES = (1.5, 4.0), (4.0, 9.0)
#: How long that edge is, so that large folds lie 60 to 400 mm apart.
EDGE_MM = (240.0, 600.0)
#: Standard deviation of the slope: 1 is 45°.
SLOPE = (0.1, 0.6)
#: Folds are longer than wide by up to this.
MAX_STRETCH = 3.0
_SEED = 20210721


def random_folds(rng: np.random.Generator) -> Folds:
    """The folds of a garment: fine or coarse, shallow or deep, running anywhere."""
    edge_mm = math.exp(rng.uniform(*np.log(EDGE_MM)))
    turn = from_quaternions(rng.standard_normal(4))
    stretch = np.array([rng.uniform(1, MAX_STRETCH), 1.0, 1.0])
    shift = rng.random(3)
    return Folds(
        height_mm=float(rng.uniform(*SLOPE) * edge_mm),
        per_mm=turn / stretch[:, None] / edge_mm,
        shift=shift,
    )


def folds_volume() -> NDArray[np.uint8]:
    """(48, 48, 48, 3) uint8: by z, y, x the slope along x, y, z; see ``SLOPE_RANGE``."""
    rng = np.random.default_rng(_SEED)
    height = np.zeros((VOLUME_CELLS,) * 3)
    for (low, high), share in ((LARGE_WAVES, 1.0), (SMALL_WAVES, 0.25)):
        field = _band(rng, low, high)
        # Rounded ridges with a crease between them, as cloth has.
        height += share * np.sqrt(field**2 + 0.02)
    slopes = np.stack(
        [np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (2, 1, 0)], axis=-1
    )
    slopes /= slopes.std()
    return np.round(255 * np.clip(slopes / SLOPE_RANGE + 0.5, 0, 1)).astype(np.uint8)


def _band(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    """Noise of deviation 1 with ``low`` to ``high`` waves to the volume's edge."""
    waves = np.fft.fftfreq(VOLUME_CELLS) * VOLUME_CELLS
    radius = np.linalg.norm(np.meshgrid(waves, waves, waves), axis=0)
    spectrum = np.fft.fftn(rng.standard_normal((VOLUME_CELLS,) * 3))
    field = np.fft.ifftn(spectrum * ((radius >= low) & (radius <= high))).real
    return field / field.std()
