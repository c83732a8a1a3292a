"""The 3D page: everything inside, nothing breaks out, nothing is fetched."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mobilehumanpose.errors import UserError
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


def scene(text: str) -> dict:
    return json.loads(Page(text).texts["scene"])


def test_the_numbers_are_in_the_page(pose):
    (person,) = scene(render_page(PHOTO, [pose], "photo.jpg"))["people"]
    np.testing.assert_allclose(person["keypoints_mm"], pose.keypoints_mm, atol=6e-4)
    np.testing.assert_allclose(person["keypoints_px"], pose.keypoints_px, atol=6e-4)
    assert person["joint_names"] == list(pose.skeleton.joint_names)
    assert [edge[:2] for edge in person["edges"]] == [list(edge) for edge in pose.skeleton.edges]
    assert person["camera"]["is_assumed"]


def test_the_photo_is_in_the_page_and_not_too_large(pose):
    for size in ((48, 64), (100, 3000), (3000, 2000)):
        photo = np.full((*size, 3), (250, 10, 10), np.uint8)
        (source,) = Page(render_page(photo, [pose], "x")).images
        encoded = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
        shown = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert max(shown.shape) == min(max(size), MAX_PHOTO_PX)
        assert np.abs(shown[0, 0].astype(int) - (250, 10, 10)).max() < 12


@pytest.mark.parametrize(
    "title",
    [
        "</script><script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "a & b @@SCENE@@ <!--",
    ],
)
def test_a_file_s_name_cannot_break_out(pose, title):
    plain, page = Page(render_page(PHOTO, [pose], "plain")), Page(render_page(PHOTO, [pose], title))
    assert page.tags == plain.tags
    assert title in page.texts["h1"]
    assert json.loads(page.texts["scene"])["title"] == title


def test_nothing_is_fetched(pose):
    text = render_page(PHOTO, [pose], "x")
    assert "default-src 'none'" in text
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert set(Page(text).tags) & {"link", "iframe", "object", "embed", "base"} == set()


def test_a_page_without_people(pose):
    assert scene(render_page(PHOTO, [], "x"))["people"] == []


def test_people_are_called_by_track_or_place(pose):
    people = scene(render_page(PHOTO, [pose, replace(pose, track_id=7)], "x"))["people"]
    assert [person["id"] for person in people] == [0, 7]


def test_numbers_that_are_not_finite_are_refused(pose, tmp_path):
    broken = replace(pose, keypoints_mm=np.full((21, 3), np.inf))
    with pytest.raises(UserError, match="person 1: keypoints_mm"):
        write_page(tmp_path / "x.html", PHOTO, [pose, broken], "x")
    assert not list(tmp_path.iterdir())


def test_the_page_is_decided(pose):
    assert render_page(PHOTO, [pose], "x") == render_page(PHOTO, [pose], "x")
