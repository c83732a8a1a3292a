"""A run that is killed outright, again and again, and ends as one that was left alone."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import tiny_training

SCRIPT = Path(tiny_training.__file__)
NUM_KILLS = 4


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], env=environment)


def num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def numbers(folder: Path, name: str) -> list[dict]:
    entries = [json.loads(line) for line in (folder / "log" / name).read_text().splitlines()]
    for entry in entries:
        entry.pop("images_per_second", None)  # the only thing that time decides
    return entries


def test_a_run_that_is_killed_at_random_moments_takes_the_same_steps(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    unbroken = start(whole)
    rng = random.Random(0)
    steps = broken / "log/steps.jsonl"
    for _ in range(NUM_KILLS):
        before = num_lines(steps)
        process = start(broken)
        # Once it takes steps again (at most some are lost), at any moment of the next few.
        deadline = time.monotonic() + 30
        while num_lines(steps) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.15))
        assert process.poll() is None, "the run ended before it could be killed"
        process.kill()
        process.wait()
    assert 1 < num_lines(steps) < 54
    assert start(broken).wait(timeout=60) == 0
    assert unbroken.wait(timeout=60) == 0
    assert [entry["step"] for entry in numbers(broken, "steps.jsonl")] == list(range(1, 55))
    for name in ("steps.jsonl", "epochs.jsonl"):
        assert numbers(broken, name) == numbers(whole, name)
    last = "run/snapshot_17.safetensors"
    assert (broken / last).read_bytes() == (whole / last).read_bytes()
