"""One to four people on one ground, decided by a random generator alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from ..skeleton import MUCO_21
from .backgrounds import Backgrounds
from .body import Body, Posed
from .collisions import arm_depth_mm, solid_triangles
from .held import HELD_SHARE, random_held
from .looks import Dresser
from .meshes import Mesh
from .surroundings import SHAPES, Surroundings, is_clear, random_material, random_surroundings
from .viewing import View
from .viewpoint import MIN_DEPTH_MM, random_viewpoint

#: How often there are one, two, three, four people.
PEOPLE_SHARES = (0.62, 0.22, 0.1, 0.06)
#: Share of people above the ground, as those who jump.
LIFTED_SHARE = 0.08
#: No two bodies come nearer than this.
MIN_GAP_MM = 60.0
_MAX_DRAWS = 12
#: Arms may be pressed into the own trunk so far, as flesh is.
MAX_ARM_DEPTH_MM = 12.0
_MAX_POSE_DRAWS = 4
#: Every so many-th vertex tells where a body is.
_SPARSE = 23
_CONTACT_JOINTS = MUCO_21.indices(
    [f"{side}_{name}" for side in "LR" for name in ("Ankle", "Toe", "Wrist", "Knee", "Elbow")]
    + ["Pelvis", "Spine", "Head"]
)

#: Bone rotations for ``Body.pose`` from a random generator.
DrawPose = Callable[[np.random.Generator], NDArray[np.floating]]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in the world.

    Attributes:
        meshes: body, clothes and what is held.
        joints_mm: (21, 3) in MuCo's order.
        surface_mm: (S, 3) vertices of the skin.
    """

    meshes: list[Mesh]
    joints_mm: NDArray[np.float64]
    surface_mm: NDArray[np.float32]

    @property
    def sparse_mm(self) -> NDArray[np.float32]:
        """A few hundred points of the surface."""
        return self.surface_mm[::_SPARSE]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that the renderer needs.

    Attributes:
        view: the camera.
        people: the main person first.
        surroundings: things, backdrop and light.
        contacts: (K, 4) where bodies come near the ground, see ``Renderer.render``.
    """

    view: View
    people: list[Person]
    surroundings: Surroundings
    contacts: NDArray[np.float32]


class SceneMaker:
    """Draws scenes from a body model, poses, a wardrobe and backgrounds."""

    def __init__(
        self,
        body: Body,
        draw_pose: DrawPose,
        dresser: Dresser,
        backgrounds: Backgrounds,
        split: Split,
    ) -> None:
        self.body, self.draw_pose, self.split = body, draw_pose, split
        self.dresser, self.backgrounds = dresser, backgrounds
        self._skin_vertices = np.unique(body.skin_triangles)
        self._solid = solid_triangles(body)

    def random_scene(self, rng: np.random.Generator) -> Scene | None:
        """A scene; None if no camera sees the person that was drawn."""
        main = self._random_person(rng, number=1)
        viewpoint = random_viewpoint(rng, main.sparse_mm)
        if viewpoint is None:
            return None
        people = [main]
        for _ in range(int(rng.choice(4, p=PEOPLE_SHARES))):
            other = self._place_beside(rng, people, viewpoint.view)
            if other is not None:
                people.append(other)
        has_ground = not viewpoint.is_below_ground
        surroundings = random_surroundings(
            rng,
            viewpoint.view,
            [person.sparse_mm for person in people],
            self.backgrounds,
            split=self.split,
            has_ground=has_ground,
        )
        if has_ground:
            seats = _seats(rng, people)
            surroundings = replace(surroundings, meshes=surroundings.meshes + seats)
        return Scene(
            view=viewpoint.view,
            people=people,
            surroundings=surroundings,
            contacts=_contacts(people) if has_ground else np.zeros((0, 4), np.float32),
        )

    def _random_person(self, rng: np.random.Generator, number: int) -> Person:
        posed = self._random_posed(rng)
        pieces = self.dresser.random_look(rng, posed)
        turn = turn_about_vertical(rng.uniform(0, 2 * math.pi))
        lift_mm = rng.uniform(50, 600) if rng.random() < LIFTED_SHARE else 0.0
        person = self._stand(posed, self.dresser.meshes(pieces, posed, number), turn, lift_mm)
        held = random_held(rng, person.joints_mm, person.sparse_mm, HELD_SHARE[self.split])
        return replace(person, meshes=person.meshes + held)

    def _random_posed(self, rng: np.random.Generator) -> Posed:
        """A body whose arms do not run through its own trunk, if a few draws find one."""
        shape = self.body.random_shape(rng)
        for _ in range(_MAX_POSE_DRAWS):
            posed = self.body.pose(shape, self.draw_pose(rng))
            if arm_depth_mm(posed, self._solid) < MAX_ARM_DEPTH_MM:
                break
        return posed

    def _stand(
        self, posed: Posed, meshes: list[Mesh], turn: NDArray[np.floating], lift_mm: float
    ) -> Person:
        """The person turned, with the lowest point ``lift_mm`` above the ground."""
        # Garments count too, soles above all.
        lowest = max(float((mesh.vertices_mm @ turn[1]).max()) for mesh in self._shown(meshes))
        shift = np.array([0.0, -lowest - lift_mm, 0.0])
        person = Person(
            meshes=meshes,
            joints_mm=posed.joints_mm.astype(np.float64),
            surface_mm=posed.vertices_mm[self._skin_vertices],
        )
        return _moved(person, turn, shift)

    def _shown(self, meshes: list[Mesh]) -> list[Mesh]:
        """Meshes with only the vertices that some triangle uses."""
        return [
            replace(
                mesh, vertices_mm=np.take(mesh.vertices_mm, mesh.geometry.used_vertices, axis=0)
            )
            for mesh in meshes
        ]

    def _place_beside(
        self, rng: np.random.Generator, people: list[Person], view: View
    ) -> Person | None:
        """Another person near the main one who touches nobody and is before the camera."""
        person = self._random_person(rng, number=len(people) + 1)
        middle = people[0].joints_mm.mean(axis=0)
        for _ in range(_MAX_DRAWS):
            away = math.exp(rng.uniform(math.log(350), math.log(3500)))
            angle = rng.uniform(0, 2 * math.pi)
            shift = np.array([math.sin(angle), 0, math.cos(angle)]) * away
            shift += [middle[0], 0, middle[2]]
            moved = _moved(person, np.eye(3), shift)
            if view.to_camera(moved.surface_mm)[:, 2].min() < MIN_DEPTH_MM:
                continue
            if all(_gap_mm(moved, other) > MIN_GAP_MM for other in people):
                return moved
        return None


def turn_about_vertical(angle: float) -> NDArray[np.float64]:
    """The (3, 3) rotation about the y axis by an angle in radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _moved(
    person: Person, rotation: NDArray[np.floating], shift_mm: NDArray[np.floating]
) -> Person:
    turn, shift = rotation.T.astype(np.float32), shift_mm.astype(np.float32)
    return Person(
        meshes=[
            replace(mesh, vertices_mm=mesh.vertices_mm @ turn + shift) for mesh in person.meshes
        ],
        joints_mm=person.joints_mm @ rotation.T + shift_mm,
        surface_mm=person.surface_mm @ turn + shift,
    )


def _gap_mm(first: Person, second: Person) -> float:
    a, b = first.sparse_mm, second.sparse_mm
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return math.sqrt(max(float(squared.min()), 0.0))


def _seats(rng: np.random.Generator, people: list[Person]) -> list[Mesh]:
    """Seats for those who sit, where nobody else stands."""
    seats = []
    for person in people:
        seat = _seat(rng, person)
        others = [other.sparse_mm for other in people if other is not person]
        if seat is not None and all(is_clear(seat, other, 20.0) for other in others):
            seats.append(seat)
    return seats


def _seat(rng: np.random.Generator, person: Person) -> Mesh | None:
    """Something to sit on, for who would sit in the air otherwise; now and then left out."""
    joint = dict(zip(MUCO_21.joint_names, person.joints_mm, strict=True))
    pelvis = joint["Pelvis"]
    thighs = [joint[f"{side}_Knee"] - joint[f"{side}_Hip"] for side in "LR"]
    levels = [abs(thigh[1]) / np.linalg.norm(thigh) for thigh in thighs]
    upright = (pelvis - joint["Thorax"])[1] > 250
    if not upright or max(levels) > 0.6 or rng.random() < 0.15:
        return None
    near = np.linalg.norm(person.surface_mm[:, [0, 2]] - pelvis[[0, 2]], axis=1) < 130
    if not near.any():
        return None
    top = float(person.surface_mm[near, 1].max())
    height = -top
    if not 150 < height < 900:
        return None
    forward = np.mean(thighs, axis=0)[[0, 2]]
    forward /= max(float(np.linalg.norm(forward)), 1e-6)
    width, depth = rng.uniform(300, 650, 2)
    at = pelvis - [forward[0] * 0.3 * depth, 0, forward[1] * 0.3 * depth]
    size = np.array([width, height - 5, depth])
    geometry, vertices = SHAPES["box"]
    turn = turn_about_vertical(math.atan2(forward[0], forward[1]))
    placed = (vertices * size) @ turn.T + [at[0], -size[1] / 2, at[2]]
    return Mesh(
        geometry=geometry,
        vertices_mm=placed.astype(np.float32),
        material=random_material(rng),
    )


def _contacts(people: list[Person]) -> NDArray[np.float32]:
    """(K, 4) soft dark spots under what is near the ground, the nearest first."""
    joints = np.concatenate([person.joints_mm[_CONTACT_JOINTS] for person in people])
    height = -joints[:, 1]
    near = np.flatnonzero(height < 450)
    near = near[np.argsort(height[near], kind="stable")]
    strength = 0.5 * np.clip(1 - height[near] / 450, 0, 1)
    radius = 70 + 0.5 * height[near].clip(0)
    return np.stack([joints[near, 0], joints[near, 2], radius, strength], axis=1).astype(np.float32)
