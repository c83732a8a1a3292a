"""A dataset of one's own, declared by a TOML file."""

import json
from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose.data.coco_format import load_coco_format, read_coco_format
from mobilehumanpose.errors import UserError

TOML = """
name = "my-set"
annotations = "labels.json"
images = "photos"
joints = ["Pelvis", "L_Hip", "R_Hip"]
edges = [["Pelvis", "L_Hip"], ["Pelvis", "R_Hip"]]
flip_pairs = [["L_Hip", "R_Hip"]]
root = "Pelvis"
"""
TOML_3D = TOML + 'keypoints_cam = "joints_mm"\nfocal = "f"\ncenter = "c"\n'


def write(tmp_path, toml, **person):
    image = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80, "f": [500, 501]}
    image["c"] = [50, 40]
    person = {
        "id": 1,
        "image_id": 1,
        "bbox": [10, 10, 40, 60],
        "keypoints": [30, 40, 2, 20, 41, 1, 0, 0, 0],
        "joints_mm": [[0, 0, 3000], [100, 5, 3050], [-100, 0, 2950]],
    } | person
    (tmp_path / "labels.json").write_text(json.dumps({"images": [image], "annotations": [person]}))
    (tmp_path / "set.toml").write_text(toml)
    return tmp_path / "set.toml"


def test_labels_of_the_picture_alone(tmp_path):
    dataset = load_coco_format(write(tmp_path, TOML))
    samples = dataset.samples
    assert dataset.name == samples.skeleton.name == "my-set"
    assert samples.skeleton.edges == ((0, 1), (0, 2))
    assert samples.skeleton.flip_pairs == ((1, 2),)
    assert samples.skeleton.root == 0
    assert samples.has_px.tolist() == [[True, True, False]]
    assert not samples.has_depth.any()
    assert np.isnan(samples.cameras).all()
    assert dataset.images.describe("a.jpg") == str(tmp_path / "photos" / "a.jpg")


def test_labels_in_space(tmp_path):
    samples = load_coco_format(write(tmp_path, TOML_3D)).samples
    assert samples.depth_mm.tolist() == [[0, 50, 0]]
    assert samples.has_depth.tolist() == [[True, True, False]]
    assert samples.roots_mm.tolist() == [[0, 0, 3000]]
    assert samples.cameras.tolist() == [[500, 501, 50, 40]]


def test_labels_in_space_are_checked(tmp_path):
    path = write(tmp_path, TOML_3D, joints_mm=[[0, 0, 3000]])
    with pytest.raises(
        UserError, match=r"labels\.json: annotation 1: field 'joints_mm' is of size"
    ):
        load_coco_format(path)


def test_a_joint_set_may_have_no_root(tmp_path):
    path = write(tmp_path, TOML.replace('root = "Pelvis"', ""))
    assert read_coco_format(path).skeleton.root is None


def test_the_example_of_the_documentation_can_be_read(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "datasets" / "own.md"
    example = page.read_text().split("```toml\n")[1].split("```")[0]
    declared = read_coco_format(write(tmp_path, example))
    assert declared.skeleton.num_joints == 7
    assert (declared.keypoints_cam, declared.focal, declared.center) == ("keypoints_cam", "f", "c")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name =", "nmae =", "lacks the field 'name'"),
        ('"my-set"', "3", "field 'name' is 3; a string is right"),
        ('"photos"', '"../photos"', "a path under the folder of this file is right"),
        ('"labels.json"', '"/labels.json"', "a path under the folder of this file is right"),
        ('"R_Hip"]\n', '"L_Hip"]\n', "field 'joints' is .*; each once is right"),
        ('joints = ["Pelvis", "L_Hip", "R_Hip"]', "joints = 5", "a list of joint names"),
        ('[["L_Hip", "R_Hip"]]', '[["L_Hip", "Hip"]]', "names 'Hip', which is no joint"),
        ('[["L_Hip", "R_Hip"]]', '[["L_Hip"]]', "pairs of joint names such as"),
        ('[["L_Hip", "R_Hip"]]', '[["L_Hip", "L_Hip"]]', "pairs 'L_Hip' with itself"),
        ('root = "Pelvis"', 'root = "Hip"', "field 'root' names 'Hip'"),
        ('root = "Pelvis"', 'keypoints_cam = "x"', "'keypoints_cam' needs 'root'"),
        ('root = "Pelvis"', 'focal = "f"', "'focal' and 'center' go together"),
        ('root = "Pelvis"', "colour = 1", "unknown field 'colour'; known are"),
        ("edges", "= edges", "no TOML"),
    ],
)
def test_what_is_wrong_with_the_toml_is_named(tmp_path, old, new, message):
    assert old in TOML
    path = write(tmp_path, TOML.replace(old, new, 1))
    with pytest.raises(UserError, match=rf"set\.toml: .*{message}"):
        read_coco_format(path)


def test_a_toml_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"set\.toml: cannot be read"):
        read_coco_format(tmp_path / "set.toml")
