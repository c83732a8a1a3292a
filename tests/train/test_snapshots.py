"""Which networks of a run are meant, and which test belongs to a recipe."""

from dataclasses import replace

import pytest
from tiny_training import tiny_recipe, tiny_stage

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.protocols import TEST_PROTOCOLS
from mobilehumanpose.train.recipe import DatasetSpec
from mobilehumanpose.train.recipes import RECIPES
from mobilehumanpose.train.snapshots import find_snapshots, parse_epochs, recipe_test


@pytest.mark.parametrize(
    ("text", "epochs"),
    [("20-21", [20, 21]), ("20,22", [20, 22]), ("7", [7]), ("22, 3-5", [3, 4, 5, 22])],
)
def test_epochs_as_people_write_them(text, epochs):
    assert parse_epochs(text) == epochs


@pytest.mark.parametrize("text", ["", "a", "21-20", "1-", "-3", "1,,2", "1.5"])
def test_epochs_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="--test-epoch"):
        parse_epochs(text)


@pytest.fixture
def recipe():
    """Two epochs at 64 px, and one at 96."""
    return tiny_recipe(stages=(tiny_stage(2), tiny_stage(1, crop_px=96)))


def test_snapshots_know_the_crops_of_their_stage(recipe, tmp_path):
    folder = tmp_path / "model_dump" / "tiny"
    folder.mkdir(parents=True)
    for name in ("snapshot_1", "snapshot_2", "tiny"):
        (folder / f"{name}.safetensors").touch()
    found = find_snapshots(recipe, tmp_path, "1-2")
    assert [(name, s.path.name, s.crop_px) for name, s in found.items()] == [
        ("snapshot_1", "snapshot_1.safetensors", 64),
        ("snapshot_2", "snapshot_2.safetensors", 96),
    ]
    (final,) = find_snapshots(recipe, tmp_path, None).values()
    assert (final.path.name, final.crop_px) == ("tiny.safetensors", 96)
    with pytest.raises(UserError, match=r"snapshot_0\.safetensors.*there are epochs 1, 2"):
        find_snapshots(recipe, tmp_path, "0-1")
    with pytest.raises(UserError, match="'3': recipe 'tiny' has epochs 0 to 2"):
        find_snapshots(recipe, tmp_path, "3")
    with pytest.raises(UserError, match="no snapshot of an epoch"):
        find_snapshots(replace(recipe, name="other"), tmp_path, None)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_test(name):
    assert recipe_test(RECIPES[name]()) in TEST_PROTOCOLS


def test_protocols_are_those_of_the_published_recipes():
    assert recipe_test(RECIPES["human36m-p1-s"]()) == "human36m-protocol1"
    assert recipe_test(RECIPES["human36m-p2-l"]()) == "human36m-protocol2"
    assert recipe_test(RECIPES["muco-coco"]()) == "mupots"
    own = tiny_recipe(datasets=(DatasetSpec(name="mine", has_depth=True),))
    with pytest.raises(UserError, match="mine: say by --protocol"):
        recipe_test(own)
