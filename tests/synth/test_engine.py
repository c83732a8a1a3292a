"""A picture is decided by seed, split and number, and its labels fit one another."""

import cv2
import numpy as np
import pytest

pytest.importorskip("moderngl")
from mobilehumanpose.data.synth import SPLITS
from mobilehumanpose.geometry import Camera, project
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.backgrounds import Backgrounds
from mobilehumanpose.synth.engine import Engine, Sources
from mobilehumanpose.synth.looks import Dresser
from mobilehumanpose.synth.scene import MIN_GAP_MM, SceneMaker


@pytest.fixture
def engine_of(tiny_body, random_pose, renderer):
    def make(seed=0, split="train", body=tiny_body) -> Engine:
        def draw_pose(rng):
            return random_pose(body, int(rng.integers(1000)))

        parts = (body, draw_pose, None, Backgrounds(None), renderer)
        return Engine.from_parts(*parts, seed, split)

    return make


@pytest.fixture
def scenes_of(tiny_body, random_pose):
    def draw_pose(rng):
        return random_pose(tiny_body, int(rng.integers(1000)))

    def make(split, count):
        dresser = Dresser(tiny_body, None, split)
        maker = SceneMaker(tiny_body, draw_pose, dresser, Backgrounds(None), split)
        scenes = (maker.random_scene(np.random.default_rng(seed)) for seed in range(count))
        return [scene for scene in scenes if scene is not None]

    return make


def test_a_picture_is_the_same_whatever_was_made_before_it(engine_of):
    first = engine_of()
    pictures = [first.make(number) for number in range(4)]
    second = engine_of()
    assert second.make(3) == pictures[3]
    assert second.make(0) == pictures[0]
    assert len({picture.jpeg for picture in pictures}) == 4


def test_seed_and_split_decide_too(engine_of):
    pictures = [engine_of().make(1), engine_of(seed=1).make(1), engine_of(split="held-out").make(1)]
    assert len({picture.jpeg for picture in pictures}) == 3


def test_labels_fit_the_picture_and_one_another(engine_of):
    engine = engine_of(seed=2)
    for number in range(8):
        made = engine.make(number)
        pixels = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), 1)
        assert pixels.shape == (made.image["height"], made.image["width"], 3)
        camera = Camera(focal_px=tuple(made.image["f"]), center_px=tuple(made.image["c"]))
        for person in made.people:
            keypoints = np.reshape(person["keypoints"], (21, 3))
            keypoints_mm = np.array(person["keypoints_cam"])
            assert keypoints_mm[:, 2].min() > 0
            assert keypoints[:, :2] == pytest.approx(project(keypoints_mm, camera), abs=0.2)
        main = np.reshape(made.people[0]["keypoints"], (21, 3))
        assert (main[:, 2] > 0).sum() >= 8


def test_people_stand_apart_on_one_ground(scenes_of):
    groups = [scene.people for scene in scenes_of("train", 40)]
    assert max(map(len, groups)) > 2
    lowest = np.array([person.surface_mm[:, 1].max() for people in groups for person in people])
    assert lowest.max() <= 1
    assert (np.abs(lowest) < 20).mean() > 0.8  # the others jump
    for people in groups:
        for i, first in enumerate(people):
            for second in people[i + 1 :]:
                gaps = first.sparse_mm[:, None] - second.sparse_mm
                assert np.linalg.norm(gaps, axis=-1).min() > MIN_GAP_MM


def test_a_wrist_is_drawn_where_its_label_says(real_body, renderer):
    """A lone person, and one joint after another painted over: the label lies on the paint."""
    from dataclasses import replace

    from mobilehumanpose.synth.meshes import Geometry, Material, Mesh, Paint
    from mobilehumanpose.synth.viewing import Backdrop, Light, View

    rng = np.random.default_rng(4)
    posed = real_body.pose(real_body.random_shape(rng), real_body.rest_rotations())
    light = Light(to_sun=(0, -1, 0), sun_rgb=(0, 0, 0), sky_rgb=(1, 1, 1), ground_rgb=(1, 1, 1))
    backdrop = Backdrop(kind="sky", sky_rgb=(0, 0, 1), horizon_rgb=(0, 0, 1))
    camera = Camera(focal_px=(400.0, 400.0), center_px=(150.0, 150.0))
    view = View(
        rotation=np.eye(3), position_mm=np.array([0, 0, -3000.0]), camera=camera, size=(300, 300)
    )
    geometry = Geometry.build("all", real_body.skin_triangles, real_body.skin_uv)
    grey = Material(paint=Paint(tint=(0.2, 0.2, 0.2), amount=1.0))
    skin = Mesh(geometry=geometry, vertices_mm=posed.vertices_mm, material=grey, person=1)
    for joint in ("R_Wrist", "L_Elbow", "R_Knee", "L_Ankle"):
        at = posed.joints_mm[MUCO_21.index(joint)]
        corners = posed.vertices_mm[real_body.skin_triangles]
        near = np.linalg.norm(corners.mean(axis=1) - at, axis=1) < 60
        patch = Geometry.build(joint, real_body.skin_triangles[near], real_body.skin_uv[near])
        red = replace(
            skin, geometry=patch, material=Material(paint=Paint(tint=(1, 0, 0), amount=1))
        )
        nearer = replace(red, vertices_mm=red.vertices_mm - np.array([0, 0, 3], np.float32))
        rendered = renderer.render(view, [skin, nearer], light, backdrop)
        is_red = (rendered.rgb[..., 0] > 100) & (rendered.rgb[..., 1] < 40)
        rows, columns = np.nonzero(is_red)
        px = project(view.to_camera(at), camera)
        assert [columns.mean(), rows.mean()] == pytest.approx(px, abs=3.5)


def test_what_is_missing_is_told(tmp_path):
    from mobilehumanpose.errors import UserError

    with pytest.raises(UserError, match=r"none.zip: no such file of motion capture"):
        Engine.open(Sources(motion=tmp_path / "none.zip"), 0, "train")
    motion = tmp_path / "motion.zip"
    motion.write_bytes(b"")
    with pytest.raises(UserError, match="assets: no such file or folder"):
        Engine.open(Sources(motion=motion, assets=tmp_path / "assets"), 0, "train")
    with pytest.raises(UserError, match="pictures: no such folder of backgrounds"):
        Engine.open(Sources(motion=motion, backgrounds=tmp_path / "pictures"), 0, "train")


def test_only_people_of_training_hold_things(scenes_of):
    held = {}
    for split in SPLITS:
        people = [person for scene in scenes_of(split, 30) for person in scene.people]
        held[split] = sum(mesh.person == 0 for person in people for mesh in person.meshes)
    assert held["train"] > 3
    assert held["held-out"] == 0


def test_only_people_of_training_stand_against_the_light(scenes_of):
    dark_shares = {}
    for split in SPLITS:
        lights = [scene.surroundings.light for scene in scenes_of(split, 60)]
        arriving = [
            light.exposure
            * (
                0.7 * np.mean(light.sky_rgb)
                + 0.3 * np.mean(light.ground_rgb)
                + 0.5 * np.mean(light.sun_rgb)
            )
            for light in lights
        ]
        dark_shares[split] = np.mean(np.array(arriving) < 0.45)
    assert dark_shares["held-out"] == 0
    assert 0.02 < dark_shares["train"] < 0.35
