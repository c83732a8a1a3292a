"""What is drawn lies where the labels say, nearer things hide farther ones, and there is shadow."""

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import Camera, project
from mobilehumanpose.synth.meshes import Material, Mesh, Paint, quad_geometry, round_geometry
from mobilehumanpose.synth.viewing import FAR_MM, Backdrop, Light, View

moderngl = pytest.importorskip("moderngl")
from mobilehumanpose.synth.render import Renderer  # noqa: E402

BALL, BALL_VERTICES = round_geometry("ball")
LIGHT = Light(
    to_sun=(0.0, -1.0, 0.0),
    sun_rgb=(1.0, 1.0, 1.0),
    sky_rgb=(0.3, 0.3, 0.3),
    ground_rgb=(0.1, 0.1, 0.1),
)
BACKDROP = Backdrop(kind="sky", sky_rgb=(0, 0, 1), horizon_rgb=(0, 0, 1), catches_shadows=False)


def view(tilt: float = 0.2, roll: float = 0.3) -> View:
    c, s = np.cos(tilt), np.sin(tilt)
    down = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = np.cos(roll), np.sin(roll)
    turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    camera = Camera(focal_px=(310.0, 290.0), center_px=(70.0, 120.0))
    return View(
        rotation=turned @ down,
        position_mm=np.array([100.0, -1500.0, -200.0]),
        camera=camera,
        size=(230, 170),
    )


def ball(middle_mm, diameter_mm, person=1, rgb=(1.0, 0.0, 0.0)) -> Mesh:
    vertices = BALL_VERTICES * np.float32(diameter_mm) + np.array(middle_mm, np.float32)
    material = Material(paint=Paint(tint=rgb, amount=1.0))
    return Mesh(geometry=BALL, vertices_mm=vertices, material=material, person=person)


@pytest.mark.parametrize("scale", [1.0, 1.4, 2.0])
def test_a_ball_is_drawn_where_its_centre_projects_to(renderer, scale):
    middle_mm, seen = np.array([250.0, -700.0, 2800.0]), view()
    rendered = renderer.render(seen, [ball(middle_mm, 120)], LIGHT, BACKDROP, scale=scale)
    rows, columns = np.nonzero(rendered.person == 1)
    found_px = (np.array([columns.mean(), rows.mean()]) + 0.5) / scale - 0.5
    in_camera = seen.to_camera(middle_mm)
    assert found_px == pytest.approx(project(in_camera, seen.camera), abs=0.4)
    assert rendered.depth_mm.min() == pytest.approx(in_camera[2] - 60, abs=3)
    red, green, blue = rendered.rgb[rendered.person == 1].mean(axis=0)
    assert red > 100
    assert green < 20
    assert blue < 20


def test_what_is_nearer_hides_what_is_farther(renderer):
    near, far = ball((100, -1200, 1500), 100, person=1), ball((100, -1160, 3000), 300, person=2)
    for meshes in ([near, far], [far, near]):
        rendered = renderer.render(view(roll=0), meshes, LIGHT, BACKDROP)
        alone = renderer.render(view(roll=0), [near], LIGHT, BACKDROP)
        assert ((rendered.person == 1) == (alone.person == 1)).all()
        assert (rendered.person == 2).sum() > 100


def test_nobody_and_nothing_is_the_backdrop(renderer):
    rendered = renderer.render(view(), [], LIGHT, BACKDROP)
    assert not rendered.person.any()
    assert (rendered.depth_mm > 0.99 * FAR_MM).all()
    assert (rendered.rgb == (0, 0, 255)).all()


def test_a_ball_throws_a_shadow_on_floor_and_backdrop(renderer):
    """The light is from straight above, so it lies under the ball."""
    floor, vertices = quad_geometry()
    corners = ((vertices - [0.5, 0.5, 0]) * 8000)[:, [0, 2, 1]].astype(np.float32)
    grey = Material(paint=Paint(tint=(0.4, 0.4, 0.4), amount=1.0))
    ground = Mesh(geometry=floor, vertices_mm=corners, material=grey, casts_shadow=False)
    thing = ball((100, -500, 2500), 400)
    catching = Backdrop(kind="sky", sky_rgb=(0.6, 0.6, 0.6), horizon_rgb=(0.6, 0.6, 0.6))
    for meshes, backdrop in (([thing, ground], BACKDROP), ([thing], catching)):
        seen = view(tilt=0.5, roll=0)
        rendered = renderer.render(seen, meshes, LIGHT, backdrop)
        under, beside = (
            project(seen.to_camera(np.array([x, 0.0, 2500.0])), seen.camera).round().astype(int)
            for x in (100, 600)
        )
        in_shadow, in_light = (int(rendered.rgb[y, x, 0]) for x, y in (under, beside))
        assert in_shadow < 0.85 * in_light


def test_contacts_darken_the_ground(renderer):
    catching = Backdrop(kind="sky", sky_rgb=(0.6, 0.6, 0.6), horizon_rgb=(0.6, 0.6, 0.6))
    seen = view(tilt=0.5, roll=0)
    contact = np.array([[100.0, 2500.0, 150.0, 0.8]])
    plain = renderer.render(seen, [], LIGHT, catching).rgb.astype(int)
    dark = renderer.render(seen, [], LIGHT, catching, contacts=contact).rgb.astype(int)
    x, y = project(seen.to_camera(np.array([100.0, 0, 2500.0])), seen.camera).round().astype(int)
    assert dark[y, x, 0] < plain[y, x, 0] - 10
    assert (dark[:40] == plain[:40]).all()


def test_the_same_scene_is_drawn_the_same_way_again(renderer):
    meshes = [ball((250, -700, 2800), 300), ball((0, -300, 2500), 200, person=2)]
    first, second = (renderer.render(view(), meshes, LIGHT, BACKDROP) for _ in range(2))
    assert (first.rgb == second.rgb).all()
    assert (first.depth_mm == second.depth_mm).all()


def test_no_egl_is_told_in_one_line_with_its_remedy(monkeypatch):
    def fail(**_):
        raise Exception("libEGL.so not loaded")  # noqa: TRY002  what moderngl raises

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(UserError, match=r"libEGL.so not loaded.*apt-get install libegl1"):
        Renderer(lambda _: np.zeros((1, 1, 3), np.uint8))
