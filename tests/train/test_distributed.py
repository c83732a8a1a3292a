"""Several processes train as one does."""

import json
import os

import numpy as np
import pytest
import torch
from tiny_training import make_tiny_set, run_with_fixed_statistics, tiny_recipe, tiny_trainer

from mobilehumanpose.errors import UserError
from mobilehumanpose.train.distributed import joined, launch, parse_gpus


def column(folder, name) -> np.ndarray:
    lines = (folder / "log/steps.jsonl").read_text().splitlines()
    return np.array([json.loads(line)[name] for line in lines])


def test_two_processes_take_the_steps_of_one(tmp_path):
    # Batch normalisation sees half of the batch in each process, so it is kept out of this. Half
    # of the photographs have fewer labels: means over each process's own would differ.
    recipe = tiny_recipe()
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    run_with_fixed_statistics(one, recipe)
    make_tiny_set(two)  # before both processes would write it
    launch(run_with_fixed_statistics, 2, two, recipe)
    for name in ("loss", "gradient_norm"):
        assert len(column(two, name)) == 9
        assert column(two, name)[0] == pytest.approx(column(one, name)[0], rel=1e-5)
        assert column(two, name) == pytest.approx(column(one, name), rel=2e-3)
    # A run of two can be gone on with by one, which says so.
    resumed = tiny_trainer(recipe, make_tiny_set(two), two).resume()
    assert resumed.learner.steps == 9


def fail_on_one_rank(folder):
    with joined([]) as ranks:
        if ranks.rank == 1:
            raise UserError(f"{folder}: is not right")
        ranks.sum(torch.zeros(1))


def test_a_users_mistake_in_one_process_is_told_as_in_one(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path}: is not right$"):
        launch(fail_on_one_rank, 2, tmp_path)


def test_gpus_are_named_as_the_original_does(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert parse_gpus("0-1") == [0, 1]
    assert parse_gpus("0,1") == [0, 1]
    assert parse_gpus("3") == [3]
    for text in ("", "a", "1-0", "0,0", "-1", "0-"):
        with pytest.raises(UserError, match="0,1 or 0-1"):
            parse_gpus(text)
    with pytest.raises(UserError, match="0 to 3"):
        parse_gpus("2-4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match="no CUDA GPU"):
        parse_gpus("0")


def test_alone_there_is_nothing_to_join():
    assert "RANK" not in os.environ
    with joined([]) as ranks:
        assert (ranks.rank, ranks.num_ranks, ranks.gather("x")) == (0, 1, ["x"])
        values = torch.tensor([1.0, 2.0])
        assert torch.equal(ranks.sum(values), values)
