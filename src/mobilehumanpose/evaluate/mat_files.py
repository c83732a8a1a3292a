"""MATLAB files in and out, with errors in one line."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from ..errors import UserError
from ..media import write_file


def load_mat(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file of version 7 or older.

    Raises:
        UserError: there is none, or it is damaged or of version 7.3.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        raise UserError(f"{path}: a MATLAB 7.3 file; save it with -v7 instead") from None
    # scipy reports damage in all of these ways.
    except (
        MatReadError, OSError, ValueError, TypeError, KeyError, IndexError, EOFError,
        OverflowError, MemoryError, zlib.error,
    ) as error:  # fmt: skip
        raise UserError(f"{path}: no readable MATLAB file: {error}") from None
    return {name: value for name, value in content.items() if not name.startswith("__")}


def save_mat(path: Path, variables: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name, all or nothing; an array of objects becomes a cell array.

    Raises:
        UserError: the file cannot be written.
    """
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, dict(variables))
    write_file(path, buffer.getvalue())
