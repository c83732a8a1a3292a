"""Triangle meshes as the renderer takes them: what never changes, what moves, what it looks like.

World space is that of the labels, with the ground at y = 0: x right, y down, z forward, mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

#: Zone coordinates of a mesh that is no body: nothing is painted on it.
NO_ZONE = (-1.0, -2.0)
#: ``Material.lower_from`` of what has one colour: no zone lies so low.
NO_LOWER_PART = 9.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """What of a mesh stays the same whatever the pose; the renderer uploads it once per key.

    A vertex that lies at several places of the texture is several corners.

    Attributes:
        key: names it; equal keys mean equal geometries.
        corner_vertex: (C,) int32, the vertex of each corner.
        triangles: (F, 3) int32 corners.
        uv: (C, 2) float32, (0, 0) at the first row's left end of the texture.
        zones: (C, 2) float32 places on the body, see ``zones.body_zones``.
        triangle_vertices: (3, F) int32, the vertices of triangles.
        of_vertex: (V, F) sparse, 1 where a vertex is one of a triangle's, to sum up normals.
        used_vertices: the vertices that triangles use, in order.
    """

    key: str
    corner_vertex: NDArray[np.int32]
    triangles: NDArray[np.int32]
    uv: NDArray[np.float32]
    zones: NDArray[np.float32]
    triangle_vertices: NDArray[np.int32]
    of_vertex: csr_array
    used_vertices: NDArray[np.int32]

    @classmethod
    def build(
        cls,
        key: str,
        triangles: NDArray[np.integer],
        uv: NDArray[np.floating],
        zones: NDArray[np.floating] | None = None,
    ) -> Self:
        """From (F, 3) triangles of vertices, (F, 3, 2) uv of their corners, (V, 2) zones."""
        vertices = triangles.reshape(-1).astype(np.int32)
        # Whole numbers are told apart faster than floats, and 1/65536 of a texture is no pixel.
        places = np.round(uv.reshape(-1, 2).astype(np.float64) * 65536).astype(np.int64)
        places = places[:, 0] * (1 << 32) + places[:, 1]
        order = np.lexsort((places, vertices))
        is_new = np.ones(len(order), bool)
        is_new[1:] = (np.diff(vertices[order]) != 0) | (np.diff(places[order]) != 0)
        corners = np.empty(len(order), np.int32)
        corners[order] = np.cumsum(is_new) - 1
        first = order[is_new]
        corner_vertex = vertices[first]
        used = np.unique(vertices)
        places_in_sum = (vertices, np.arange(len(vertices)) // 3)
        corner_zones = np.tile(np.array(NO_ZONE, np.float32), (len(first), 1))
        if zones is not None:
            corner_zones = zones[corner_vertex].astype(np.float32)
        return cls(
            key=key,
            corner_vertex=corner_vertex,
            triangles=corners.reshape(-1, 3),
            uv=np.ascontiguousarray(uv.reshape(-1, 2)[first], np.float32),
            zones=np.ascontiguousarray(corner_zones),
            triangle_vertices=np.ascontiguousarray(vertices.reshape(-1, 3).T),
            of_vertex=csr_array(
                (np.ones(len(vertices), np.float32), places_in_sum),
                shape=(int(vertices.max(initial=-1)) + 1, len(triangles)),
            ),
            used_vertices=used,
        )

    def corners(self, vertices_mm: NDArray[np.floating]) -> NDArray[np.float32]:
        """(C, 6) position and unit normal of each corner, of (V, 3) vertices."""
        vertices = np.asarray(vertices_mm, np.float32)[: self.of_vertex.shape[0]]
        # np.take from rows is several times as fast as indexing, here and below.
        axes = np.ascontiguousarray(vertices.T)
        a, e, f = (np.take(axes, ends, axis=1) for ends in self.triangle_vertices)
        e -= a
        f -= a
        # Long crosses count for more: the usual weighting by area.
        crosses = (
            e[1] * f[2] - e[2] * f[1],
            e[2] * f[0] - e[0] * f[2],
            e[0] * f[1] - e[1] * f[0],
        )
        sums = np.stack([self.of_vertex @ cross for cross in crosses], axis=1)
        lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
        both = np.concatenate([vertices, sums / np.maximum(lengths, 1e-9)], axis=1)
        return np.take(both, self.corner_vertex, axis=0)


@dataclass(frozen=True, kw_only=True)
class Paint:
    """How a part of a surface is coloured.

    Attributes:
        tint: linear RGB, 0 to 1.
        amount: 0 keeps the texture's own colour, 1 takes the tint with the texture's light and
            dark.
        pattern: 0 none, 1 stripes across, 2 stripes along, 3 checks, 4 dots.
        pattern_rgb: its second colour, linear.
        pattern_scale: repeats over the texture, or over the length of a painted limb.
    """

    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    amount: float = 0.0
    pattern: int = 0
    pattern_rgb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pattern_scale: float = 20.0


@dataclass(frozen=True, kw_only=True)
class Painted:
    """Clothes painted on the body, by its zones.

    Attributes:
        top, bottom, shoes, hair, gloves: their paints; the hair's amount is 0 where none is
            painted.
        collar, hem: the top reaches between these coordinates of the trunk.
        sleeve: and as far as this along the arm; below 0 for none.
        waist, cuff: the bottom reaches between these of trunk and leg.
        shoe: shoes begin here; 2 for bare feet.
        glove: gloves begin here along the arm; 9 for bare hands.
        loose_top_mm, loose_bottom_mm, loose_gloves_mm: how far the cloth stands off the skin.
    """

    top: Paint
    bottom: Paint
    shoes: Paint
    hair: Paint
    collar: float
    hem: float
    sleeve: float
    waist: float
    cuff: float
    shoe: float
    loose_top_mm: float = 0.0
    loose_bottom_mm: float = 0.0
    gloves: Paint = Paint()
    glove: float = 9.0
    loose_gloves_mm: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """Folds of cloth, which bend light and move nothing; see ``folds.folds_volume``.

    Attributes:
        height_mm: standard deviation of the slope times the volume's edge in mm; 0 for no folds.
        per_mm: (3, 3) world mm → the volume, whose edge is 1.
        shift: (3,) in the volume.
    """

    height_mm: float
    per_mm: NDArray[np.float64]
    shift: NDArray[np.float64]


NO_FOLDS = Folds(height_mm=0.0, per_mm=np.zeros((3, 3)), shift=np.zeros(3))


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a mesh looks like.

    Attributes:
        texture: name of the texture; None for plain white.
        paint: of all of it, or of its upper part.
        lower_paint: of the part of a garment whose zone lies beyond ``lower_from``.
        lower_from: coordinate along trunk and legs; ``NO_LOWER_PART`` where there is none.
        painted: clothes painted on skin.
        uv_scale: repeats of the texture.
        gloss: strength of highlights, 0 to 1.
        cut_alpha: whether the texture's transparent parts are left out.
        folds: of cloth, on skin where clothes are painted.
    """

    texture: str | None = None
    paint: Paint = Paint()
    lower_paint: Paint = Paint()
    lower_from: float = NO_LOWER_PART
    painted: Painted | None = None
    uv_scale: float = 1.0
    gloss: float = 0.0
    cut_alpha: bool = False
    folds: Folds = NO_FOLDS


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """A mesh in its place.

    Attributes:
        geometry: its triangles.
        vertices_mm: (V, 3) in world space.
        material: its look.
        person: 1 for the first person, 2 …; 0 for things.
        casts_shadow: whether it does.
    """

    geometry: Geometry
    vertices_mm: NDArray[np.float32]
    material: Material
    person: int = 0
    casts_shadow: bool = True


def _grid(rows: int, columns: int) -> NDArray[np.int32]:
    """(2·rows·columns, 3) triangles of a grid of (rows + 1)·(columns + 1) vertices."""
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    a = (i * (columns + 1) + j).reshape(-1)
    b = a + columns + 1
    return np.concatenate(
        [np.stack([a, a + 1, b], axis=1), np.stack([b, a + 1, b + 1], axis=1)]
    ).astype(np.int32)


def quad_geometry() -> tuple[Geometry, NDArray[np.float32]]:
    """A square from (0, 0, 0) to (1, 1, 0), and its vertices."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    triangles = _grid(1, 1)
    return Geometry.build("quad", triangles, vertices[triangles, :2]), vertices


def box_geometry() -> tuple[Geometry, NDArray[np.float32]]:
    """The cube from −½ to ½ with sharp edges, each side with the whole texture."""
    faces = []
    for axis in range(3):
        for side in (-0.5, 0.5):
            face = np.empty((4, 3), np.float32)
            face[:, axis] = side
            face[:, (axis + 1) % 3] = (-0.5, 0.5, -0.5, 0.5)
            face[:, (axis + 2) % 3] = (-0.5, -0.5, 0.5, 0.5)
            faces.append(face)
    square = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    triangles = np.concatenate([_grid(1, 1) + 4 * i for i in range(6)])
    uv = np.tile(square, (6, 1))
    return Geometry.build("box", triangles, uv[triangles]), np.concatenate(faces)


def round_geometry(kind: str) -> tuple[Geometry, NDArray[np.float32]]:
    """A ``"ball"``, ``"cylinder"`` or ``"cone"`` within −½ to ½, standing along y."""
    rows, columns = (8, 16) if kind == "ball" else (1, 16)
    v, u = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, columns + 1), indexing="ij")
    radius = {
        "ball": np.sin(v * math.pi) / 2,
        "cylinder": np.full_like(v, 0.5),
        "cone": v / 2,
    }[kind]
    height = -np.cos(v * math.pi) / 2 if kind == "ball" else v - 0.5
    angle = u * 2 * math.pi
    rings = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=-1)
    vertices = rings.reshape(-1, 3).astype(np.float32)
    triangles, uv = _grid(rows, columns), np.stack([u, v], axis=-1).reshape(-1, 2)
    corners = uv[triangles]
    if kind != "ball":  # close both ends
        for y in (-0.5, 0.5):
            ring = vertices[: len(radius.reshape(-1))]
            ring = ring[ring[:, 1] == np.float32(y)]
            centre = len(vertices)  # the rim's vertices stand twice: the edge is sharp
            vertices = np.concatenate([vertices, np.array([[0, y, 0]], np.float32), ring])
            first = centre + 1 + np.arange(columns)
            fan = np.stack([np.full(columns, centre), first, first + 1], axis=1)
            triangles = np.concatenate([triangles, fan.astype(np.int32)])
            corners = np.concatenate([corners, vertices[fan][..., [0, 2]] + 0.5])
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    is_real = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-6  # at the poles, half are not
    return Geometry.build(kind, triangles[is_real], corners[is_real]), vertices
