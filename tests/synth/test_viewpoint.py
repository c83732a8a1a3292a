"""Cameras stand where they can, and see the person they were drawn for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.geometry import project
from mobilehumanpose.synth.viewpoint import (
    MIN_DEPTH_MM,
    MIN_HEIGHT_MM,
    MIN_INSIDE,
    MIN_WINDOW_PX,
    PERSON_PX,
    WINDOW_SHARE,
    random_viewpoint,
)


def standing(rng):
    """Points of a box as large as a person, standing or lying, on the ground."""
    size = rng.permutation([400.0, rng.uniform(600, 1900), rng.uniform(250, 800)])
    points = rng.uniform(-0.5, 0.5, (400, 3)) * size
    points[:, 1] -= points[:, 1].max()
    return points


@given(st.integers(0, 10_000))
def test_the_window_shows_the_person(seed):
    rng = np.random.default_rng(seed)
    points_mm = standing(rng)
    found = random_viewpoint(rng, points_mm)
    assert found is not None
    view = found.view
    in_camera = view.to_camera(points_mm)
    assert in_camera[:, 2].min() >= 0.99 * MIN_DEPTH_MM
    assert view.rotation @ view.rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(view.rotation) == pytest.approx(1)
    px = project(in_camera, view.camera)
    size = np.array(view.size)
    low, high = px.min(axis=0), px.max(axis=0)
    shown = np.clip(high, -0.5, size - 0.5) - np.clip(low, -0.5, size - 0.5)
    assert shown.prod() >= 0.9 * MIN_INSIDE * (high - low).prod()
    assert 0.85 * PERSON_PX[0] <= shown.max() <= PERSON_PX[1] + 2
    assert size.min() >= MIN_WINDOW_PX
    assert size.max() <= PERSON_PX[1] * WINDOW_SHARE[1] + 2
    if not found.is_below_ground:
        assert view.position_mm[1] <= -MIN_HEIGHT_MM / 2


def test_cameras_look_from_all_sides():
    heights, sizes = [], set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        found = random_viewpoint(rng, standing(rng))
        if found is not None:
            forward = found.view.rotation[2]
            heights.append(np.degrees(np.arcsin(forward[1])))
            sizes.add(found.view.size)
    assert max(heights) > 60
    assert min(heights) < -20
    assert len(sizes) > 100
