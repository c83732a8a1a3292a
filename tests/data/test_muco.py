"""MuCo's files, and who of a picture is trained on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.data.muco import choose_people, load_muco
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUCO_21


def path(root):
    return root / "MuCo" / "data" / "MuCo-3DHP.json"


def test_the_nearest_and_those_apart_are_taken():
    pelvis_mm = np.array(
        [
            [0, 0, 4000],  # near to the next: too near, and not in front
            [300, 0, 3000],  # in front
            [900, 0, 5000],  # 600 mm from the second, 900 from the first
            [900, 480, 2900.0],  # of another image, alone
        ]
    )
    chosen = choose_people(np.array([5, 5, 5, 7]), pelvis_mm)
    assert chosen.tolist() == [False, True, True, True]


def test_half_a_metre_is_far_enough_and_depth_does_not_count():
    pelvis_mm = np.array([[0, 0, 3000], [0, 500, 3000], [0, 1000, 3000], [499, 2000, 3000.0]])
    assert choose_people(np.zeros(4, int), pelvis_mm).all()
    behind = np.array([[0, 0, 3000], [100, 0, 9000.0]])
    assert choose_people(np.zeros(2, int), behind).tolist() == [True, False]


def slow_choice(image_index, pelvis_mm):
    """The rule as it is worded: one image and one pair at a time, both distances."""
    chosen = []
    for person, image in enumerate(image_index):
        group = [other for other in range(len(image_index)) if image_index[other] == image]
        nearest = min(group, key=lambda other: (pelvis_mm[other][2], other))
        apart = True
        for other in group:
            if other != person:
                gap = pelvis_mm[person] - pelvis_mm[other]
                apart &= np.hypot(*gap[:2]) >= 500 and np.linalg.norm(gap) >= 500
        chosen.append(person == nearest or bool(apart))
    return chosen


@given(
    st.lists(
        st.tuples(st.integers(0, 3), *[st.integers(-10, 10).map(lambda n: n * 100.0)] * 3),
        max_size=12,
    )
)
def test_the_choice_is_the_one_that_pairs_give(people):
    images = np.array([person[0] for person in people], int)
    pelvis_mm = np.array([person[1:] for person in people], float).reshape(-1, 3)
    assert choose_people(images, pelvis_mm).tolist() == slow_choice(images, pelvis_mm)


def test_people_come_with_all_their_joints(miniature):
    dataset = load_muco(miniature("muco"))
    samples = dataset.samples
    assert samples.skeleton is MUCO_21
    assert len(samples) == 16  # the third of each picture stands too near to the first
    assert samples.has_px.all()
    assert samples.has_depth.all()
    assert (samples.depth_mm[:, MUCO_21.index("Pelvis")] == 0).all()
    assert {name.split(b"/")[0] for name in samples.image_names} == {
        b"augmented_set",
        b"unaugmented_set",
    }
    assert samples.cameras[0].tolist() == [230.0, 231.0, 100.5, 99.0]


def test_somebody_without_a_box_still_stands_in_the_way(miniature, edit):
    root = miniature("muco")

    def lose_box(content):
        for person in content["annotations"][2::3]:
            person["keypoints_cam"] = (np.array(content["annotations"][0]["keypoints_cam"]) - [
                100, 0, 500
            ]).tolist()  # fmt: skip
            person["bbox"] = [0, 0, 0, 0]

    edit(path(root), lose_box)
    samples = load_muco(root).samples
    # It is the nearest and has no box; the first stands beside it; only the second is left.
    assert len(samples) == 8


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda c: c["images"][1].pop("f"), "image 1: field 'f' is missing"),
        (lambda c: c["images"][1].update(c=[1]), "image 1: field 'c' is of size 1"),
        (lambda c: c["annotations"][4].pop("keypoints_cam"), "annotation 4: field 'keypoints_cam'"),
        (lambda c: c["annotations"][4]["keypoints_img"].pop(), "is of size 20 × 2; 21 × 2"),
    ],
)
def test_what_is_wrong_is_named(miniature, edit, how, message):
    root = miniature("muco")
    edit(path(root), how)
    with pytest.raises(UserError, match=rf"MuCo-3DHP\.json: .*{message}"):
        load_muco(root)
