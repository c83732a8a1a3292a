"""``mhp test RECIPE`` on what training leaves, as a user of the original calls it."""

import csv

import pytest
import torch
from typer.testing import CliRunner

from mobilehumanpose.cli import app
from mobilehumanpose.data.miniature import write_miniature
from mobilehumanpose.models.checkpoint import CheckpointMetadata, save_checkpoint
from mobilehumanpose.models.presets import build

run = CliRunner().invoke


def save_network(path, seed: int, joint_set: str = "muco-21", num_joints: int = 21) -> None:
    torch.manual_seed(seed)
    model = build("tiny", num_joints=num_joints)
    torch.nn.init.normal_(model.final_layer.weight, std=0.3)  # some shape for the heat-maps
    metadata = CheckpointMetadata(
        preset="tiny",
        activation="prelu",
        joint_set=joint_set,
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        licence="none",
        trained_on="nothing",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, model.eval(), metadata)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in ("mupots", "human36m"):
        write_miniature(name, folder)
    return folder


@pytest.mark.parametrize("option", ["--test-epoch", "--test_epoch", "--epochs"])
def test_epochs_are_set_beside_each_other(data, tmp_path, option):
    for epoch in (20, 21):
        save_network(tmp_path / f"model_dump/muco-coco/snapshot_{epoch}.safetensors", epoch)
    arguments = ["--data", str(data), "--out", str(tmp_path), "--flip", "off"]
    result = run(app, ["test", "muco-coco", option, "20-21", *arguments])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "result" / "muco-coco" / "mupots"
    table = list(csv.DictReader((folder / "epochs-percent.csv").open()))
    assert [row["%"] for row in table] == ["snapshot_20", "snapshot_21"]
    assert "MPJPE matched, 17 joints" in (folder / "epochs-mm.csv").read_text()
    text = (folder / "epochs.txt").read_text()
    assert "muco-coco on mupots (%; higher is better)" in text
    assert "Warning: Compared with metric poses" in text
    assert "snapshot_21" in result.output
    # Each line is what its network reaches alone.
    path = tmp_path / "model_dump/muco-coco/snapshot_21.safetensors"
    alone = run(app, ["test", "mupots", "--model", str(path), *arguments])
    assert alone.exit_code == 0, alone.output
    rates = (tmp_path / "result/mupots").glob("table-01*.csv")
    average = list(csv.DictReader(next(rates).open()))[-1]
    assert average["AUC_rel all"] == table[1]["AUC_rel all"]
    assert "<html" in (folder / "snapshot_20" / "report.html").read_text()


def test_the_network_in_the_end_and_another_protocol(data, tmp_path):
    run_folder = tmp_path / "model_dump" / "human36m-p1-s-lpres"
    save_network(run_folder / "human36m-p1-s-lpres.safetensors", 0, "human36m-18", 18)
    arguments = ["test", "human36m_p1_s", "--backbone", "LPRES", "--flip", "off"]
    arguments += ["--data", str(data), "--out", str(tmp_path)]
    result = run(app, arguments)
    assert result.exit_code == 0, result.output
    assert "tested on S11" in " ".join(result.output.split())
    out = tmp_path / "result" / "human36m-p1-s-lpres"
    assert (out / "human36m-protocol1/final/bbox_root_pose_human36m_output.json").is_file()
    result = run(app, [*arguments, "--protocol", "human36m-roots", "--detected"])
    assert result.exit_code == 0, result.output
    assert "MRPE z, mm" in result.output
    assert (out / "human36m-roots-detected/final/report.html").is_file()
    result = run(app, [*arguments, "--protocol", "martians"])
    assert "unknown test 'martians'" in str(result.exception)
    result = run(app, [*arguments, "--protocol", "mupots"])
    assert "human36m-p1-s-lpres final: its joint set 'human36m-18' lacks" in str(result.exception)


def test_a_gpu_that_is_not_here(data, tmp_path):
    result = run(app, ["test", "mupots", "--gpu", "900", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "--gpu '900'" in str(result.exception)
