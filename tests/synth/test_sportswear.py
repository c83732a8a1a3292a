"""Gloves and suits of one colour: paint that changes no label, and none on held-out people."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.data.synth import SPLITS
from mobilehumanpose.geometry import Camera, project
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.looks import Dresser
from mobilehumanpose.synth.meshes import Geometry, Material, Mesh, Paint, Painted
from mobilehumanpose.synth.sportswear import in_one_color, with_gloves
from mobilehumanpose.synth.zones import body_zones

pytest.importorskip("moderngl")
from mobilehumanpose.synth.viewing import Backdrop, Light, View

RED, GREEN, BLUE, WHITE = (
    Paint(tint=tint, amount=1.0)
    for tint in ((0.6, 0.02, 0.02), (0.02, 0.6, 0.02), (0.02, 0.02, 0.6), (0.6, 0.6, 0.6))
)
SHIRT = Painted(
    top=RED, bottom=GREEN, shoes=GREEN, hair=Paint(), collar=-0.9, hem=-0.4, sleeve=0.3,
    waist=-0.2, cuff=0.4, shoe=2.0, loose_top_mm=5.0,
)  # fmt: skip
OVER_A_SUIT = replace(SHIRT, hem=-2.0, sleeve=-0.1, waist=3.0)
LIGHT = Light(
    to_sun=(0.0, -0.6, -0.8), sun_rgb=(0.4,) * 3, sky_rgb=(0.7,) * 3, ground_rgb=(0.7,) * 3
)
BACKDROP = Backdrop(kind="sky", sky_rgb=(0.2,) * 3, horizon_rgb=(0.2,) * 3, catches_shadows=False)


def generators(count):
    return [np.random.default_rng(seed) for seed in range(count)]


def test_one_color_reaches_from_neck_to_ankle():
    full = 0
    for rng in generators(40):
        painted = in_one_color(rng, Material(painted=SHIRT)).painted
        assert painted.bottom == painted.top == RED
        if painted.cuff != SHIRT.cuff:
            full += 1
            assert painted.hem >= painted.waist, "a gap at the belly"
            assert painted.sleeve > 0.85
            assert painted.cuff > 0.85
    assert 15 < full < 38


def test_the_lower_part_of_a_garment_is_as_its_upper_one():
    garment = Material(paint=BLUE, lower_paint=RED, lower_from=0.0)
    assert in_one_color(np.random.default_rng(0), garment).lower_paint == BLUE


def test_nothing_is_painted_over_under_a_suit():
    for rng in generators(20):
        painted = in_one_color(rng, Material(painted=OVER_A_SUIT)).painted
        assert replace(painted, bottom=GREEN) == OVER_A_SUIT


def test_gloves_lie_on_hands_alone(renderer, real_body):
    """Of what changes colour, all is nearer to a hand's joint than to an elbow."""
    posed = real_body.pose(
        real_body.random_shape(np.random.default_rng(3)), real_body.rest_rotations()
    )
    geometry = Geometry.build(
        "bare",
        real_body.skin_triangles,
        real_body.skin_uv,
        body_zones(posed.vertices_mm, posed.joints_mm),
    )
    view = View(
        rotation=np.eye(3),
        position_mm=np.array([0, 0, -3000.0]),
        camera=Camera(focal_px=(500.0, 500.0), center_px=(199.5, 199.5)),
        size=(400, 400),
    )

    def picture(painted):
        mesh = Mesh(
            geometry=geometry,
            vertices_mm=posed.vertices_mm,
            material=Material(paint=WHITE, painted=painted),
            person=1,
        )
        return renderer.render(view, [mesh], LIGHT, BACKDROP).rgb.astype(int)

    bare = replace(SHIRT, loose_top_mm=0.0)
    gloved = replace(with_gloves(np.random.default_rng(0), bare), gloves=BLUE, loose_gloves_mm=0.0)
    rows, columns = np.nonzero(np.abs(picture(gloved) - picture(bare)).sum(axis=2) > 30)
    assert len(rows) > 50
    joints_px = project(posed.joints_mm + [0, 0, 3000.0], view.camera)
    away = {
        part: np.min(
            [
                np.hypot(*(np.stack([columns, rows], 1) - joints_px[MUCO_21.index(name)]).T)
                for name in (f"R_{part}", f"L_{part}")
            ],
            axis=0,
        )
        for part in ("Hand", "Elbow")
    }
    assert (away["Hand"] < away["Elbow"]).all()


def test_only_people_of_training_wear_them(tiny_body):
    posed = tiny_body.pose(
        tiny_body.random_shape(np.random.default_rng(0)), tiny_body.rest_rotations()
    )
    gloves, one_color = {}, {}
    for split in SPLITS:
        dresser = Dresser(tiny_body, None, split)
        looks = [dresser.random_look(rng, posed)[0].material.painted for rng in generators(100)]
        gloves[split] = np.mean([painted.glove < 2 for painted in looks])
        one_color[split] = np.mean([painted.top == painted.bottom for painted in looks])
    assert 0.05 < gloves["train"] < 0.3
    assert 0.1 < one_color["train"] < 0.35
    assert gloves["held-out"] == one_color["held-out"] == 0
