"""What is around people: backdrops, rooms, things behind and before them, and light."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from .backgrounds import Backgrounds
from .colors import light_rgb, thing_rgb
from .meshes import Material, Mesh, Paint, box_geometry, quad_geometry, round_geometry
from .textures import NUM_TEXTURES
from .viewing import Backdrop, Light, View

QUAD, QUAD_VERTICES = quad_geometry()
SHAPES = {
    "box": box_geometry(),
    **{kind: round_geometry(kind) for kind in ("ball", "cylinder", "cone")},
}
#: How often people stand before a picture, in a panorama, in a room, on open ground. What is drawn
#: is plainer than the world; held-out surroundings stay as they were, so that figures compare.
KINDS: dict[Split, dict[str, float]] = {
    "train": {"picture": 0.37, "panorama": 0.38, "room": 0.18, "open": 0.07},
    "held-out": {"picture": 0.27, "panorama": 0.28, "room": 0.3, "open": 0.15},
}
#: Share of pictures whose people stand against the light, and what is left of theirs. Held-out ones
#: have none, as they never did.
AGAINST_LIGHT_SHARE: dict[Split, float] = {"train": 0.15, "held-out": 0.0}
AGAINST_LIGHT_EXPOSURE = (0.08, 0.5)
OCCLUDER_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """All of a scene but the people.

    Attributes:
        kind: a key of ``KINDS``' shares.
        backdrop: behind everything.
        light: on everything.
        meshes: things, floor and walls.
    """

    kind: str
    backdrop: Backdrop
    light: Light
    meshes: list[Mesh]


def random_surroundings(
    rng: np.random.Generator,
    view: View,
    people_mm: list[NDArray[np.floating]],
    backgrounds: Backgrounds,
    *,
    split: Split,
    has_ground: bool,
) -> Surroundings:
    """Draw what is around people.

    Args:
        rng: of the draws.
        view: the camera, so that it stands in the room and no thing fills its picture.
        people_mm: (N, 3) surface points of each person, the main one first.
        backgrounds: pictures and panoramas to choose from.
        split: whose ``KINDS`` to draw from, and ``AGAINST_LIGHT_SHARE``.
        has_ground: False where the camera looks up from below the ground.
    """
    kind = _random_kind(rng, KINDS[split], backgrounds, has_ground=has_ground)
    meshes: list[Mesh] = []
    if kind == "room":
        meshes += _room(rng, view, people_mm, backgrounds)
    elif kind == "open":
        meshes.append(_floor(rng, 60_000.0))
    if has_ground:
        meshes += _things_behind(rng, view, people_mm)
    if rng.random() < OCCLUDER_SHARE:
        meshes += _things_before(rng, view, people_mm, has_ground=has_ground)
    backdrop = _backdrop(rng, kind, backgrounds, has_ground=has_ground)
    light = _light(rng, kind, backdrop, backgrounds)
    against_light = AGAINST_LIGHT_SHARE[split]
    if against_light and rng.random() < against_light:
        left = math.exp(rng.uniform(*np.log(AGAINST_LIGHT_EXPOSURE)))
        light = replace(light, exposure=left * light.exposure)
    return Surroundings(kind=kind, backdrop=backdrop, light=light, meshes=meshes)


def _random_kind(
    rng: np.random.Generator, kinds: dict[str, float], backgrounds: Backgrounds, *, has_ground: bool
) -> str:
    shares = dict(kinds)
    if not has_ground:
        shares["room"] = 0.0
        shares["picture"] += shares["open"]
        shares["open"] = 0.0
    if not backgrounds.panoramas:
        shares["panorama"] = 0.0
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def _backdrop(
    rng: np.random.Generator, kind: str, backgrounds: Backgrounds, *, has_ground: bool
) -> Backdrop:
    if kind == "panorama":
        name = backgrounds.panoramas[int(rng.integers(len(backgrounds.panoramas)))]
        return Backdrop(
            kind="panorama",
            texture=f"panorama:{name}",
            yaw=float(rng.uniform(-math.pi, math.pi)),
            blur_lod=float(rng.uniform(0, 2)),
            gain=_gain(rng),
            catches_shadows=has_ground,
        )
    if kind != "picture":
        shade = light_rgb(rng, -0.15)
        bright = rng.uniform(0.5, 0.95)
        sky = tuple(float(bright * s * f) for s, f in zip(shade, (0.65, 0.85, 1), strict=True))
        return Backdrop(
            kind="sky",
            sky_rgb=(sky[0], sky[1], sky[2]),
            horizon_rgb=(bright, bright, bright),
            catches_shadows=False,
        )
    if backgrounds.pictures and rng.random() < 0.75:
        name = backgrounds.pictures[int(rng.integers(len(backgrounds.pictures)))]
        texture = f"picture:{name}"
        size = rng.uniform(0.25, 0.9)
    else:
        texture = f"surface:{int(rng.integers(NUM_TEXTURES))}"
        size = rng.uniform(0.7, 3)
    corner = rng.uniform(0, max(1 - size, 0.001), 2)
    window = (float(corner[0]), float(corner[1]), float(size), float(size))
    if rng.random() < 0.5:
        window = (window[0] + window[2], window[1], -window[2], window[3])
    return Backdrop(
        kind="picture",
        texture=texture,
        window=window,
        blur_lod=float(rng.uniform(0, 3) if rng.random() < 0.6 else 0),
        gain=_gain(rng),
        catches_shadows=has_ground,
    )


def _gain(rng: np.random.Generator) -> tuple[float, float, float]:
    level = rng.uniform(0.6, 1.15)
    r, g, b = (level * rng.uniform(0.88, 1.12, 3)).tolist()
    return r, g, b


def _light(
    rng: np.random.Generator, kind: str, backdrop: Backdrop, backgrounds: Backgrounds
) -> Light:
    if kind == "panorama" and backdrop.texture is not None:
        own = backgrounds.light(backdrop.texture.removeprefix("panorama:"))
        c, s = math.cos(backdrop.yaw), math.sin(backdrop.yaw)
        x, y, z = own.to_sun
        # A turn by yaw about the vertical; light from below the knees looks like a stage.
        to_sun = _unit(np.array([c * x - s * z, min(y, -0.15), s * x + c * z]))
        sun, sky, ground = (np.array(rgb) for rgb in (own.sun_rgb, own.sky_rgb, own.ground_rgb))
        sun = np.minimum(sun, 4 * sky.mean()) + 0.15 * sky
    else:
        elevation, around = math.radians(rng.uniform(18, 85)), rng.uniform(0, 2 * math.pi)
        flat = math.cos(elevation)
        to_sun = (
            flat * math.sin(around),
            -math.sin(elevation),
            flat * math.cos(around),
        )
        contrast = math.exp(rng.uniform(math.log(0.15), math.log(4)))
        warmth = rng.normal(0, 0.25)
        sun = contrast * np.array(light_rgb(rng, warmth + 0.15))
        sky = np.array(light_rgb(rng, -0.3 * warmth))
        ground = sky * np.array(thing_rgb(rng)) * (0.6 + 0.4 * contrast)
    arriving = 0.7 * sky.mean() + 0.3 * ground.mean() + 0.5 * sun.mean()
    exposure = math.exp(rng.normal(math.log(1.05), 0.25)) / max(float(arriving), 1e-6)
    return Light(
        to_sun=to_sun,
        sun_rgb=tuple(sun.tolist()),
        sky_rgb=tuple(sky.tolist()),
        ground_rgb=tuple(ground.tolist()),
        exposure=exposure,
    )


def _unit(vector: NDArray[np.floating]) -> tuple[float, float, float]:
    x, y, z = (vector / np.linalg.norm(vector)).tolist()
    return x, y, z


def random_material(rng: np.random.Generator, *, repeats: float = 1.0) -> Material:
    """A surface of a thing, a wall or a floor."""
    is_plain = rng.random() < 0.25
    return Material(
        texture=None if is_plain else f"surface:{int(rng.integers(NUM_TEXTURES))}",
        paint=Paint(tint=thing_rgb(rng), amount=1.0 if is_plain else float(rng.uniform(0.6, 1))),
        uv_scale=float(repeats),
        gloss=float(rng.uniform(0, 0.2)),
    )


def _floor(rng: np.random.Generator, side_mm: float) -> Mesh:
    material = random_material(rng, repeats=side_mm / rng.uniform(500, 3000))
    return _quad((-side_mm / 2, 0, -side_mm / 2), (side_mm, 0, 0), (0, 0, side_mm), material)


def _quad(
    corner: tuple[float, float, float],
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    material: Material,
) -> Mesh:
    axes = np.array([first, second], np.float32)
    vertices = QUAD_VERTICES[:, :2] @ axes + np.array(corner)
    return Mesh(
        geometry=QUAD,
        vertices_mm=vertices.astype(np.float32),
        material=material,
        casts_shadow=False,
    )


def _room(
    rng: np.random.Generator,
    view: View,
    people_mm: list[NDArray[np.floating]],
    backgrounds: Backgrounds,
) -> list[Mesh]:
    """Floor, four walls with a poster or two, and a ceiling, around everybody and the camera."""
    around = np.concatenate([*people_mm, view.position_mm[None]])
    low = around.min(axis=0) - np.exp(rng.uniform(np.log(350), np.log(4000), 3))
    high = around.max(axis=0) + np.exp(rng.uniform(np.log(350), np.log(4000), 3))
    top = min(-rng.uniform(2300, 4000), around[:, 1].min() - 300)
    x, z = low[0], low[2]
    width, depth = high[0] - low[0], high[2] - low[2]
    wall = random_material(rng, repeats=rng.uniform(1, 5))
    other = wall if rng.random() < 0.6 else random_material(rng, repeats=rng.uniform(1, 5))
    floor = random_material(rng, repeats=rng.uniform(2, 10))
    meshes = [
        _quad((x, 0, z), (width, 0, 0), (0, 0, depth), floor),
        _quad((x, top, z), (width, 0, 0), (0, 0, depth), random_material(rng)),
        _quad((x, top, z + depth), (width, 0, 0), (0, -top, 0), wall),
        _quad((x, top, z), (width, 0, 0), (0, -top, 0), wall),
        _quad((x, top, z), (0, 0, depth), (0, -top, 0), other),
        _quad((x + width, top, z), (0, 0, depth), (0, -top, 0), other),
    ]
    for number in range(int(rng.integers(0, 5))):  # posters, windows and doors on the far wall
        size = rng.uniform(300, 1500, 2)
        left = rng.uniform(x, max(x + width - size[0], x + 1))
        upper = rng.uniform(top, max(-size[1], top + 1))
        material = random_material(rng)
        if backgrounds.pictures and rng.random() < 0.6:
            name = backgrounds.pictures[int(rng.integers(len(backgrounds.pictures)))]
            material = Material(texture=f"picture:{name}")
        meshes.append(
            _quad(
                (left, upper, z + depth - 15 * (number + 1)),
                (size[0], 0, 0),
                (0, size[1], 0),
                material,
            )
        )
    return meshes


def random_thing(
    rng: np.random.Generator,
    middle_mm: NDArray[np.floating],
    size_mm: NDArray[np.floating],
    *,
    may_tip: bool = False,
) -> Mesh:
    """A box, ball, cylinder or cone of about that size, turned at random."""
    geometry, vertices = SHAPES[str(rng.choice(list(SHAPES), p=(0.5, 0.15, 0.25, 0.1)))]
    angle = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    if may_tip:
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    placed = (vertices * size_mm) @ turn.T + middle_mm
    return Mesh(
        geometry=geometry,
        vertices_mm=placed.astype(np.float32),
        material=random_material(rng, repeats=rng.uniform(0.5, 3)),
    )


def _things_behind(
    rng: np.random.Generator, view: View, people_mm: list[NDArray[np.floating]]
) -> list[Mesh]:
    """Furniture, plants, posts: on the ground, behind or beside the main person."""
    main = people_mm[0]
    depth_mm = view.to_camera(main)[:, 2].mean()
    middle = main.mean(axis=0)
    things = []
    for _ in range(int(rng.poisson(2.5))):
        size = np.exp(rng.uniform(np.log(150), np.log(1600), 3))
        away = math.exp(rng.uniform(math.log(500), math.log(6000)))
        angle = rng.uniform(0, 2 * math.pi)
        at = np.array([middle[0] + away * math.sin(angle), -size[1] / 2, middle[2]])
        at[2] += away * math.cos(angle)
        if view.to_camera(at)[2] < depth_mm - 200:
            continue
        thing = random_thing(rng, at, size)
        if all(is_clear(thing, person, 60.0) for person in people_mm):
            things.append(thing)
    return things


def _things_before(
    rng: np.random.Generator,
    view: View,
    people_mm: list[NDArray[np.floating]],
    *,
    has_ground: bool,
) -> list[Mesh]:
    """One or two things between the camera and the main person."""
    main = people_mm[0]
    extent = float(np.linalg.norm(main.max(axis=0) - main.min(axis=0)))
    things = []
    for _ in range(int(rng.integers(1, 3))):
        hidden = main[int(rng.integers(len(main)))]
        along = rng.uniform(0.3, 0.9)
        at = view.position_mm + (hidden - view.position_mm) * along
        size = extent * along * np.exp(rng.uniform(np.log(0.06), np.log(0.4), 3))
        if np.linalg.norm(at - view.position_mm) < 200 + np.linalg.norm(size):
            continue
        if has_ground and at[1] < 0 and rng.random() < 0.5:  # it stands on the ground
            size[1] = -at[1]
            at = np.array([at[0], at[1] / 2, at[2]])
            thing = random_thing(rng, at, size)
        else:
            thing = random_thing(rng, at, size, may_tip=True)
        if has_ground and thing.vertices_mm[:, 1].max() > 20:
            continue
        if all(is_clear(thing, person, 30.0) for person in people_mm):
            things.append(thing)
    return things


def is_clear(thing: Mesh, person_mm: NDArray[np.floating], gap_mm: float) -> bool:
    """Whether no point of the person lies in the thing's box, grown by the gap."""
    low, high = thing.vertices_mm.min(axis=0) - gap_mm, thing.vertices_mm.max(axis=0) + gap_mm
    return not bool(((person_mm > low) & (person_mm < high)).all(axis=1).any())
