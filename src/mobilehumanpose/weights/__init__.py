"""The models that ship with the package, and how a name becomes a file."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError

FOLDER = Path(__file__).parent

#: What ``PoseEstimator()`` loads.
DEFAULT_MODEL = "lpski-basic-wild"


def bundled_models() -> list[str]:
    """Names of the models in this folder."""
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def model_path(model: str | Path) -> Path:
    """The file of a bundled model by its name, or the path as it is given.

    Raises:
        UserError: no bundled model has that name, and it names no ``.onnx`` file.
    """
    if isinstance(model, str) and model in bundled_models():
        return FOLDER / f"{model}.onnx"
    path = Path(model)
    if path.suffix == ".onnx":
        return path
    raise UserError(
        f"unknown model {str(model)!r}; bundled are {', '.join(bundled_models()) or 'none'}, "
        "and a path must end in .onnx"
    )
