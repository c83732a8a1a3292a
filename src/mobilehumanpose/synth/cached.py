"""Arrays that took long to make, kept in files from start to start."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..media import write_file


def save_cached(path: Path, version: int, arrays: Mapping[str, Any]) -> None:
    """Write named arrays, or what becomes one.

    Raises:
        UserError: the file cannot be written.
    """
    content = io.BytesIO()
    np.savez(content, version=version, **arrays)
    write_file(path, content.getvalue())


def load_cached(path: Path, version: int, names: Iterable[str]) -> dict[str, NDArray] | None:
    """The arrays of :func:`save_cached`; None where the file is absent, damaged or of old.

    What is not there is made anew, so nothing of it is worth an error.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            if int(file["version"]) != version:
                return None
            return {name: file[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
