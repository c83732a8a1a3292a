"""Datasets by name."""

import pytest

from mobilehumanpose.data.catalogue import DATASETS, find_dataset
from mobilehumanpose.data.miniature import MINIATURES
from mobilehumanpose.errors import UserError


@pytest.mark.parametrize("name", MINIATURES)
def test_every_part_can_be_loaded_by_name(miniature, name):
    entry = find_dataset(name)
    root = miniature(name)
    for part in entry.parts:
        dataset = entry.load(part, root)
        assert dataset.name == name
        assert len(dataset.samples) > 0
        assert dataset.samples.has_px.any() != part.endswith("detected")


def test_detected_people_stand_where_the_labelled_ones_do(miniature):
    """The miniature's detections have no error."""
    entry, root = DATASETS["human36m"], miniature("human36m")
    for name in ("test", "test-protocol1"):
        labelled = entry.load(name, root).samples
        detected = entry.load(f"{name}-detected", root).samples
        assert detected.image_index.tolist() == labelled.image_index.tolist()
        assert detected.boxes_xywh == pytest.approx(labelled.boxes_xywh, abs=1e-3)
        assert detected.roots_mm == pytest.approx(labelled.roots_mm, abs=1e-2)


def test_names_that_mean_nothing_are_refused(miniature):
    with pytest.raises(UserError, match="unknown dataset 'h36m'; known are human36m, mpii"):
        find_dataset("h36m")
    with pytest.raises(UserError, match="dataset 'mpii' has no part 'test'; it has train"):
        DATASETS["mpii"].load("test", miniature("mpii"))


def test_a_dataset_without_people_is_refused(miniature, edit):
    root = miniature("mpii")
    edit(root / "MPII/annotations/train.json", lambda content: content["annotations"].clear())
    with pytest.raises(UserError, match="mpii train: there is nobody in it"):
        DATASETS["mpii"].load("train", root)


def test_a_toml_file_is_a_dataset(miniature):
    root = miniature("mpii")
    path = root / "mine.toml"
    path.write_text(
        'name = "mine"\nannotations = "MPII/annotations/train.json"\nimages = "MPII"\n'
        f"joints = {list(DATASETS['mpii'].skeleton.joint_names)}\nedges = []\nflip_pairs = []\n"
    )
    entry = find_dataset(str(path))
    assert entry.skeleton.num_joints == 16
    assert len(entry.load("train", root / "elsewhere").samples) == 8
