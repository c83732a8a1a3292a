"""A tiny set of drawn people, a network that suits it, and a recipe."""

import cv2
import pytest
import torch
from tiny_training import TINY_NETWORK, make_tiny_set, tiny_recipe

from mobilehumanpose.data.samples import PoseDataset
from mobilehumanpose.models.presets import PRESETS
from mobilehumanpose.train.recipe import Recipe


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # as in a worker


@pytest.fixture(autouse=True)
def _tiny_network(monkeypatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY_NETWORK)


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory) -> PoseDataset:
    return make_tiny_set(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(name="tiny_recipe")
def _tiny_recipe() -> Recipe:
    return tiny_recipe()
