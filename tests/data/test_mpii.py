"""MPII's file, on a miniature and on photographs of the set itself."""

import json

import numpy as np
import pytest

from mobilehumanpose.data.images import ImageFolder, image_size
from mobilehumanpose.data.mpii import load_mpii
from mobilehumanpose.skeleton import MPII_16


def test_people_have_pixels_and_no_depth(miniature):
    dataset = load_mpii(miniature("mpii"))
    samples = dataset.samples
    assert samples.skeleton is MPII_16
    assert len(samples) == 8
    assert not samples.has_depth.any()
    assert np.isnan(samples.roots_mm).all()
    assert np.isnan(samples.cameras).all()
    assert samples.image_name(0) == "images/000000000.jpg"
    assert image_size(dataset.images, samples.image_name(0)) == samples.image_size(0)


def test_joints_without_visibility_are_unknown(miniature, edit):
    root = miniature("mpii")

    def hide(content):
        content["annotations"][0]["keypoints"][:6] = [0, 0, 0, 55, 66, 0]

    edit(root / "MPII/annotations/train.json", hide)
    samples = load_mpii(root).samples
    assert not samples.has_px[0, :2].any()
    assert (samples.keypoints_px[0, :2] == 0).all()


def test_people_without_joints_and_crowds_are_left_out(miniature, edit):
    root = miniature("mpii")

    def spoil(content):
        content["annotations"][0]["num_keypoints"] = 0
        content["annotations"][1]["iscrowd"] = 1
        del content["annotations"][2]["num_keypoints"]  # nothing is wrong with that
        del content["annotations"][3]["num_keypoints"]
        content["annotations"][3]["keypoints"] = [0] * 48
        content["annotations"][4]["bbox"] = [250, 50, 20, 20]

    edit(root / "MPII/annotations/train.json", spoil)
    samples = load_mpii(root).samples
    assert samples.image_ids[samples.image_index].tolist() == [2, 5, 6, 7]
    assert samples.image_ids.tolist() == [2, 5, 6, 7]


def test_photographs_of_the_set_can_be_read(shared_dir, tmp_path):
    """Labels in the layout of 3DMPPE, made here from those of the same photographs."""
    folder = shared_dir / "data" / "samples" / "mpii"
    if not folder.is_dir():
        pytest.skip(f"{folder}: not here")
    (tmp_path / "MPII" / "annotations").mkdir(parents=True)
    (tmp_path / "MPII" / "images").symlink_to(folder / "images")
    images, annotations = [], []
    for number, person in enumerate(json.loads((folder / "test_mpii.json").read_text())):
        name = person["image"]
        if name in [image["file_name"].removeprefix("images/") for image in images]:
            continue
        joints = np.array(person["joints"])
        vis = np.array(person["joints_vis"])
        low, high = joints[vis > 0].min(axis=0), joints[vis > 0].max(axis=0)
        images.append({"id": number, "file_name": f"images/{name}", "width": 1, "height": 1})
        width, height = image_size(ImageFolder(folder / "images"), name)
        images[-1].update(width=width, height=height)
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "bbox": [*low, *(high - low)],
                "num_keypoints": int((vis > 0).sum()),
                "keypoints": np.column_stack([joints, vis]).ravel().tolist(),
            }
        )
    content = {"images": images, "annotations": annotations}
    (tmp_path / "MPII" / "annotations" / "train.json").write_text(json.dumps(content))
    dataset = load_mpii(tmp_path)
    samples = dataset.samples
    assert len(samples) == len(annotations) > 0
    for person in range(len(samples)):
        size = image_size(dataset.images, samples.image_name(person))
        assert size == samples.image_size(person)
        box = samples.boxes_xywh[person]
        known = samples.keypoints_px[person][samples.has_px[person]]
        assert ((known >= box[:2]) & (known <= box[:2] + box[2:])).all()
