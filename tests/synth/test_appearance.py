"""Zones of the body, parts of garments, textures, and what cameras do to a picture."""

import cv2
import numpy as np
import pytest

from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.looks import lower_part
from mobilehumanpose.synth.meshes import Geometry, box_geometry, round_geometry
from mobilehumanpose.synth.photograph import take_photograph
from mobilehumanpose.synth.textures import NUM_TEXTURES, procedural_texture
from mobilehumanpose.synth.zones import SCALP, body_zones


def test_zones_run_along_arms_and_legs(real_body):
    shape = real_body.random_shape(np.random.default_rng(0))
    posed = real_body.pose(shape, real_body.rest_rotations())
    zones = body_zones(posed.vertices_mm, posed.joints_mm)

    def zone(joint):
        skin = np.unique(real_body.skin_triangles)
        at = posed.joints_mm[MUCO_21.index(joint)]
        near = np.linalg.norm(posed.vertices_mm[skin] - at, axis=1)
        return zones[skin[np.argsort(near)[:20]]].mean(axis=0)

    for side in "LR":
        assert zone(f"{side}_Elbow")[0] == pytest.approx(0.5, abs=0.06)
        assert zone(f"{side}_Wrist")[0] == pytest.approx(1.0, abs=0.06)
        assert zone(f"{side}_Knee")[0] < 0
        assert zone(f"{side}_Knee")[1] == pytest.approx(0.5, abs=0.06)
        assert zone(f"{side}_Ankle")[1] == pytest.approx(1.0, abs=0.06)
    assert zone("Spine")[0] < 0
    assert -1 < zone("Spine")[1] < 0
    assert zone("Head_top")[1] == SCALP


def test_trousers_are_told_from_the_shirt():
    """Two pieces of cloth, a shirt down to the hips and trousers from the waist down."""
    strip = np.stack([np.arange(8), np.arange(1, 9), np.arange(2, 10)], axis=1)
    down = np.concatenate([np.linspace(-1, 0.1, 10), np.linspace(-0.15, 1, 10)])
    is_lower = lower_part(np.concatenate([strip, strip + 10]), down)
    assert is_lower.tolist() == [False] * 10 + [True] * 10


def test_an_overall_is_parted_at_the_waist():
    strip = np.stack([np.arange(18), np.arange(1, 19), np.arange(2, 20)], axis=1)
    down = np.linspace(-1, 1, 20)
    assert (lower_part(strip, down) == (down > -0.08)).all()


def test_corners_keep_place_and_point_outwards():
    for geometry, vertices in (box_geometry(), round_geometry("ball"), round_geometry("cone")):
        corners = geometry.corners(vertices)
        assert (corners[:, :3] == vertices[geometry.corner_vertex]).all()
        lengths = np.linalg.norm(corners[:, 3:], axis=1)
        assert lengths == pytest.approx(1, abs=1e-4)
        outward = (corners[:, 3:] * corners[:, :3]).sum(axis=1)
        assert (np.abs(outward) > 0.05).mean() > 0.9


def test_a_vertex_at_two_places_of_the_texture_is_two_corners():
    triangles = np.array([[0, 1, 2], [2, 1, 3]])
    uv = np.zeros((2, 3, 2))
    uv[1] += 0.5
    assert len(Geometry.build("two", triangles, uv).corner_vertex) == 6
    assert len(Geometry.build("one", triangles, uv * 0).corner_vertex) == 4


@pytest.mark.parametrize("number", range(0, NUM_TEXTURES, 5))
def test_textures_repeat_without_a_seam(number):
    texture = procedural_texture(number).astype(int)
    assert texture.shape == (256, 256, 3)
    assert texture.std() > 3
    assert (texture == procedural_texture(number)).all()
    steps = np.abs(np.diff(texture, axis=0)).mean(axis=(1, 2))
    seam = np.abs(texture[0] - texture[-1]).mean()
    assert seam <= 1.05 * steps.max() + 2


def test_photographs_differ_but_show_the_same():
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(40, 215, (12, 10, 3), np.uint8), (280, 350))
    plain = cv2.resize(scene, (200, 250), interpolation=cv2.INTER_AREA).astype(float)
    photographs = [
        take_photograph(np.random.default_rng(seed), scene, (200, 250)) for seed in range(20)
    ]
    again = take_photograph(np.random.default_rng(3), scene, (200, 250))
    assert (again == photographs[3]).all()
    assert len({p.tobytes() for p in photographs}) == 20
    for photograph in photographs:
        assert photograph.shape == (250, 200, 3)
        assert photograph.dtype == np.uint8
        seen = np.corrcoef(photograph.mean(axis=2).ravel(), plain.mean(axis=2).ravel())[0, 1]
        assert seen > 0.8
