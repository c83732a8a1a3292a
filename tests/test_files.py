"""Files that strangers made."""

import os

import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.files import check_file, parse_json


def test_a_file_is_a_file(tmp_path):
    path = tmp_path / "a"
    path.touch()
    check_file(path)


def test_what_is_none_is_named(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("absent", "absent: no such model"),
        ("file/under", "under: no such model"),
        (".", "is a folder; a model is needed"),
        ("pipe", "pipe: is no regular file"),
        ("a" * 300, "aaa: File name too long"),
        ("a\0b", "null byte"),
    ):
        with pytest.raises(UserError, match=said):
            check_file(tmp_path / name, "model")


@pytest.mark.parametrize("text", ["{", b"\xff\xfe\xfa", "[" * 100_000, "9" * 5000])
def test_what_is_no_json_is_named(text):
    with pytest.raises(UserError, match=r"^a\.json: no JSON"):
        parse_json(text, "a.json")
