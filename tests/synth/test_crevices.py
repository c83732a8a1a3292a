"""What lies just behind something else is in its shade; slopes and backdrops are not."""

import numpy as np
import pytest

from mobilehumanpose.synth.crevices import FAR_MM, SHADED_SHARE, random_shade

#: A wall that leans back, so that rows differ in depth by more than what counts as near.
WALL_MM = np.tile(3000 + 20 * np.arange(120, dtype=np.float32)[:, None], (1, 160))


def shade(depth_mm, seed=0):
    return random_shade(np.random.default_rng(seed), depth_mm, 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_plane_has_no_shade_on_itself(seed):
    assert (shade(WALL_MM, seed) == 1).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_post_shades_the_wall_beside_it(seed):
    depth_mm = WALL_MM.copy()
    depth_mm[:, 70:90] -= 150
    light = shade(depth_mm, seed)
    assert light.shape == depth_mm.shape
    assert light.dtype == np.float32
    assert (light[:, 70:90] == 1).all()
    assert light[:, [68, 69, 90, 91]].max() < 1
    assert (light[:, :60] == 1).all()
    assert light.min() >= 0


def test_the_nearer_the_post_the_darker_the_wall():
    darkest = []
    for gap_mm in (40, 150, 300):
        depth_mm = WALL_MM.copy()
        depth_mm[:, 70:90] -= gap_mm
        darkest.append(shade(depth_mm).min())
    assert darkest == sorted(darkest)


def test_between_two_posts_it_is_darker_than_beside_one():
    depth_mm = WALL_MM.copy()
    depth_mm[:, 70:78] -= 150
    beside = shade(depth_mm).min()
    depth_mm[:, 80:88] -= 150
    assert shade(depth_mm)[:, 78:80].max() < beside


def test_nobody_shades_what_is_far_behind():
    depth_mm = np.full((120, 160), 3000, np.float32)
    depth_mm[:, 70:90] -= FAR_MM + 1
    assert (shade(depth_mm) == 1).all()


def test_there_is_none_where_the_share_is_none():
    """Not even the random generator moves: held-out pictures stay the same ones."""
    rng = np.random.default_rng(3)
    assert random_shade(rng, WALL_MM, SHADED_SHARE["held-out"]) is None
    assert rng.random() == np.random.default_rng(3).random()
