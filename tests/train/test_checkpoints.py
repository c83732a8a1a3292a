"""Checkpoints that are whole or not there."""

import random

import numpy as np
import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.train.checkpoints import (
    find_checkpoints,
    pack_optimizer,
    read_newest,
    unpack_optimizer,
    write_checkpoint,
)
from mobilehumanpose.train.random_state import get_random_state, set_random_state


def write(folder, steps):
    return write_checkpoint(folder, steps, {"a.b": torch.full((3,), float(steps))}, {"x": steps})


def test_the_last_two_are_kept(tmp_path):
    (tmp_path / ".checkpoint-000000001.tmp").mkdir()  # as a kill leaves it
    mine = tmp_path / "checkpoint-best"
    mine.mkdir()
    for steps in (0, 5, 7):
        write(tmp_path, steps)
    assert [path.name for path in find_checkpoints(tmp_path)] == [
        "checkpoint-000000007",
        "checkpoint-000000005",
    ]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert mine.is_dir()
    checkpoint, problems = read_newest(tmp_path)
    assert (checkpoint.state["x"], problems) == (7, [])
    assert torch.equal(checkpoint.tensors["a.b"], torch.full((3,), 7.0))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def change(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json"])
@pytest.mark.parametrize("damage", [cut, change, lambda path: path.unlink()])
def test_damage_is_noticed(tmp_path, name, damage):
    write(tmp_path, 1)
    damage(write(tmp_path, 2) / name)
    checkpoint, problems = read_newest(tmp_path)
    assert checkpoint.state["x"] == 1
    assert len(problems) == 1
    assert "checkpoint-000000002: is damaged" in problems[0]
    damage(tmp_path / "checkpoint-000000001" / name)
    with pytest.raises(UserError, match="000000002: is damaged.*000000001: is damaged.*has no"):
        read_newest(tmp_path)


def test_what_cannot_be_written_leaves_the_old_ones(tmp_path):
    write(tmp_path, 1)
    with pytest.raises(TypeError):  # a mistake of ours, not of the user's
        write_checkpoint(tmp_path, 2, {}, {"x": object()})
    assert read_newest(tmp_path)[0].state["x"] == 1
    with pytest.raises(UserError, match="cannot be written"):
        write_checkpoint(tmp_path / "absent", 1, {}, {})


def test_an_optimizer_goes_on_to_the_bit_with_channels_last_weights():
    def make():
        torch.manual_seed(0)
        layer = torch.nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
        return layer, torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)

    def step(layer, optimizer, seed):
        images = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        layer(images).square().sum().backward()
        optimizer.step()

    layer, optimizer = make()
    step(layer, optimizer, 1)
    tensors, rest = pack_optimizer(optimizer)
    tensors = {key: value.clone().contiguous() for key, value in tensors.items()}
    weights = {key: value.clone() for key, value in layer.state_dict().items()}
    other, other_optimizer = make()
    other.load_state_dict(weights)
    unpack_optimizer(other_optimizer, tensors, rest)
    for seed in (2, 3):
        step(layer, optimizer, seed)
        step(other, other_optimizer, seed)
    assert torch.equal(layer.weight, other.weight)


def test_random_states_come_back():
    device = torch.device("cpu")
    state = get_random_state(device)

    def draw():
        numbers = np.random.random(), np.random.normal()  # noqa: NPY002
        return random.random(), *numbers, torch.rand(1).item()

    first = draw()
    second = draw()
    set_random_state(state, device)
    assert (draw(), draw()) == (first, second)
