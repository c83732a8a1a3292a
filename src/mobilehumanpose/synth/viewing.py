"""What a picture is taken with and of: camera, light, backdrop, and their matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Camera
from .meshes import Mesh

#: Every so many-th vertex tells how far people reach, and the light reaches this much farther.
_SPARSE = 8
_LIT_AROUND_MM = 300.0
#: Nothing nearer or farther is drawn.
NEAR_MM, FAR_MM = 80.0, 200_000.0


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What fills the picture behind all meshes.

    Attributes:
        kind: "picture", "panorama" or "sky".
        texture: name of the picture or of the panorama (whole sphere, 2:1).
        window: u, v, width, height of the picture that is shown; a negative width mirrors it.
        blur_lod: level of detail: out of focus by 2^lod texels.
        gain: on each channel.
        yaw: of the panorama, radians.
        sky_rgb, horizon_rgb: of a plain sky, as shown.
        catches_shadows: whether the ground in it is darkened by shadows.
    """

    kind: str
    texture: str | None = None
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    blur_lod: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    yaw: float = 0.0
    sky_rgb: tuple[float, float, float] = (0.4, 0.6, 0.9)
    horizon_rgb: tuple[float, float, float] = (0.8, 0.85, 0.9)
    catches_shadows: bool = True


@dataclass(frozen=True, kw_only=True)
class Light:
    """Sun and sky; linear RGB.

    Attributes:
        to_sun: unit vector in world space.
        sun_rgb, sky_rgb, ground_rgb: from the sun, from above, from below.
        exposure: factor on what arrives at the camera.
    """

    to_sun: tuple[float, float, float]
    sun_rgb: tuple[float, float, float]
    sky_rgb: tuple[float, float, float]
    ground_rgb: tuple[float, float, float]
    exposure: float = 1.0


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the picture is taken from.

    Attributes:
        rotation: (3, 3) world to camera.
        position_mm: (3,) of the camera in the world.
        camera: its intrinsics, in px of ``size``.
        size: (width, height) of the picture in px.
    """

    rotation: NDArray[np.float64]
    position_mm: NDArray[np.float64]
    camera: Camera
    size: tuple[int, int]

    def to_camera(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """(…, 3) world → (…, 3) camera space."""
        return (points_mm - self.position_mm) @ self.rotation.T


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A picture and what lies at its pixels.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_mm: (H, W) float32 along the optical axis; ``FAR_MM`` where only the backdrop is.
        person: (H, W) uint8, 1 for the first person; 0 elsewhere.
        scale: pixels of these arrays per pixel of the view.
    """

    rgb: NDArray[np.uint8]
    depth_mm: NDArray[np.float32]
    person: NDArray[np.uint8]
    scale: float


def camera_matrix(view: View) -> NDArray[np.float64]:
    """(4, 4) world mm → clip space whose first row of pixels is the picture's top."""
    (fx, fy), (cx, cy) = view.camera.focal_px, view.camera.center_px
    width, height = view.size
    projection = np.zeros((4, 4))
    # Pixel centres are whole numbers: x px = cx + fx · X / Z lies at (x + ½) / width.
    projection[0, 0], projection[0, 2] = 2 * fx / width, 2 * (cx + 0.5) / width - 1
    projection[1, 1], projection[1, 2] = 2 * fy / height, 2 * (cy + 0.5) / height - 1
    projection[2, 2] = (FAR_MM + NEAR_MM) / (FAR_MM - NEAR_MM)
    projection[2, 3] = -2 * FAR_MM * NEAR_MM / (FAR_MM - NEAR_MM)
    projection[3, 2] = 1
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = view.rotation
    extrinsic[:3, 3] = -view.rotation @ view.position_mm
    return projection @ extrinsic


def light_matrix(meshes: Sequence[Mesh], light: Light) -> NDArray[np.float64]:
    """(4, 4) world mm → the light's clip space, around all people, or all that casts shadows."""
    shadows = [mesh for mesh in meshes if mesh.casts_shadow]
    people = [mesh.vertices_mm[::_SPARSE] for mesh in shadows if mesh.person]
    casting = people or [mesh.vertices_mm for mesh in shadows]
    if not casting:
        casting = [np.zeros((1, 3), np.float32)]
    low = np.min([vertices.min(axis=0) for vertices in casting], axis=0)
    high = np.max([vertices.max(axis=0) for vertices in casting], axis=0)
    forward = -np.asarray(light.to_sun, np.float64)
    side = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    basis = np.stack([side, np.cross(forward, side), forward])
    matrix = np.eye(4)
    radius = np.linalg.norm(high - low) / 2 + _LIT_AROUND_MM
    # Things before the people throw shadows on them too.
    matrix[:3, :3] = basis / np.array([[radius], [radius], [3 * radius]])
    matrix[:3, 3] = -matrix[:3, :3] @ ((low + high) / 2)
    return matrix
