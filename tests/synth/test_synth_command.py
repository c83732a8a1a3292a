"""The verbs' answers to what people get wrong."""

import pytest
from typer.testing import CliRunner

pytest.importorskip("moderngl")
pytest.importorskip("anny")
from mobilehumanpose.cli import app
from mobilehumanpose.errors import UserError


def run(tmp_path, *options):
    motion = tmp_path / "motion.zip"
    motion.touch()
    arguments = ["data", "synth", "--out", str(tmp_path / "out"), "--motion", str(motion)]
    return CliRunner().invoke(app, [*arguments, *options])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "test"], "split 'test': choose of train, held-out"),
        (["--count", "0"], "at least one picture"),
        (["--workers", "0"], "0 workers"),
        (["--assets", "nowhere.zip"], "nowhere.zip: no such file or folder"),
        (["--backgrounds", "nowhere"], "nowhere: no such folder of backgrounds"),
        (["--motion", "nowhere.zip"], "nowhere.zip: no such file of motion capture"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(tmp_path, options, message):
    result = run(tmp_path, *options)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()
