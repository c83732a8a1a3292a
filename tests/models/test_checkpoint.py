"""Networks in files: there and back, the original's pickles, and everything that is refused."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.checkpoint import (
    IMAGENET_MEAN,
    METADATA_KEY,
    CheckpointMetadata,
    import_original,
    load_checkpoint,
    save_checkpoint,
)
from mobilehumanpose.models.presets import build

METADATA = CheckpointMetadata(
    preset="lpski-xs",
    activation="relu6",
    joint_set="muco-21",
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    licence="Apache-2.0",
    trained_on="nothing",
)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build("lpski-xs", num_joints=21, activation="relu6")


@pytest.fixture
def saved(model, tmp_path) -> Path:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, model, METADATA)
    return path


def test_there_and_back(model, saved):
    loaded, metadata = load_checkpoint(saved)
    assert metadata == METADATA
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_files_that_do_not_say_how_joints_are_read_mean_the_mean(saved):
    with safe_open(saved, framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        fields = json.loads(file.metadata()[METADATA_KEY])
    del fields["position"]
    save_file(state, saved, metadata={METADATA_KEY: json.dumps(fields)})
    assert load_checkpoint(saved)[1].position == "mean"


def resave(path: Path, *, metadata: dict | None = None, state: dict | None = None) -> None:
    with safe_open(path, framework="pt") as file:
        old_state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        fields = json.loads(file.metadata()[METADATA_KEY])
    fields.update(metadata or {})
    tensors = old_state if state is None else state
    save_file(tensors, path, metadata={METADATA_KEY: json.dumps(fields)})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"preset": "lpski-9"}, "lpski-9"),
        ({"preset": "lpski-32"}, "differs"),
        ({"joint_set": "human36m-18"}, "final_layer.weight"),
        ({"activation": "prelu"}, "lacks first_conv.2.weight"),
        ({"activation": "gelu"}, "gelu"),
        ({"mean": [1, 2]}, "mean"),
        ({"std": [1, 0, 1]}, "std"),
        ({"depth_range_mm": "far"}, "depth_range_mm"),
        ({"position": "middle"}, "position"),
        ({"licence": None}, "licence"),
        ({"format_version": 7}, "format 1"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved, changed, named):
    resave(saved, metadata=changed)
    with pytest.raises(UserError, match=named) as refused:
        load_checkpoint(saved)
    if "preset" not in changed and "joint_set" not in changed:
        assert saved.name in str(refused.value)


def test_tensors_that_do_not_fit_are_listed(model, saved):
    state = dict(model.state_dict())
    state["final_layer.bias"] = torch.zeros(3)
    del state["first_conv.0.weight"]
    state["extra"] = torch.zeros(1)
    resave(saved, state=state)
    with pytest.raises(UserError) as refused:
        load_checkpoint(saved)
    message = str(refused.value)
    assert "in 3 places" in message
    assert "lacks first_conv.0.weight" in message
    assert "unknown extra" in message
    assert "final_layer.bias is (3,), not (672,)" in message


def test_damaged_and_foreign_files_are_refused(saved, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(saved.read_bytes()[:-1000])
    text = tmp_path / "text.safetensors"
    text.write_text("hello")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    for path in (cut, text, foreign, tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(UserError, match=path.name):
            load_checkpoint(path)


def test_a_failed_save_leaves_nothing(model, tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        save_checkpoint(tmp_path / "nowhere" / "net.safetensors", model, METADATA)


# -- the original's checkpoints -------------------------------------------------------------------


def snapshot(path: Path, state: dict, prefix: str = "module.backbone.") -> Path:
    network = {prefix + key: value for key, value in state.items()}
    torch.save({"epoch": 24, "network": network, "optimizer": {"state": {}}}, path)
    return path


@pytest.mark.parametrize("prefix", ["module.backbone.", "module.", ""])
def test_an_original_snapshot_is_read(tmp_path, prefix):
    original = build("lpski-xs", num_joints=18)
    path = snapshot(tmp_path / "snapshot_24.pth.tar", original.state_dict(), prefix)
    model, metadata = import_original(path, preset="lpski-xs", joint_set="human36m-18")
    # The original scales 0…255 pixels by numbers that are meant for 0…1.
    assert metadata.mean == IMAGENET_MEAN
    assert metadata.activation == "prelu"
    for key, value in original.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)
    converted = tmp_path / "converted.safetensors"
    save_checkpoint(converted, model, metadata)
    assert load_checkpoint(converted)[1] == metadata


def test_a_snapshot_of_another_network_is_refused_with_its_keys(tmp_path):
    path = snapshot(tmp_path / "s.pth.tar", build("lpwo-s").state_dict())
    with pytest.raises(UserError) as refused:
        import_original(path, preset="lpski-s", joint_set="human36m-18")
    assert "deconv0.0.weight is (120, 512, 1, 1), not (120, 632, 1, 1)" in str(refused.value)
    path = snapshot(tmp_path / "s.pth.tar", build("lpski-s").state_dict())
    with pytest.raises(UserError, match="final_layer"):
        import_original(path, preset="lpski-s", joint_set="muco-21")


class Evil:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return (Path.touch, (self.witness,))


@pytest.mark.parametrize("with_torch", [True, False])
def test_a_pickle_that_runs_code_is_refused_unrun(tmp_path, with_torch):
    witness = tmp_path / "it-ran"
    content = {"epoch": 1, "network": {"module.backbone.x": Evil(witness)}}
    path = tmp_path / "evil.pth.tar"
    if with_torch:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"evil\.pth\.tar"):
        import_original(path, preset="lpski-xs", joint_set="human36m-18")
    assert not witness.exists()


def test_files_that_are_no_snapshots_are_refused(tmp_path):
    listing = tmp_path / "list.pth.tar"
    torch.save([1, 2, 3], listing)
    odd = tmp_path / "odd.pth.tar"
    torch.save({"network": {"x": "text"}}, odd)
    whole = snapshot(tmp_path / "whole.pth.tar", build("lpski-xs").state_dict())
    cut = tmp_path / "cut.pth.tar"
    cut.write_bytes(whole.read_bytes()[:5000])
    for path in (listing, odd, cut, tmp_path / "absent.pth.tar"):
        with pytest.raises(UserError, match=path.name):
            import_original(path, preset="lpski-xs", joint_set="human36m-18")
