"""MuPoTS-3D's files."""

import pytest

from mobilehumanpose.data.mupots import load_mupots
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUPOTS_17


def path(root):
    return root / "MuPoTS" / "data" / "MuPoTS-3D.json"


def test_valid_people_of_all_sequences_come_with_camera_and_root(miniature):
    samples = load_mupots(miniature("mupots")).samples
    assert samples.skeleton is MUPOTS_17
    assert len(samples) == 15  # 3 sequences, 3 frames, 2 people, one of whom is not valid in TS2
    assert samples.image_tags["sequence"].tolist() == [1, 1, 1, 2, 2, 2, 6, 6, 6]
    assert samples.image_tags["frame"].tolist() == [0, 1, 2] * 3
    assert samples.cameras[0].tolist() == [230.0, 231.0, 100.5, 99.0]
    assert samples.has_depth.all()
    assert (samples.roots_mm[:, 2] > 3000).all()


def test_images_without_valid_people_stay(miniature, edit):
    root = miniature("mupots")

    def spoil(content):
        for person in content["annotations"]:
            if person["image_id"] == 4:
                person["is_valid"] = 0

    edit(path(root), spoil)
    samples = load_mupots(root).samples
    assert len(samples.image_names) == 9
    assert 4 not in samples.image_ids[samples.image_index]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda c: c["images"][2].update(file_name="TS1/2.jpg"), r"TSn/img_nnnnnn\.jpg is right"),
        (lambda c: c["images"][2].update(intrinsic=[1, 2]), "'intrinsic' is of size 2; 4 numbers"),
        (lambda c: c["annotations"][2].pop("is_valid"), "field 'is_valid' is missing"),
        (lambda c: c["annotations"][2].update(bbox=None), "field 'bbox' is None"),
    ],
)
def test_what_is_wrong_is_named(miniature, edit, how, message):
    root = miniature("mupots")
    edit(path(root), how)
    with pytest.raises(UserError, match=rf"MuPoTS-3D\.json: \w+ \d+: .*{message}"):
        load_mupots(root)


def test_people_who_are_not_valid_need_no_labels(miniature, edit):
    root = miniature("mupots")
    edit(path(root), lambda c: c["annotations"][7].clear() or c["annotations"][7].update(
        id=7, image_id=3, is_valid=0
    ))  # fmt: skip
    assert len(load_mupots(root).samples) == 15
