"""Folds bend light and nothing else, and people of held-out pictures have none."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.data.synth import SPLITS
from mobilehumanpose.geometry import Camera
from mobilehumanpose.synth.folds import FOLDED_SHARE, SLOPE_RANGE, folds_volume, random_folds
from mobilehumanpose.synth.looks import Dresser
from mobilehumanpose.synth.meshes import NO_FOLDS, Material, Mesh, Paint, round_geometry

pytest.importorskip("moderngl")
from mobilehumanpose.synth.viewing import Backdrop, Light, View

LIGHT = Light(
    to_sun=(0.0, -0.6, -0.8), sun_rgb=(0.7,) * 3, sky_rgb=(0.3,) * 3, ground_rgb=(0.1,) * 3
)
BACKDROP = Backdrop(kind="sky", sky_rgb=(0, 0, 1), horizon_rgb=(0, 0, 1), catches_shadows=False)
CAMERA = Camera(focal_px=(300.0, 300.0), center_px=(99.5, 99.5))
VIEW = View(
    rotation=np.eye(3), position_mm=np.array([0, -900.0, -1500.0]), camera=CAMERA, size=(200, 200)
)


def ball(folds=None) -> Mesh:
    geometry, vertices = round_geometry("ball")
    material = Material(paint=Paint(tint=(0.5, 0.5, 0.5), amount=1.0))
    if folds is not None:
        material = replace(material, folds=folds)
    placed = (vertices * 900 + [0, -900, 0]).astype(np.float32)
    return Mesh(geometry=geometry, vertices_mm=placed, material=material, person=1)


def test_the_volume_repeats_without_a_seam():
    slopes = (folds_volume() / 255.0 - 0.5) * SLOPE_RANGE
    assert slopes.mean() == pytest.approx(0, abs=0.02)
    assert slopes.std() == pytest.approx(1, abs=0.02)
    for axis in range(3):
        steps = np.abs(np.diff(slopes, axis=axis)).mean()
        seam = np.abs(slopes.take(0, axis) - slopes.take(-1, axis)).mean()
        assert seam < 1.5 * steps


@pytest.mark.parametrize("seed", range(5))
def test_folds_change_the_light_and_not_the_shape(renderer, seed):
    folds = random_folds(np.random.default_rng(seed))
    smooth = renderer.render(VIEW, [ball()], LIGHT, BACKDROP)
    folded = renderer.render(VIEW, [ball(folds)], LIGHT, BACKDROP)
    assert (folded.person == smooth.person).all()
    assert (folded.depth_mm == smooth.depth_mm).all()
    change = folded.rgb[smooth.person == 1].astype(int) - smooth.rgb[smooth.person == 1]
    assert change.std() > 2
    # Lighter in one place and darker in another, and about as light on the whole.
    assert abs(change.mean()) < 2 * change.std()
    assert min((change > 2).mean(), (change < -2).mean()) > 0.03


def test_deeper_folds_change_more(renderer):
    folds = random_folds(np.random.default_rng(0))
    smooth = renderer.render(VIEW, [ball()], LIGHT, BACKDROP).rgb.astype(int)
    changes = [
        np.abs(
            renderer.render(
                VIEW, [ball(replace(folds, height_mm=share * folds.height_mm))], LIGHT, BACKDROP
            ).rgb
            - smooth
        ).mean()
        for share in (0.0, 0.3, 1.0)
    ]
    assert changes[0] == 0
    assert changes[1] < changes[2]


def test_only_people_of_training_have_folds(tiny_body):
    posed = tiny_body.pose(
        tiny_body.random_shape(np.random.default_rng(0)), tiny_body.rest_rotations()
    )
    share = {}
    for split in SPLITS:
        dresser = Dresser(tiny_body, None, split)
        looks = [dresser.random_look(np.random.default_rng(seed), posed) for seed in range(60)]
        share[split] = np.mean(
            [any(piece.material.folds.height_mm for piece in look) for look in looks]
        )
    assert share["train"] > 0.6
    assert share["held-out"] == 0


def test_nothing_else_of_a_look_hangs_on_folds(tiny_body, monkeypatch):
    posed = tiny_body.pose(
        tiny_body.random_shape(np.random.default_rng(0)), tiny_body.rest_rotations()
    )
    folded = Dresser(tiny_body, None, "train")
    monkeypatch.setitem(FOLDED_SHARE, "train", 0.0)
    smooth = Dresser(tiny_body, None, "train")
    for seed in range(20):
        bare, creased = (
            dresser.random_look(np.random.default_rng(seed), posed) for dresser in (smooth, folded)
        )
        assert [piece.material for piece in bare] == [
            replace(piece.material, folds=NO_FOLDS) for piece in creased
        ]
