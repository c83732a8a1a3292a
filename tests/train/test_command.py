"""From a recipe's name to a trained network, and what is refused."""

import pytest
from rich.console import Console
from tiny_training import tiny_recipe, tiny_stage

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.checkpoint import load_checkpoint
from mobilehumanpose.train import command, recipes


@pytest.fixture
def run(tiny_set, tmp_path, monkeypatch):
    """Call the command with the tiny recipe among the others."""
    recipe = tiny_recipe(validation="tiny", stages=(tiny_stage(1),))
    monkeypatch.setattr(recipes, "RECIPES", {"tiny": lambda: recipe})
    monkeypatch.setattr(command, "LOADERS", {"tiny": lambda data: tiny_set})

    def call(name="tiny", **options):
        options = {"data": tmp_path, "out": tmp_path / "output", "go_on": False, **options}
        console = Console(quiet=True)
        command.run_recipe(name, console=console, workers=options.pop("workers", 0), **options)

    return call


def test_a_run_writes_where_the_original_does(run, tmp_path):
    run()
    _, metadata = load_checkpoint(tmp_path / "output/model_dump/tiny/tiny.safetensors")
    assert metadata.trained_on == "drawings"
    assert (tmp_path / "output/log/tiny/epochs.csv").is_file()
    with pytest.raises(UserError, match="a run is here already.*--continue"):
        run()
    run(go_on=True)


def test_wrong_options_are_one_line(run, tmp_path):
    for options, message in (
        ({"name": "none"}, "unknown recipe 'none'; known are tiny"),
        ({"gpu": "0", "processes": 2}, "one of them"),
        ({"gpu": "x"}, "--gpu 'x'"),
        ({"processes": 0}, "at least 1"),
        ({"workers": -1}, "at least 0"),
        ({"threads": 0}, "at least 1"),
        ({"go_on": True}, "no checkpoint to continue from"),
        ({"backbone": "lpres"}, "lpres"),
        ({"crop_px": 50}, "--crop-px 50"),
        ({"batch_size": 64}, "--batch-size"),
    ):
        with pytest.raises(UserError, match=message):
            run(**options)


def test_logs_without_their_checkpoints_are_not_overwritten(run, tmp_path):
    log = tmp_path / "output/log/tiny/steps.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    with pytest.raises(UserError, match="checkpoints are gone"):
        run()
    assert log.read_text() == "{}\n"


def test_absent_data_is_told_of_before_anything_is_written(tmp_path):
    for name, recipe in recipes.RECIPES.items():
        with pytest.raises(UserError, match=str(tmp_path / "data")):
            command.run_recipe(
                name,
                data=tmp_path / "data",
                out=tmp_path / "output",
                go_on=False,
                console=Console(quiet=True),
                teacher=(
                    tmp_path / "net.safetensors"
                    if any(stage.teacher_weight for stage in recipe().stages)
                    else None
                ),
            )
    assert not list(tmp_path.glob("output/*/*/*"))


@pytest.mark.parametrize(
    ("recipe", "teacher", "message"),
    [
        ("wild-xs", None, "give its file by --teacher"),
        ("wild-lite0", "net.onnx", "'wild-lite0' does not learn from one"),
    ],
)
def test_a_teacher_is_asked_for_where_one_teaches_and_nowhere_else(
    tmp_path, recipe, teacher, message
):
    with pytest.raises(UserError, match=message):
        command.run_recipe(
            recipe,
            data=tmp_path,
            out=tmp_path,
            go_on=False,
            console=Console(quiet=True),
            teacher=teacher and tmp_path / teacher,
        )


def test_processes_share_the_batches(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(command, "launch", lambda *arguments: started.append(arguments))
    command.run_recipe(
        "muco-coco",
        data=tmp_path,
        out=tmp_path,
        go_on=False,
        console=Console(quiet=True),
        processes=2,
        threads=1,
    )
    function, num_processes, options = started[0]
    assert (function, num_processes) == (command.train, 2)
    assert (options.gpus, options.threads) == ([], 1)
    assert options.recipe.name == "muco-coco"
