"""Samples from columns: only what passed, and images without people where these are wanted."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.data.assemble import ImageColumns, assemble
from mobilehumanpose.skeleton import LSP_14

IMAGES = ImageColumns(
    ids=np.array([5, 6, 7]),
    ok=np.array([True, True, False]),
    names=np.array([b"a", b"b", b"c"]),
    sizes=np.full((3, 2), 9, np.int32),
    tags={"frame": np.array([50, 60, 70], np.int32)},
)


def put_together(**more):
    rng = np.random.default_rng(0)
    has_px = np.ones((3, 14), bool)
    has_px[:, 3] = False
    people = {
        "usable": np.array([True, False, True]),
        "image_index": np.array([1, 0, 1]),
        "boxes_xywh": np.arange(12).reshape(3, 4),
        "keypoints_px": rng.random((3, 14, 2)) + 1,
        "has_px": has_px,
    }
    return assemble(**({"skeleton": LSP_14, "images": IMAGES} | people | more))


def test_images_that_show_nobody_go_unless_they_are_wanted():
    samples = put_together()
    assert samples.image_names.tolist() == [b"b"]
    assert samples.image_index.tolist() == [0, 0]
    assert samples.image_tags["frame"].tolist() == [60]
    assert samples.boxes_xywh[:, 0].tolist() == [0, 8]
    samples = put_together(keeps_empty_images=True)
    assert samples.image_names.tolist() == [b"a", b"b"]
    assert samples.image_index.tolist() == [1, 1]


def test_what_is_unknown_is_zero_and_said_to_be_unknown():
    samples = put_together()
    assert (samples.keypoints_px[:, 3] == 0).all()
    assert (np.delete(samples.keypoints_px, 3, axis=1) >= 1).all()
    assert not samples.has_px[:, 3].any()
    assert np.isnan(samples.roots_mm).all()
    assert np.isnan(samples.cameras).all()


def test_depth_is_behind_the_root_which_there_must_be():
    keypoints_mm = np.arange(3 * 14 * 3.0).reshape(3, 14, 3)
    with pytest.raises(ValueError, match="no root"):
        put_together(keypoints_mm=keypoints_mm)
    samples = put_together(skeleton=replace(LSP_14, root=2), keypoints_mm=keypoints_mm)
    assert samples.depth_mm[0, :5].tolist() == [-6, -3, 0, 0, 6]  # the fourth is unknown
    assert samples.has_depth[0, :5].tolist() == [True, True, True, False, True]
    assert samples.roots_mm[0].tolist() == [6, 7, 8]
