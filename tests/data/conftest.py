"""Tiny datasets in their official layout, to read and to spoil."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilehumanpose.data.miniature import write_miniature


@pytest.fixture
def miniature(tmp_path) -> Callable[[str], Path]:
    """Writes a miniature and tells the data folder."""

    def write(name: str) -> Path:
        write_miniature(name, tmp_path)
        return tmp_path

    return write


@pytest.fixture
def edit() -> Callable[[Path, Callable[[Any], Any]], None]:
    """Changes a JSON file in place."""

    def change(path: Path, how: Callable[[Any], Any]) -> None:
        content = json.loads(path.read_text())
        how(content)
        path.write_text(json.dumps(content))

    return change
