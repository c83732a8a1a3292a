"""Recipes are whole, and the published ones are what was published."""

import pytest

from mobilehumanpose.data.crops import PUBLISHED_AUGMENTATION
from mobilehumanpose.errors import UserError
from mobilehumanpose.models.presets import PRESETS
from mobilehumanpose.skeleton import get_skeleton
from mobilehumanpose.train.command import LOADERS
from mobilehumanpose.train.recipes import RECIPES, find_recipe

PUBLISHED = [name for name in RECIPES if not name.startswith("lspet-")]


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
