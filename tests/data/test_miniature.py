"""Tiny datasets: their labels lie where their dots are, and their cameras agree with them."""

import numpy as np
import pytest

from mobilehumanpose.data.catalogue import DATASETS
from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.miniature import MINIATURES, write_miniature
from mobilehumanpose.data.stick_figures import joint_color
from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import project

LABELLED = [
    (name, part)
    for name in MINIATURES
    for part in DATASETS[name].parts
    if not part.endswith("detected")
]


@pytest.mark.parametrize(("name", "part"), LABELLED)
def test_labels_lie_on_the_dots_of_their_joints(miniature, name, part):
    dataset = DATASETS[name].load(part, miniature(name))
    samples = dataset.samples
    hits, known = 0, 0
    for person in range(len(samples)):
        image = read_image(dataset.images, samples.image_name(person))
        assert image.shape[1::-1] == samples.image_size(person)
        pixels = np.rint(samples.keypoints_px[person]).astype(int)
        for joint in np.flatnonzero(samples.has_px[person]):
            x, y = pixels[joint]
            seen = image[y, x, ::-1].astype(int)
            hits += np.abs(seen - joint_color(samples.skeleton, joint)).max() < 25
            known += 1
    assert hits / known > 0.8  # some dots are hidden by nearer ones


@pytest.mark.parametrize(("name", "part"), LABELLED)
def test_boxes_hold_their_people(miniature, name, part):
    samples = DATASETS[name].load(part, miniature(name)).samples
    low, size = samples.boxes_xywh[:, None, :2], samples.boxes_xywh[:, None, 2:]
    inside = ((samples.keypoints_px >= low) & (samples.keypoints_px <= low + size)).all(-1)
    assert inside[samples.has_px].all()
    np.testing.assert_array_equal(samples.boxes_xywh[:, 2], samples.boxes_xywh[:, 3])


@pytest.mark.parametrize(("name", "part"), [p for p in LABELLED if p[0] in ("muco", "mupots")])
def test_bodies_project_onto_their_labels(miniature, name, part):
    samples = DATASETS[name].load(part, miniature(name)).samples
    for person in range(len(samples)):
        found_px = project(samples.keypoints_mm(person), samples.camera(person))
        np.testing.assert_allclose(found_px, samples.keypoints_px[person], atol=1e-3)
        height_mm = np.ptp(samples.keypoints_mm(person)[:, 1])
        assert 1400 < height_mm < 1900


def test_the_same_seed_draws_the_same(tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_miniature("muco", tmp_path / folder, seed=seed)
    a, b, c = (
        (tmp_path / folder / "MuCo/data/MuCo-3DHP.json").read_bytes() for folder in ("a", "b", "c")
    )
    assert a == b != c


def test_data_that_is_there_is_not_written_over(miniature):
    root = miniature("mpii")
    with pytest.raises(UserError, match="is there already"):
        write_miniature("mpii", root)
    with pytest.raises(UserError, match="no miniature of 'lspet'"):
        write_miniature("lspet", root)
