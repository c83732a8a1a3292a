"""Files that strangers made: whether one is there, and what its JSON says."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from .errors import UserError


def check_file(path: Path, what: str = "file") -> None:
    """Refuse what is not a file that can be reached; ``what`` says in the error what is missing.

    Raises:
        UserError: it is not.
    """
    mode = file_mode(path)
    if mode is None:
        raise UserError(f"{path}: no such {what}")
    if stat.S_ISDIR(mode):
        raise UserError(f"{path}: is a folder; a {what} is needed")
    if not stat.S_ISREG(mode):
        raise UserError(f"{path}: is no regular file")


def file_mode(path: Path) -> int | None:
    """What ``os.stat`` says of a file or folder; None where there is none.

    Raises:
        UserError: it cannot be told: the name is too long, or a folder above may not be entered.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a name with a null byte
        raise UserError(f"{str(path)!r}: {error}") from None


def parse_json(text: str | bytes, source: str | Path) -> Any:
    """What a JSON text says; ``source`` names it in errors.

    Raises:
        UserError: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    # No JSON, no UTF-8, or a whole number of thousands of digits.
    except ValueError as error:
        raise UserError(f"{source}: no JSON: {error}") from None
    except RecursionError:
        raise UserError(f"{source}: no JSON that can be read: nested too deeply") from None
