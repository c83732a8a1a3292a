"""What tests share: the data folder that developers have and a public clone does not."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Reference numbers and data beside the checkout, or where ``MHP_SHARED`` says."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("MHP_SHARED", default))
    if not (folder / "reference").is_dir():
        pytest.skip(f"{folder}: no reference data here")
    return folder
