"""Rotations: each form leads back to the matrix, and parts of a turn add up to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.synth.rotations import (
    axis_rotations,
    between,
    frame,
    from_quaternions,
    from_vectors,
    part,
    to_quaternions,
    to_vectors,
    twists,
)

components = st.floats(-1.7, 1.7)
vectors = st.tuples(components, components, components).map(np.array)


@pytest.mark.parametrize(
    ("axis", "point", "moved"),
    [(0, [0, 1, 0], [0, 0, 1]), (1, [0, 0, 1], [1, 0, 0]), (2, [1, 0, 0], [0, 1, 0])],
)
def test_a_quarter_turn_is_right_handed(axis, point, moved):
    np.testing.assert_allclose(axis_rotations(axis, np.array(np.pi / 2)) @ point, moved, atol=1e-12)


@given(vectors)
def test_vectors_come_back(vector):
    np.testing.assert_allclose(to_vectors(from_vectors(vector)), vector, atol=1e-7)


@given(vectors)
def test_matrices_are_rotations(vector):
    rotation = from_vectors(vector)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, 0.8], [-0.6, 0.8, 0]])
def test_half_turns_are_safe(axis):
    rotation = from_vectors(np.pi * np.array(axis))
    np.testing.assert_allclose(from_quaternions(to_quaternions(rotation)), rotation, atol=1e-9)
    np.testing.assert_allclose(from_vectors(to_vectors(rotation)), rotation, atol=1e-9)


def test_no_turn_is_the_vector_zero():
    np.testing.assert_array_equal(to_vectors(np.eye(3)), np.zeros(3))


@given(vectors, st.floats(0, 1))
def test_parts_add_up(vector, share):
    rotation = from_vectors(vector)
    rebuilt = part(rotation, share) @ part(rotation, 1 - share)
    np.testing.assert_allclose(rebuilt, rotation, atol=1e-7)


@given(vectors, vectors)
def test_between_starts_and_ends_where_it_should(first, second):
    a, b = from_vectors(first), from_vectors(second)
    np.testing.assert_allclose(between(a, b, 0.0), a, atol=1e-9)
    np.testing.assert_allclose(between(a, b, 1.0), b, atol=1e-7)


@given(vectors, st.floats(-3, 3))
def test_a_twist_is_found_behind_a_swing(vector, angle):
    axis = np.array([0, 0, 1.0])
    swing = from_vectors(vector * [1, 1, 0])  # its axis lies across: it does not twist
    twist = from_vectors(axis * angle)
    np.testing.assert_allclose(twists(swing @ twist, axis), twist, atol=1e-6)


def test_frame_is_right_handed_and_starts_with_the_direction():
    made = frame(np.array([0, 0, 2.0]), np.array([3.0, 0, 5.0]))
    np.testing.assert_allclose(made, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)
