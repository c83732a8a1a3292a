"""The loop: it learns, and a run that was broken off goes on as if it had not been."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from tiny_training import tiny_stage, tiny_trainer

from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.errors import UserError
from mobilehumanpose.models.blocks import fold_norms
from mobilehumanpose.models.checkpoint import load_checkpoint
from mobilehumanpose.models.onnx_weights import read_onnx
from mobilehumanpose.train.dataset import Crops
from mobilehumanpose.train.distributed import Ranks
from mobilehumanpose.train.losses import Summed
from mobilehumanpose.train.recipe import DatasetSpec, adjust_recipe
from mobilehumanpose.train.recipes import find_recipe
from mobilehumanpose.train.schedule import CosineSchedule
from mobilehumanpose.train.step import Learner
from mobilehumanpose.weights import model_path


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


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
    schedule = CosineSchedule(peak_learning_rate=5e-3, final_learning_rate=1e-4, warmup_steps=2)
    stage = tiny_stage(24, schedule=schedule)
    tiny_trainer(
        replace(tiny_recipe, stages=(stage,), augmentation=still), tiny_set, tmp_path
    ).run()
    losses = [entry["loss"] for entry in lines(tmp_path / "log/epochs.jsonl")]
    assert len(losses) == 24
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("preset", "kill_at_step"), [("tiny", 0), ("tiny", 2), ("tiny", 8), ("lpski-lite0", 5)]
)
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    tiny_recipe, tiny_set, tmp_path, monkeypatch, preset, kill_at_step
):
    stages = tiny_recipe.stages
    if preset == "lpski-lite0":
        stages = (replace(stages[0], frozen_blocks=2), stages[1])
    activation = "prelu" if preset == "tiny" else "relu6"
    recipe = replace(tiny_recipe, preset=preset, activation=activation, stages=stages)

    def start(name):
        run = tiny_trainer(recipe, tiny_set, tmp_path / name, save_every_seconds=0.0)
        # Something that draws from torch's random state, which no network here does.
        run.learner.model.final_layer.register_forward_pre_hook(
            lambda module, inputs: (torch.nn.functional.dropout(inputs[0], 0.1, module.training),)
        )
        return run

    whole = start("whole")
    whole_result = whole.run()

    broken = start("broken")
    step = broken._log_step

    def log_step_or_die(*arguments):
        step(*arguments)
        if broken.learner.steps == kill_at_step + 1:
            raise Killed

    monkeypatch.setattr(broken, "_log_step", log_step_or_die)
    with pytest.raises(Killed):
        broken.run()

    resumed = start("broken").resume()
    assert resumed.learner.steps == kill_at_step
    assert resumed.run() == whole_result
    for mine, theirs in [
        (resumed.learner.averaged, whole.learner.averaged),
        (resumed.learner.model, whole.learner.model),
    ]:
        for key, value in theirs.state_dict().items():
            assert torch.equal(mine.state_dict()[key], value), key
    steps = [lines(tmp_path / name / "log/steps.jsonl") for name in ("whole", "broken")]
    assert steps[0] == steps[1]
    assert [entry["step"] for entry in steps[1]] == list(range(1, 10))


def test_a_finished_run_has_nothing_left_to_do(tiny_recipe, tiny_set, tmp_path):
    run = tiny_trainer(tiny_recipe, tiny_set, tmp_path)
    result = run.run()
    again = tiny_trainer(tiny_recipe, tiny_set, tmp_path).resume()
    assert again.run() == result
    assert again.learner.steps == run.learner.steps == 9
    assert len(lines(tmp_path / "log/steps.jsonl")) == 9


def test_a_run_leaves_a_network_and_a_line_for_each_epoch(tiny_recipe, tiny_set, tmp_path):
    run = tiny_trainer(tiny_recipe, tiny_set, tmp_path)
    run.run()
    for epoch in range(3):
        model, metadata = load_checkpoint(tmp_path / f"run/snapshot_{epoch}.safetensors")
    assert (metadata.preset, metadata.activation, metadata.mean) == ("tiny", "prelu", (127.0,) * 3)
    for key, value in run.learner.averaged.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)
    entries = lines(tmp_path / "log/epochs.jsonl")
    with (tmp_path / "log/epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(e["stage"], e["epoch"], e["step"]) for e in entries] == [
        (0, 0, 3),
        (0, 1, 6),
        (1, 0, 9),
    ]
    assert [{k: str(v) for k, v in entry.items()} for entry in entries] == rows
    losses = [entry["loss"] for entry in lines(tmp_path / "log/steps.jsonl")]
    assert entries[0]["loss"] == pytest.approx(np.mean(losses[:3]))


def test_validation_may_be_rarer_than_epochs_but_ends_each_stage(tiny_recipe, tiny_set, tmp_path):
    recipe = replace(tiny_recipe, validate_every=2, stages=(tiny_stage(5), tiny_stage(1)))
    result = tiny_trainer(recipe, tiny_set, tmp_path).run()
    entries = lines(tmp_path / "log/epochs.jsonl")
    is_measured = [entry["pck_torso"] is not None for entry in entries]
    assert is_measured == [False, True, False, True, True, True]
    assert result.pck_torso == entries[-1]["pck_torso"]
    with (tmp_path / "log/epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["pck_torso"] != "" for row in rows] == is_measured
    assert all(row["images_per_second"] for row in rows)


def test_without_averaging_or_clipping_the_last_weights_are_used(tiny_recipe, tiny_set, tmp_path):
    recipe = replace(
        tiny_recipe, ema_decay=None, max_gradient_norm=None, optimizer="adam", weight_decay=0.0
    )
    run = tiny_trainer(recipe, tiny_set, tmp_path)
    assert run.learner.averaged is run.learner.model
    assert type(run.learner.optimizer) is torch.optim.Adam
    run.run()
    again = tiny_trainer(recipe, tiny_set, tmp_path).resume()
    for key, value in run.learner.model.state_dict().items():
        assert torch.equal(again.learner.model.state_dict()[key], value)


def test_a_checkpoint_of_another_recipe_is_refused(tiny_recipe, tiny_set, tmp_path):
    tiny_trainer(tiny_recipe, tiny_set, tmp_path).save()
    other = replace(tiny_recipe, stages=(tiny_stage(7),))
    with pytest.raises(UserError, match=r"recipe\.stages"):
        tiny_trainer(other, tiny_set, tmp_path).resume()
    other = adjust_recipe(tiny_recipe, batch_size=6)
    with pytest.raises(UserError, match=r"recipe\.stages\.0\.batch_size is 4 there and 6 here"):
        tiny_trainer(other, tiny_set, tmp_path).resume()
    other = replace(tiny_recipe, seed=5)
    with pytest.raises(UserError, match=r"recipe\.seed is 0 there and 5 here"):
        tiny_trainer(other, tiny_set, tmp_path).resume()


def test_batches_that_no_epoch_fills_are_refused_before_anything_is_written(
    tiny_recipe, tiny_set, tmp_path
):
    for batch_size, message in ((13, "12 samples fill no batch of 13"), (1, "at least 2 crops")):
        recipe = replace(tiny_recipe, stages=(tiny_stage(1), tiny_stage(1, batch_size=batch_size)))
        with pytest.raises(UserError, match=f"{message}.*--batch-size"):
            tiny_trainer(recipe, tiny_set, tmp_path)
    assert not list((tmp_path / "run").iterdir())


def test_a_checkpoint_of_other_data_is_refused(tiny_recipe, tiny_set, tmp_path):
    tiny_trainer(tiny_recipe, tiny_set, tmp_path).save()
    fewer = replace(tiny_set, samples=tiny_set.samples.subset(np.arange(6)))
    with pytest.raises(UserError, match=r"datasets is .*12.* there and .*6"):
        tiny_trainer(tiny_recipe, fewer, tmp_path).resume()


def test_a_damaged_checkpoint_is_told_of_and_the_one_before_taken(tiny_recipe, tiny_set, tmp_path):
    tiny_trainer(tiny_recipe, tiny_set, tmp_path).run()
    damaged = tmp_path / "run/checkpoint-000000009/tensors.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    run = tiny_trainer(tiny_recipe, tiny_set, tmp_path)
    run.console = Console(record=True, quiet=False, file=open("/dev/null", "w"), width=500)  # noqa: PTH123, SIM115
    run.resume()
    assert run.learner.steps == 6
    said = run.console.export_text()
    assert "checkpoint-000000009: is damaged: tensors.safetensors" in said
    assert "going on from" in said
    run.run()
    kept = sorted(path.name for path in (tmp_path / "run").glob("checkpoint-*"))
    assert kept == ["checkpoint-000000006", "checkpoint-000000009"]
    assert [entry["step"] for entry in lines(tmp_path / "log/steps.jsonl")] == list(range(1, 10))


def test_numbers_that_are_not_finite_stop_before_the_step(
    tiny_recipe, tiny_set, tmp_path, monkeypatch
):
    run = tiny_trainer(tiny_recipe, tiny_set, tmp_path)
    monkeypatch.setattr(
        "mobilehumanpose.train.step.coordinate_loss",
        lambda m, *_: Summed(total=m.plane.sum() * float("nan"), count=torch.ones(())),
    )
    before = {key: value.clone() for key, value in run.learner.model.named_parameters()}
    with pytest.raises(UserError, match=r"batch 0: loss nan.*tiny .*photos\.zip: 'im000") as caught:
        run.run()
    assert str(caught.value).count("im000") == 4
    assert "\n" not in str(caught.value)
    for key, value in run.learner.model.named_parameters():
        assert torch.equal(before[key], value)
    assert (tmp_path / "run/checkpoint-000000000").is_dir()


def test_a_photograph_that_cannot_be_read_is_one_line_from_a_worker(
    tiny_recipe, tiny_set, tmp_path
):
    names = tiny_set.samples.image_names.copy()
    names[:] = b"absent.png"
    absent = replace(tiny_set, samples=replace(tiny_set.samples, image_names=names))
    with pytest.raises(UserError, match=r"^[^\n]*has no photograph 'absent.png'$"):
        tiny_trainer(tiny_recipe, absent, tmp_path, workers=1).run()


def test_workers_cut_the_same_crops(tiny_recipe, tiny_set, tmp_path):
    recipe = replace(tiny_recipe, stages=(tiny_stage(1),))
    for name, workers in (("none", 0), ("two", 2)):
        tiny_trainer(recipe, tiny_set, tmp_path / name, workers=workers).run()
    steps = [lines(tmp_path / name / "log/steps.jsonl") for name in ("none", "two")]
    assert steps[0] == steps[1]


def test_a_run_starts_from_the_weights_of_a_file(tiny_recipe, tiny_set, tmp_path):
    first = tiny_trainer(tiny_recipe, tiny_set, tmp_path / "first")
    first.run()
    path = tmp_path / "first.safetensors"
    first.learner.save_network(path)
    second = tiny_trainer(replace(tiny_recipe, seed=1), tiny_set, tmp_path / "second")
    second.start_from(path)
    for model in (second.learner.model, second.learner.averaged):
        for key, value in first.learner.averaged.state_dict().items():
            assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint_set": "mupots-17"}, "its joint_set is 'muco-21', the recipe's 'mupots-17'"),
        ({"mean": (0.0, 0.0, 0.0)}, r"its mean is \(127.0, 127.0, 127.0\), the recipe's \(0.0"),
    ],
)
def test_weights_that_do_not_fit_the_recipe_are_refused(
    tiny_recipe, tiny_set, tmp_path, changes, message
):
    path = tmp_path / "net.safetensors"
    tiny_trainer(tiny_recipe, tiny_set, tmp_path / "first").learner.save_network(path)
    other = tiny_trainer(replace(tiny_recipe, **changes), tiny_set, tmp_path / "second")
    with pytest.raises(UserError, match=f"net.safetensors: {message}"):
        other.start_from(path)


def test_a_narrower_network_begins_with_a_part_of_the_bundled_one():
    path = model_path("lpski-lite0-wild")
    learner = Learner(find_recipe("wild-half"), Ranks(device=torch.device("cpu")))
    pixels = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8)
    learner.start_from(path, pixels)
    weights = read_onnx(path).weights
    for model in (learner.model, learner.averaged):
        mine = fold_norms(model).state_dict()
        torch.testing.assert_close(mine["first_conv.0.weight"], weights["first_conv.0.weight"])
        # Filters inside a block are taken over as they are.
        name = "inv_residual.3.conv.1.0.weight"
        is_taken = (mine[name][:, None] - weights[name]).abs().amax(dim=(2, 3, 4)) < 1e-4
        assert is_taken.any(dim=1).all()
    scaled = replace(find_recipe("wild-half"), mean=(0.0, 0.0, 0.0))
    with pytest.raises(UserError, match="scales its pixels by mean"):
        Learner(scaled, Ranks(device=torch.device("cpu"))).start_from(path, pixels)
    other = Learner(find_recipe("wild-xs"), Ranks(device=torch.device("cpu")))
    with pytest.raises(UserError, match="its preset is 'lpski-lite0', the recipe's 'lpski-xs'"):
        other.start_from(path, pixels)


def test_a_narrower_basic_network_begins_with_a_part_of_the_bundled_one():
    learner = Learner(find_recipe("free-basic-half"), Ranks(device=torch.device("cpu")))
    name = "stages.2.1.first.0.weight"
    new = learner.model.state_dict()[name].clone()
    pixels = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8)
    learner.start_from(model_path("lpski-basic-free"), pixels)
    for model in (learner.model, learner.averaged):
        mine = model.state_dict()
        assert all(bool(tensor.isfinite().all()) for tensor in mine.values())
        assert not torch.allclose(mine[name], new)


def test_a_deeper_basic_network_begins_with_all_of_the_bundled_one():
    path = model_path("lpski-basic-wild")
    weights = read_onnx(path).weights
    learner = Learner(find_recipe("wild-basic-deep"), Ranks(device=torch.device("cpu")))
    learner.start_from(path, torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8))
    for model in (learner.model, learner.averaged):
        mine = fold_norms(model).state_dict()
        name = "stages.3.1.second.0.weight"
        torch.testing.assert_close(mine[name], weights[name], rtol=1e-3, atol=1e-4)
        added = mine["stages.3.2.second.0.weight"]
        assert 0 < float(added.norm()) < 0.01 * float(mine[name].norm())


def save_teacher(recipe, tiny_set, folder):
    path = folder / "teacher.safetensors"
    tiny_trainer(replace(recipe, seed=7), tiny_set, folder / "taught").learner.save_network(path)
    return path


@pytest.mark.parametrize("is_native", [True, False])
def test_half_precision_is_for_processors_that_multiply_it(tiny_recipe, monkeypatch, is_native):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: is_native)
    learner = Learner(replace(tiny_recipe, amp=True), Ranks(device=torch.device("cpu")))
    kinds = []
    learner.model.final_layer.register_forward_hook(
        lambda _module, _args, heatmaps: kinds.append(heatmaps.dtype)
    )
    learner.prepare(tiny_recipe.stages[0])
    crops = Crops(
        pixels=torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8),
        targets=torch.rand(4, 21, 3),
        known=torch.ones(4, 21, 3, dtype=torch.bool),
        source=torch.zeros(4, 2, dtype=torch.int64),
    )
    before = [parameter.clone() for parameter in learner.model.parameters()]
    result = learner(crops, 1e-3, wants_save=False)
    assert kinds == [torch.bfloat16 if is_native else torch.float32]
    assert 0 < result.loss < 10
    after = list(learner.model.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in after)
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_a_teacher_changes_what_is_learnt_and_a_run_goes_on_with_the_same_one(
    tiny_recipe, tiny_set, tmp_path
):
    stages = (tiny_stage(1), replace(tiny_stage(1), teacher_weight=0.5))
    recipe = replace(tiny_recipe, stages=stages)
    path = save_teacher(recipe, tiny_set, tmp_path)
    alone = tiny_trainer(recipe, tiny_set, tmp_path / "alone")
    alone.run()
    taught = tiny_trainer(recipe, tiny_set, tmp_path / "pupil").learn_from(path)
    taught.run()
    alone_losses, taught_losses = (
        [line["loss"] for line in lines(tmp_path / name / "log/steps.jsonl")]
        for name in ("alone", "pupil")
    )
    assert taught_losses[0] == alone_losses[0]  # the first stage has no teacher
    assert taught_losses[-1] > alone_losses[-1] + 1  # a cross-entropy of hundreds of cells
    tiny_trainer(recipe, tiny_set, tmp_path / "pupil").learn_from(path).resume()
    with pytest.raises(UserError, match="belongs to another run: teacher"):
        tiny_trainer(recipe, tiny_set, tmp_path / "pupil").resume()


@pytest.mark.parametrize(("sources", "num_seen"), [([0, 1, 1, 0], 2), ([1, 1, 1, 1], 0)])
def test_a_teacher_is_heard_where_a_set_is_taught_and_nowhere_else(
    tiny_recipe, tiny_set, tmp_path, sources, num_seen
):
    path = save_teacher(tiny_recipe, tiny_set, tmp_path)
    specs = [DatasetSpec(name=name, has_depth=True) for name in ("a", "b")]
    stage = replace(tiny_stage(1), teacher_weight=0.5)
    recipe = replace(
        tiny_recipe, stages=(stage,), datasets=(specs[0], replace(specs[1], is_taught=False))
    )
    crops = Crops(
        pixels=torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8),
        targets=torch.rand(4, 21, 3),
        known=torch.ones(4, 21, 3, dtype=torch.bool),
        source=torch.tensor([[source, 0] for source in sources]),
    )
    alone, pupil = (Learner(recipe, Ranks(device=torch.device("cpu"))) for _ in range(2))
    pupil.learn_from(path)
    ask, seen = pupil.ask_teacher, []
    pupil.ask_teacher = lambda pixels: (seen.append(pixels), ask(pixels))[1]
    losses = []
    for learner in (alone, pupil):
        learner.prepare(stage)
        losses.append(learner(crops, 1e-3, wants_save=False).loss)
    assert torch.equal(seen[0], crops.pixels[torch.tensor(sources) == 0])
    assert len(seen[0]) == num_seen
    # A cross-entropy of hundreds of cells, and exactly nothing where nobody is taught.
    assert losses[1] > losses[0] + 1 if num_seen else losses[1] == losses[0]


def test_a_teacher_with_other_joints_is_refused(tiny_recipe, tiny_set, tmp_path):
    path = save_teacher(replace(tiny_recipe, joint_set="mupots-17"), tiny_set, tmp_path)
    with pytest.raises(UserError, match="teacher.safetensors: its joint_set is 'mupots-17'"):
        tiny_trainer(tiny_recipe, tiny_set, tmp_path / "pupil").learn_from(path)
