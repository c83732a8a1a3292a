"""Shards are whole or absent, the same bytes each time, and read back as they were written."""

import io
import json
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("moderngl")
from mobilehumanpose.data.catalogue import find_dataset
from mobilehumanpose.data.check import check_dataset
from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.synth import load_synth, read_shard
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.command import write_sheets
from mobilehumanpose.synth.engine import Picture
from mobilehumanpose.synth.shards import ShardPlan, write_shards


def picture(number: int) -> Picture:
    """A grey picture of its own shade with one person; with two in every third."""
    rng = np.random.default_rng(number)
    pixels = np.full((60, 80, 3), 3 * number + 20, np.uint8)
    people = []
    for _ in range(2 if number % 3 == 0 else 1):
        keypoints_mm = rng.normal(0, 200, (21, 3)) + [0, 0, 3000]
        px = keypoints_mm[:, :2] / keypoints_mm[:, 2:] * 100 + (40, 30)
        seen = np.full((21, 1), 2)
        people.append(
            {
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [20.0, 10.0, 40.0, 40.0],
                "area": 900.0,
                "num_keypoints": 21,
                "keypoints": np.hstack([px, seen]).reshape(-1).tolist(),
                "keypoints_cam": keypoints_mm.tolist(),
            }
        )
    return Picture(
        jpeg=cv2.imencode(".jpg", pixels)[1].tobytes(),
        image={"width": 80, "height": 60, "f": [100.0, 100.0], "c": [40.0, 30.0]},
        people=people,
    )


@pytest.fixture
def plan(tmp_path):
    folder = tmp_path / "data" / "synth"
    return ShardPlan(folder=folder, split="train", seed=3, count=10, per_shard=4, sources=("a",))


def write(plan, asked=None):
    asked = [] if asked is None else asked

    def pictures(numbers):
        for number in numbers:
            asked.append(number)
            yield picture(number)

    return write_shards(plan, pictures, lambda _: None)


def test_shards_hold_what_was_made(plan):
    told = []
    made = write_shards(plan, lambda numbers: map(picture, numbers), told.append)
    assert made == 10
    assert told == list(range(11))
    assert sorted(p.name for p in plan.folder.iterdir()) == [
        "train-00000.zip",
        "train-00001.zip",
        "train-00002.zip",
    ]
    dataset = load_synth(plan.folder.parent)
    samples = dataset.samples
    assert len(samples) == 14
    assert samples.image_ids.tolist() == list(range(10))
    for person in range(len(samples)):
        number = int(samples.image_ids[samples.image_index[person]])
        made_people = [p["keypoints_cam"] for p in picture(number).people]
        differences = [np.abs(samples.keypoints_mm(person) - p).max() for p in made_people]
        assert min(differences) < 0.05
        shade = read_image(dataset.images, samples.image_name(person)).mean()
        assert shade == pytest.approx(3 * number + 20, abs=1)
    assert samples.skeleton is MUCO_21
    assert samples.has_px.all()


def test_whole_shards_are_kept_and_the_missing_one_is_made(plan):
    write(plan)
    contents = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in plan.folder.iterdir()}
    plan.path(1).unlink()
    (plan.folder / ".train-00001.zip.abc").write_bytes(b"left by a kill")
    asked = []
    assert write(plan, asked) == 4
    assert asked == [4, 5, 6, 7]
    for path, (content, time) in contents.items():
        assert path.read_bytes() == content
        if path != plan.path(1):
            assert path.stat().st_mtime_ns == time
    assert write(plan, asked) == 0


def test_more_pictures_are_added_to_those_that_are_there(plan):
    write(plan)
    asked = []
    write(replace(plan, count=13), asked)
    assert asked == [8, 9, 10, 11, 12]  # the last shard was not full
    asked.clear()
    assert write(replace(plan, count=6), asked) == 0
    assert asked == []


def test_a_run_that_fails_leaves_no_part_of_a_shard(plan):
    def pictures(numbers):
        for number in numbers:
            if number == 6:
                raise UserError("stopped")
            yield picture(number)

    with pytest.raises(UserError, match="stopped"):
        write_shards(plan, pictures, lambda _: None)
    assert [p.name for p in plan.folder.iterdir()] == ["train-00000.zip"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, r"train-00000.zip: was made with seed 3, and this run has 4"),
        ({"per_shard": 5}, "was made with per_shard 4"),
        ({"sources": ("b",)}, "was made with sources"),
    ],
)
def test_shards_of_another_run_are_not_mixed_in(plan, change, message):
    write(plan)
    with pytest.raises(UserError, match=message):
        write(replace(plan, **change))


def test_numbers_that_mean_nothing_are_refused(plan):
    for change in ({"count": 0}, {"per_shard": 0}, {"seed": -1}):
        with pytest.raises(UserError):
            replace(plan, **change)


def test_a_damaged_shard_is_named(plan):
    write(plan)
    plan.path(1).write_bytes(plan.path(1).read_bytes()[:500])
    with pytest.raises(UserError, match="train-00001.zip: no shard of synthetic pictures"):
        write(plan)
    with pytest.raises(UserError, match="train-00001.zip: no shard of synthetic pictures"):
        load_synth(plan.folder.parent)
    problems = check_dataset("synth", plan.folder.parent, parts=["train"]).problems
    assert any("train-00001.zip" in str(problem) for problem in problems)


def test_shards_of_another_version_are_refused(plan):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = {"format": "mobilehumanpose-synth", "version": 1}
        archive.writestr("annotations.json", json.dumps({"info": info}))
    plan.folder.mkdir(parents=True)
    plan.path(0).write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="format version 1; 2 is read here.*anew"):
        read_shard(plan.path(0))


def test_who_can_hardly_be_seen_is_not_trained_on(plan):
    def pictures(numbers):
        for number in numbers:
            made = picture(number)
            if number == 1:  # all hidden
                made.people[0]["keypoints"][2::3] = [1] * 21
            if number == 2:  # nearly all outside
                made.people[0]["keypoints"][2::3] = [2] * 7 + [0] * 14
            yield made

    write_shards(plan, pictures, lambda _: None)
    samples = load_synth(plan.folder.parent).samples
    assert len(samples) == 12
    assert not {1, 2} & set(samples.image_ids[samples.image_index].tolist())


def test_joints_beyond_the_picture_are_not_taught_and_hidden_ones_are(plan):
    def pictures(numbers):
        for number in numbers:
            made = picture(number)
            made.people[0]["keypoints"][2::3] = [0] * 5 + [1] * 6 + [2] * 10
            yield made

    write_shards(replace(plan, count=1), pictures, lambda _: None)
    samples = load_synth(plan.folder.parent).samples
    assert samples.has_px[0].tolist() == [False] * 5 + [True] * 16
    assert samples.has_depth[0].tolist() == [False] * 5 + [True] * 16


def test_no_shards_is_told_with_the_command_that_makes_them(tmp_path):
    with pytest.raises(UserError, match=r"holds no held-out-00000.zip; make it with mhp data"):
        find_dataset("synth").load("held-out", tmp_path)


def test_the_whole_set_passes_the_check(plan):
    write(plan)
    report = check_dataset("synth", plan.folder.parent, parts=["train"])
    assert report.is_usable
    assert report.parts[0].num_people == 14


def test_sheets_show_pictures_plain_and_with_skeletons(plan, tmp_path):
    write(plan)
    plain, drawn = (
        cv2.imread(str(path)) for path in write_sheets(plan.folder, "train", 9, tmp_path / "out")
    )
    assert plain.shape == drawn.shape == (480, 1920, 3)
    first = plain[:240, :240]
    assert first[120, 120].tolist() == pytest.approx([20, 20, 20], abs=3)
    changed = np.abs(plain.astype(int) - drawn).max(axis=2) > 60
    assert changed.mean() > 0.01
    with pytest.raises(UserError, match="holds no held-out-00000.zip"):
        write_sheets(plan.folder, "held-out", 9, tmp_path / "out")
