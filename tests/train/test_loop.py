"""The loop: it learns, and a run that was broken off goes on as if it had not been."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.errors import UserError
from mobilehumanpose.train.loop import Trainer, learning_rate
from mobilehumanpose.train.recipes import RECIPES, Stage

QUIET = Console(quiet=True)


def trainer(recipe, tiny_set, folder) -> Trainer:
    return Trainer(
        recipe,
        train_set=tiny_set,
        validation_set=replace(tiny_set, samples=tiny_set.samples.subset(np.arange(4))),
        out_dir=folder,
        console=QUIET,
        workers=0,
    )


def weights(run: Trainer) -> dict[str, torch.Tensor]:
    return run.averaged.state_dict()


def test_a_run_learns_its_pictures(tiny_recipe, tiny_set, tmp_path):
    still = Augmentation(
        scale_spread=0,
        rotation_share=0,
        flip_share=0,
        full_turn_share=0,
        shift=0,
        zoom_share=0,
        occlusion_share=0,
    )
    stage = replace(tiny_recipe.stages[0], epochs=12, peak_learning_rate=5e-3)
    long = replace(tiny_recipe, stages=(stage,), augmentation=still)
    run = trainer(long, tiny_set, tmp_path)
    run.run()
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert len(losses) == 12
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("kill_at_step", [2, 3, 5, 8])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    tiny_recipe, tiny_set, tmp_path, monkeypatch, kill_at_step
):
    whole = trainer(tiny_recipe, tiny_set, tmp_path / "whole")
    whole_result = whole.run()

    # Saved at every step, the state is as new as a kill can find it; the step after is lost.
    monkeypatch.setattr("mobilehumanpose.train.loop.SAVE_EVERY_SECONDS", -1.0)
    broken = trainer(tiny_recipe, tiny_set, tmp_path / "broken")
    step = broken._step

    def step_or_die(*batch):
        if broken.steps == kill_at_step:
            raise Killed
        return step(*batch)

    monkeypatch.setattr(broken, "_step", step_or_die)
    with pytest.raises(Killed):
        broken.run()

    resumed = trainer(tiny_recipe, tiny_set, tmp_path / "broken")
    resumed.resume()
    assert resumed.steps == kill_at_step
    assert resumed.run() == whole_result
    for key, value in weights(whole).items():
        assert torch.equal(weights(resumed)[key], value), key


def test_a_finished_run_has_nothing_left_to_do(tiny_recipe, tiny_set, tmp_path):
    run = trainer(tiny_recipe, tiny_set, tmp_path)
    result = run.run()
    again = trainer(tiny_recipe, tiny_set, tmp_path)
    again.resume()
    assert again.run() == result
    assert again.steps == run.steps == 9


def test_the_state_of_another_recipe_is_refused(tiny_recipe, tiny_set, tmp_path):
    trainer(tiny_recipe, tiny_set, tmp_path).save()
    other = trainer(replace(tiny_recipe, name="other"), tiny_set, tmp_path)
    with pytest.raises(UserError, match="'tiny'"):
        other.resume()


def test_a_gradient_that_is_not_finite_stops_before_the_step(
    tiny_recipe, tiny_set, tmp_path, monkeypatch
):
    run = trainer(tiny_recipe, tiny_set, tmp_path)
    monkeypatch.setattr(
        "mobilehumanpose.train.loop.coordinate_loss", lambda p, *_: p.sum() * float("nan")
    )
    before = {key: value.clone() for key, value in run.model.named_parameters()}
    with pytest.raises(FloatingPointError, match="batch 0"):
        run.run()
    assert all(torch.equal(before[key], value) for key, value in run.model.named_parameters())


def test_learning_rate_warms_up_and_then_follows_a_cosine():
    stage = Stage(
        crop_px=64, epochs=1, batch_size=1, peak_learning_rate=1.0, final_learning_rate=0.1
    )
    rates = [learning_rate(stage, step, 1000, 100) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(rates[99], rel=0.01)
    assert rates[500] == pytest.approx(0.55, abs=0.01)
    assert rates[-1] == pytest.approx(0.1, abs=0.001)


def test_recipes_are_whole():
    for name, make in RECIPES.items():
        recipe = make()
        assert recipe.name == name
        assert all(stage.crop_px % 32 == 0 for stage in recipe.stages)
