"""Random colours as things, skin, hair and cloth have them; linear RGB from 0 to 1."""

from __future__ import annotations

import colorsys

import numpy as np

Rgb = tuple[float, float, float]

#: Skin of every tone, from the darkest to the palest.
SKIN_TONES: tuple[Rgb, ...] = (
    (0.035, 0.018, 0.012),
    (0.085, 0.042, 0.025),
    (0.18, 0.088, 0.05),
    (0.33, 0.175, 0.105),
    (0.49, 0.29, 0.19),
    (0.66, 0.43, 0.32),
    (0.76, 0.55, 0.46),
)
HAIR: tuple[Rgb, ...] = (
    (0.006, 0.005, 0.005),
    (0.012, 0.009, 0.007),
    (0.03, 0.016, 0.009),
    (0.075, 0.037, 0.018),
    (0.17, 0.085, 0.035),
    (0.36, 0.22, 0.09),
    (0.2, 0.05, 0.015),
    (0.3, 0.29, 0.28),
    (0.6, 0.58, 0.55),
)


def cloth_rgb(rng: np.random.Generator) -> Rgb:
    """What people wear: black, white, grey, denim and khaki as often as colours."""
    kind = rng.random()
    if kind < 0.18:
        shade = rng.uniform(0.008, 0.05)
        return shade, shade, shade * rng.uniform(0.9, 1.3)
    if kind < 0.32:
        shade = rng.uniform(0.55, 0.85)
        return shade, shade * rng.uniform(0.93, 1), shade * rng.uniform(0.85, 1)
    if kind < 0.45:
        shade = rng.uniform(0.05, 0.5)
        return shade, shade, shade
    if kind < 0.6:  # denim, navy, khaki, olive, brown
        hue, saturation = (0.6, 0.55) if rng.random() < 0.6 else (0.1, 0.45)
        return _linear(hue + rng.normal(0, 0.03), saturation, rng.uniform(0.15, 0.65))
    return _linear(rng.random(), rng.uniform(0.35, 0.95), rng.uniform(0.25, 0.95))


def thing_rgb(rng: np.random.Generator) -> Rgb:
    """Walls, floors and furniture: mostly dull, sometimes not."""
    if rng.random() < 0.85:
        return _linear(rng.normal(0.1, 0.08), rng.beta(1.5, 5), rng.uniform(0.2, 0.95))
    return _linear(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.15, 0.9))


def skin_rgb(rng: np.random.Generator) -> Rgb:
    """Any tone, all equally likely."""
    return _between(SKIN_TONES, rng.uniform(0, len(SKIN_TONES) - 1))


def hair_rgb(rng: np.random.Generator, *, old: float) -> Rgb:
    """Natural colours, dyed ones now and then; grey more often in the old (0 to 1)."""
    if rng.random() < 0.06:
        return _linear(rng.random(), 0.8, rng.uniform(0.3, 0.8))
    if rng.random() < 0.1 + 0.7 * old**2:
        return _between(HAIR[-2:], rng.random())
    return HAIR[int(rng.choice(7, p=(0.22, 0.22, 0.18, 0.14, 0.1, 0.1, 0.04)))]


def light_rgb(rng: np.random.Generator, warmth: float) -> Rgb:
    """Light of brightness 1, bluer below a warmth of 0, redder above."""
    warmth = warmth + rng.normal(0, 0.05)
    return 1 + 0.5 * warmth, 1.0, 1 - 0.5 * warmth


def _linear(hue: float, saturation: float, value: float) -> Rgb:
    r, g, b = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return r**2, g**2, b**2


def _between(colors: tuple[Rgb, ...], at: float) -> Rgb:
    index = min(int(at), len(colors) - 2)
    share = at - index
    r, g, b = (a + (c - a) * share for a, c in zip(colors[index], colors[index + 1], strict=True))
    return r, g, b
