"""What docs/walkthrough.md tells a newcomer to do, at the smallest size, on drawn datasets."""

import json
import shutil

import pytest

from mobilehumanpose.cli import app
from mobilehumanpose.errors import UserError

DATASETS = ("human36m", "mpii", "mscoco", "muco", "mupots")
SMALL = ("--crop-px", 32, "--epochs", 1, "--workers", 0)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mhp(*arguments: object) -> None:
    assert app([str(argument) for argument in arguments], standalone_mode=False) in (None, 0)


def test_from_nothing_to_reports_on_every_dataset(tmp_path, capsys):
    mhp("data", "miniature", *DATASETS)
    for name in DATASETS:
        mhp("data", "check", name)
        assert f"{name} can be used." in capsys.readouterr().out

    train = ("train", "human36m-p2-xs", *SMALL, "--batch-size", 16)
    mhp(*train)
    run = tmp_path / "output/model_dump/human36m-p2-xs"
    network = run / "human36m-p2-xs.safetensors"
    trained = network.read_bytes()
    network.unlink()
    # As if it had been killed in its last epoch.
    newest = max(run.glob("checkpoint-*"))
    assert newest.name == "checkpoint-000000010"  # 80 people with depth and as many without
    shutil.rmtree(newest)
    with pytest.raises(UserError, match=r"batch_size is 16 there and 64 here"):
        mhp("train", "human36m-p2-xs", *SMALL, "--continue")
    mhp(*train, "--continue")
    assert network.read_bytes() == trained

    mhp("export", network, "--out", "tried.onnx")
    mhp("test", "human36m-protocol2", "--model", "tried.onnx")
    assert (tmp_path / "output/result/human36m-protocol2/report.html").stat().st_size > 10_000
    predictions = "output/result/human36m-protocol2/bbox_root_pose_human36m_output.json"
    assert len(json.loads((tmp_path / predictions).read_text())) == 32

    mhp("train", "muco-coco", *SMALL, "--batch-size", 32)
    steps = (tmp_path / "output/log/muco-coco/steps.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in steps] == [1]
    mhp("test", "mupots")
    assert (tmp_path / "output/result/mupots/report.html").stat().st_size > 10_000


def test_a_miniature_is_too_small_for_a_recipes_own_batches(tmp_path):
    mhp("data", "miniature", "muco", "mscoco")
    with pytest.raises(UserError, match="32 samples fill no batch of 64.*--batch-size"):
        mhp("train", "muco-coco", "--workers", 0)
    mhp("train", "muco-coco", *SMALL, "--batch-size", 32, "--backbone", "LPWO")
    assert (tmp_path / "output/model_dump/muco-coco-lpwo/muco-coco-lpwo.safetensors").is_file()
