"""Rotations of many joints at once: matrices, quaternions, rotation vectors, parts of a turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def axis_rotations(axis: int, angles: ArrayLike) -> NDArray[np.float64]:
    """(…, 3, 3) right-handed rotations about x, y or z (0, 1, 2) by ``angles`` in radians."""
    rotations = np.zeros((*np.shape(angles), 3, 3))
    after, last = (axis + 1) % 3, (axis + 2) % 3
    rotations[..., axis, axis] = 1
    rotations[..., after, after] = rotations[..., last, last] = np.cos(angles)
    rotations[..., last, after] = np.sin(angles)
    rotations[..., after, last] = -np.sin(angles)
    return rotations


def from_quaternions(quaternions: NDArray[np.floating]) -> NDArray[np.float64]:
    """(…, 3, 3) rotations of (…, 4) quaternions w, x, y, z; they need not have length one."""
    unit = np.asarray(quaternions, np.float64)
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(unit, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def to_quaternions(rotations: NDArray[np.floating]) -> NDArray[np.float64]:
    """(…, 4) quaternions w, x, y, z with w >= 0 of (…, 3, 3) rotations.

    By the largest of the four components, as Shepperd (1978) has it, so that half turns are safe.
    """
    r = np.asarray(rotations, np.float64)
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    # Row k of this symmetric matrix is 4 q_k times the quaternion.
    products = np.empty((*r.shape[:-2], 4, 4))
    products[..., 0, 0] = 1 + xx + yy + zz
    products[..., 1, 1] = 1 + xx - yy - zz
    products[..., 2, 2] = 1 - xx + yy - zz
    products[..., 3, 3] = 1 - xx - yy + zz
    for k, i, j in ((1, 2, 1), (2, 0, 2), (3, 1, 0)):
        products[..., 0, k] = products[..., k, 0] = r[..., i, j] - r[..., j, i]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = r[..., a, b] + r[..., b, a]
        products[..., a + 1, b + 1] = products[..., b + 1, a + 1] = both
    largest = np.einsum("...kk->...k", products).argmax(axis=-1)[..., None, None]
    row = np.take_along_axis(products, largest, axis=-2)[..., 0, :]
    unit: NDArray[np.float64] = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return np.where(unit[..., :1] < 0, -unit, unit)


def to_vectors(rotations: NDArray[np.floating]) -> NDArray[np.float64]:
    """(…, 3) rotation vectors, axis times angle in radians from 0 to π, of (…, 3, 3) rotations."""
    quaternions = to_quaternions(rotations)
    sine = np.linalg.norm(quaternions[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternions[..., :1])
    # Near no turn at all, the angle is twice its half's sine.
    scale = np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)
    return quaternions[..., 1:] * scale


def from_vectors(vectors: ArrayLike) -> NDArray[np.float64]:
    """(…, 3, 3) rotations of (…, 3) rotation vectors in radians."""
    vectors = np.asarray(vectors, np.float64)
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    return from_quaternions(
        np.concatenate([np.cos(half), vectors * np.sinc(half / np.pi) / 2], axis=-1)
    )


def part(rotations: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Turns about the same axes by ``share`` of the angle."""
    return from_vectors(to_vectors(rotations) * share)


def between(
    first: NDArray[np.floating], second: NDArray[np.floating], share: float
) -> NDArray[np.float64]:
    """From ``first`` (share 0) to ``second`` (share 1) the shortest way."""
    return first @ part(np.swapaxes(first, -1, -2) @ second, share)


def twists(rotations: NDArray[np.floating], axis: NDArray[np.floating]) -> NDArray[np.float64]:
    """The part of each rotation that turns about ``axis``: what is left is a swing of the axis.

    ``rotations @ twist.T`` is that swing, so that rotation = swing · twist.
    """
    quaternions = to_quaternions(rotations)
    axis = np.asarray(axis) / np.linalg.norm(axis)
    along = quaternions[..., 1:] @ axis
    twist = np.concatenate([quaternions[..., :1], along[..., None] * axis], axis=-1)
    # A half turn that swings the axis right over has no twist to tell.
    twist[np.linalg.norm(twist, axis=-1) < 1e-9] = 1, 0, 0, 0
    return from_quaternions(twist)


def frame(direction: NDArray[np.floating], side: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, 3) right-handed frame: ``direction``, the part of ``side`` across it, and the third.

    They stand in the columns, each of length one.
    """
    first = np.asarray(direction, np.float64)
    first = first / np.linalg.norm(first)
    second = side - first * (first @ side)
    second = second / np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=-1)
