"""The 3D page: everything inside, nothing breaks out, nothing is fetched."""

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mobilehumanpose.results import poses_from_json, poses_to_json
from mobilehumanpose.viewer import MAX_PHOTO_PX, render_page, write_page

PHOTO = np.full((48, 64, 3), (250, 10, 10), np.uint8)


class Page(HTMLParser):
    """What a browser makes of the page: its texts, by the element that they are in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self.images: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.inside = attributes.get("id") or tag
        if tag == "img":
            self.images.append(attributes["src"])

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def document(*poses, name: str = "photo.jpg") -> str:
    return poses_to_json(poses, image_name=name, image_size=(64, 48), model="m")


def test_the_page_holds_the_document_itself(pose):
    text = document(pose, replace(pose, track_id=7))
    held = Page(render_page(PHOTO, text)).texts["document"]
    assert json.loads(held) == json.loads(text)
    back = poses_from_json(held, "page")
    np.testing.assert_allclose(back[1].keypoints_mm, pose.keypoints_mm, atol=0.0051)


def test_the_photo_is_in_the_page_and_not_too_large(pose):
    for size in ((48, 64), (100, 3000), (3000, 2000)):
        photo = np.full((*size, 3), (250, 10, 10), np.uint8)
        (source,) = Page(render_page(photo, document(pose))).images
        encoded = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
        shown = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert max(shown.shape) == min(max(size), MAX_PHOTO_PX)
        assert np.abs(shown[0, 0].astype(int) - (250, 10, 10)).max() < 12


@pytest.mark.parametrize(
    "title",
    [
        "</script><script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "a & b @@DOCUMENT@@ <!--",
    ],
)
def test_a_file_s_name_cannot_break_out(pose, title):
    plain = Page(render_page(PHOTO, document(pose)))
    page = Page(render_page(PHOTO, document(pose, name=title)))
    assert page.tags == plain.tags
    assert title in page.texts["h1"]
    assert json.loads(page.texts["document"])["image"] == title


def test_nothing_is_fetched(pose):
    text = render_page(PHOTO, document(pose))
    assert "default-src 'none'" in text
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert set(Page(text).tags) & {"link", "iframe", "object", "embed", "base"} == set()


def test_a_page_is_written_whole_and_the_same_each_time(pose, tmp_path):
    for people in ((), (pose,)):
        path = tmp_path / f"{len(people)}.html"
        write_page(path, PHOTO, document(*people))
        assert path.read_text() == render_page(PHOTO, document(*people))


#: The page's 3D view without a browser: its elements are stand-ins, its arithmetic is its own.
RUN_VIEW = """
const elements = { plane: { checked: true }, photo: { cloneNode: () => ({ style: {} }) },
  view: { clientWidth: 500, clientHeight: 300, getContext: () => null, before: () => {} } };
const $ = (id) => elements[id];
const scene = %s;
const people = scene.people;
%s
const results = [views.photo, { isPhoto: false, yaw: 0.4, pitch: 0.3, distance: 5 }].map((view) => {
  Object.assign(camera, view);
  placeBackdrop();
  return { style: { ...backdrop.style }, planeDepth,
    joints: world[0].map((point) => toScreen(toView(point)).slice(0, 2)),
    // The same rays, cut by the plane.
    onPlane: people[0].keypoints_mm.map(([x, y, z]) =>
      toScreen(toView([x / z * planeDepth, -y / z * planeDepth, -planeDepth])).slice(0, 2)) };
});
console.log(JSON.stringify(results));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_photo_behind_the_people_is_as_the_camera_sees_it(pose):
    image_size = (64, 48)
    text = document(pose)
    page = render_page(PHOTO, text)
    start, views = page.index("// World: metres"), page.index("const views = {")
    script = page[start : page.index("let isScheduled")]
    script += page[views : page.index("};", views) + 2]
    program = RUN_VIEW % (text, script)
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    from_camera, from_elsewhere = json.loads(done.stdout)

    def shown_at(result: dict) -> np.ndarray:
        """Where the plane shows the pixels that the joints project to."""
        numbers = result["style"]["transform"].removeprefix("matrix3d(").removesuffix(")")
        matrix = np.array(numbers.split(","), float).reshape(4, 4).T
        width, height = (float(result["style"][side][:-2]) for side in ("width", "height"))
        css = (pose.keypoints_px + 0.5) / image_size * (width, height)
        mapped = np.column_stack([css, np.zeros(21), np.ones(21)]) @ matrix.T
        return mapped[:, :2] / mapped[:, 3:]

    # Positions are written to 0.01 px, which fills a canvas eight times as wide.
    np.testing.assert_allclose(shown_at(from_camera), from_camera["joints"], atol=0.1)
    np.testing.assert_allclose(shown_at(from_elsewhere), from_elsewhere["onPlane"], atol=0.1)
    assert np.abs(np.subtract(from_elsewhere["joints"], from_elsewhere["onPlane"])).max() > 10
    farthest_mm = pose.keypoints_mm[:, 2].max()
    assert from_camera["planeDepth"] == pytest.approx(farthest_mm / 1000 + 0.1, abs=1e-4)
