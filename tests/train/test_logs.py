"""Logs that are cut where a checkpoint was, and TensorBoard's beside them."""

import io
import json
import sys

import pytest
from rich.console import Console

from mobilehumanpose.train.logs import RunLog


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def test_lines_after_a_checkpoint_are_cut(tmp_path, console, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = RunLog(tmp_path, num_bytes={}, steps=0, console=console)
    log.step(1, {"loss": 0.5})
    log.epoch(1, {"loss": 0.5, "pck_torso": None})
    num_bytes = log.sync()
    log.step(2, {"loss": 0.25})
    log.epoch(2, {"loss": 0.25, "pck_torso": 0.5})
    log.close()
    log = RunLog(tmp_path, num_bytes=num_bytes, steps=1, console=console)
    log.step(2, {"loss": 0.125})
    log.epoch(2, {"loss": 0.125, "pck_torso": 1.0})
    log.close()
    steps = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert steps == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.125}]
    assert (tmp_path / "epochs.csv").read_text() == "step,loss,pck_torso\n1,0.5,\n2,0.125,1.0\n"
    assert "pip install tensorboard" in console.file.getvalue()
    assert not (tmp_path / "tensorboard").exists()


def test_a_log_that_somebody_shortened_does_not_stop_a_run(tmp_path, console):
    log = RunLog(tmp_path, num_bytes={"steps.jsonl": 1000}, steps=9, console=console)
    log.step(10, {"loss": 1.0})
    log.close()
    assert (tmp_path / "steps.jsonl").read_text() == '{"step": 10, "loss": 1.0}\n'
    assert "steps.jsonl: is shorter" in console.file.getvalue()


def test_tensorboard_gets_the_numbers(tmp_path, console):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = RunLog(tmp_path, num_bytes={}, steps=0, console=console)
    for step in (1, 2, 3):
        log.step(step, {"stage": 0, "loss": 1 / step})
    log.close()
    # An earlier process got as far as step 3; the run goes on from the checkpoint of step 1.
    log = RunLog(tmp_path, num_bytes={}, steps=1, console=console)
    log.step(2, {"stage": 0, "loss": 0.25})
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("step/loss")] == [(1, 1.0), (2, 0.25)]
