"""Recipes are whole, and the published ones are what was published."""

from dataclasses import replace

import pytest

from mobilehumanpose.data.crops import PUBLISHED_AUGMENTATION
from mobilehumanpose.errors import UserError
from mobilehumanpose.models.presets import PRESETS
from mobilehumanpose.skeleton import get_skeleton
from mobilehumanpose.train.command import LOADERS
from mobilehumanpose.train.recipe import adjust_recipe
from mobilehumanpose.train.recipes import RECIPES, find_recipe

PUBLISHED = [name for name in RECIPES if name.startswith(("human36m-", "muco-"))]


def test_recipes_are_whole():
    for name, make in RECIPES.items():
        recipe = make()
        assert recipe.name == name
        assert recipe.preset in PRESETS
        assert get_skeleton(recipe.joint_set).num_joints
        assert all(stage.crop_px % 32 == 0 for stage in recipe.stages)
        assert {spec.name for spec in recipe.datasets} <= set(LOADERS)
        assert recipe.validation is None or recipe.validation in LOADERS


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_recipes_train_as_published(name):
    recipe = RECIPES[name]()
    (stage,) = recipe.stages
    assert (recipe.optimizer, recipe.weight_decay, recipe.ema_decay) == ("adam", 0, None)
    assert (stage.epochs, stage.crop_px, stage.batch_size) == (25, 256, 64)
    assert recipe.mixing == "balanced"
    assert [spec.has_depth for spec in recipe.datasets] == [True, False]
    assert recipe.augmentation == PUBLISHED_AUGMENTATION
    assert recipe.std == (0.229, 0.224, 0.225)
    assert "are published" in RECIPES[name].__doc__ or "nothing is" in RECIPES[name].__doc__


def test_another_backbone_is_another_network_and_another_run():
    recipe = find_recipe("human36m_p2_s", "LPRES")
    assert (recipe.name, recipe.preset) == ("human36m-p2-s-lpres", "lpres-s")
    assert find_recipe("human36m-p2-s", "lpski") == find_recipe("human36m-p2-s")
    with pytest.raises(UserError, match="unknown network 'lpres-xs'"):
        find_recipe("human36m-p1-xs", "LPRES")
    with pytest.raises(UserError, match="LPRES, LPSKI, LPWO"):
        find_recipe("human36m-p1-l", "ResNet")
    with pytest.raises(UserError, match="unknown recipe 'human'"):
        find_recipe("human")


def test_stages_are_changed_where_something_is_given():
    recipe = find_recipe("lspet-lite0")
    changed = adjust_recipe(recipe, crop_px=64, epochs=2)
    assert [(s.crop_px, s.epochs) for s in changed.stages] == [(64, 2)] * 3
    assert [s.batch_size for s in changed.stages] == [s.batch_size for s in recipe.stages]
    assert [s.schedule for s in changed.stages] == [s.schedule for s in recipe.stages]
    assert [s.batch_size for s in adjust_recipe(recipe, batch_size=8).stages] == [8] * 3
    halved = [s.schedule for s in adjust_recipe(recipe, learning_rate_scale=0.5).stages]
    for slow, schedule in zip(halved, [s.schedule for s in recipe.stages], strict=True):
        for step in (0, 150, 700):
            at = {"num_steps": 1000, "num_epochs": 25}
            assert slow.learning_rate(step, **at) == 0.5 * schedule.learning_rate(step, **at)
    assert adjust_recipe(recipe) == recipe
    assert adjust_recipe(recipe, seed=3) == replace(recipe, seed=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crop_px": 100}, "--crop-px 100: a multiple of 32"),
        ({"crop_px": 0}, "--crop-px 0"),
        ({"epochs": 0}, "--epochs 0: at least 1"),
        ({"batch_size": -4}, "--batch-size -4: at least 1"),
        ({"learning_rate_scale": 0.0}, "--learning-rate-scale 0.0: above 0"),
        ({"learning_rate_scale": float("nan")}, "--learning-rate-scale nan: above 0"),
        ({"seed": -1}, "--seed -1: at least 0"),
    ],
)
def test_stages_that_cannot_be_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        adjust_recipe(find_recipe("muco-coco"), **change)


@pytest.mark.parametrize(
    "name",
    [
        "lspet-lite0",
        "lspet-lite0-upright",
        "wild-lite0",
        "wild-half",
        "wild-basic-taught",
    ],
)
def test_what_begins_with_imagenet_says_so(name):
    said = find_recipe(name).trained_on
    assert "Leeds Sports Pose Extended" in said
    assert "EfficientNet-Lite0 (ImageNet)" in said
    assert ("synthetic people" in said) == name.startswith("wild")


@pytest.mark.parametrize(
    "name", ["wild-basic", "wild-basic-longer", "wild-basic-half", "wild-basic-quarter"]
)
def test_weights_without_imagenet_say_nothing_of_it(name):
    recipe = find_recipe(name)
    assert not recipe.pretrained_encoder
    assert "Leeds Sports Pose Extended" in recipe.trained_on
    assert "ImageNet" not in recipe.trained_on
    assert "not known" in recipe.licence


def test_what_was_taught_says_by_whom():
    for name in ("wild-half", "wild-xs", "wild-basic-taught"):
        assert "taught by lpski-lite0-wild" in find_recipe(name).trained_on
    for name in ("wild-basic-half", "wild-basic-quarter"):
        trained_on = find_recipe(name).trained_on
        assert "a part of lpski-basic-wild; taught by it and by lpski-basic-deep-wild" in trained_on


SYNTHETIC = "synthetic people of CC0 bodies and clothes, in poses of free motion capture"


@pytest.mark.parametrize(
    ("name", "trained_on"),
    [
        ("free-lite0", SYNTHETIC),
        ("free-basic", SYNTHETIC),
        ("free-basic-longer", SYNTHETIC),
        ("free-basic-gentler", SYNTHETIC),
        ("free-xs", SYNTHETIC),
        ("free-basic-half", f"{SYNTHETIC}; begun with and taught by lpski-basic-free"),
    ],
)
def test_free_weights_saw_synthetic_people_and_nothing_else(name, trained_on):
    recipe = find_recipe(name)
    assert recipe.trained_on == trained_on
    assert recipe.licence == "Apache-2.0"
    assert [spec.name for spec in recipe.datasets] == ["synth-train"]
    assert recipe.validation == "synth-held-out"
    assert not recipe.pretrained_encoder
    has_teacher = any(stage.teacher_weight for stage in recipe.stages)
    assert has_teacher == ("taught by" in trained_on)
