"""Checkpoints of a run: tensors as safetensors, all else as JSON, whole or not there at all.

A checkpoint is a folder ``checkpoint-<steps>`` with ``tensors.safetensors`` (weights, averaged
weights, the optimizer's moments) and ``state.json`` (the rest, with size and SHA-256 of the
tensors' file). It is written under another name, brought to the disk and renamed, and the one
before it stays until the next: a kill or a power cut at any moment leaves a good one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import UserError

FORMAT = "mobilehumanpose-training"
FORMAT_VERSION = 1
PREFIX = "checkpoint-"
_TENSORS, _STATE = "tensors.safetensors", "state.json"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a run goes on from.

    Attributes:
        path: its folder.
        tensors: by name.
        state: what JSON holds.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


def find_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first."""
    found = [
        path
        for path in folder.glob(f"{PREFIX}*")
        if re.fullmatch(r"\d{9}", path.name[len(PREFIX) :])
    ]
    return sorted(found, reverse=True)


def write_checkpoint(
    folder: Path, steps: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> Path:
    """Write the checkpoint of ``steps`` into a run's folder and drop all but one before it.

    Args:
        folder: the run's.
        steps: that were done.
        tensors: by name.
        state: can be JSON.

    Returns:
        The checkpoint's folder.

    Raises:
        UserError: the folder cannot be written to.
    """
    target = folder / f"{PREFIX}{steps:09d}"
    temporary = folder / f".{target.name}.tmp"
    try:
        # What another kill has left.
        for leftover in folder.glob(f".{PREFIX}*.tmp"):
            shutil.rmtree(leftover)
        temporary.mkdir()
        save_file(
            {key: t.detach().contiguous() for key, t in tensors.items()}, temporary / _TENSORS
        )
        stamp = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "steps": steps,
            "tensors": fingerprint(temporary / _TENSORS),
        }
        (temporary / _STATE).write_text(json.dumps({**stamp, **state}))
        for path in (temporary / _TENSORS, temporary / _STATE, temporary):
            _sync(path)
        if target.exists():  # a damaged one: a run that goes on comes by no step twice
            shutil.rmtree(target)
        temporary.rename(target)
        _sync(folder)
        # Later ones than this can only be damaged: the run has gone on from before them.
        older = [path for path in find_checkpoints(folder) if path.name < target.name]
        for path in find_checkpoints(folder):
            if path != target and path not in older[:1]:
                shutil.rmtree(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{target}: cannot be written: {error}") from None
    return target


def read_newest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The newest checkpoint that is whole, and what is wrong with those after it.

    Raises:
        UserError: there is none.
    """
    problems: list[str] = []
    for path in find_checkpoints(folder):
        try:
            return _read(path), problems
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            problems.append(f"{path}: is damaged: {error}")
    raise UserError("; ".join([*problems, f"{folder}: has no checkpoint to continue from"]))


def _read(path: Path) -> Checkpoint:
    state = json.loads((path / _STATE).read_bytes())
    if (state["format"], state["format_version"]) != (FORMAT, FORMAT_VERSION):
        raise ValueError(f"{_STATE} is not of format {FORMAT} {FORMAT_VERSION}")
    if fingerprint(path / _TENSORS) != state["tensors"]:
        raise ValueError(f"{_TENSORS} is not the file that was written")
    return Checkpoint(path=path, tensors=load_file(path / _TENSORS), state=state)


def fingerprint(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, for JSON."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _sync(path: Path) -> None:
    """Bring a file or a folder's list of names to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows knows no such thing for folders
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as tensors by name and the rest for JSON."""
    content = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, Any] = {}
    for index, entry in content["state"].items():
        for name, value in entry.items():
            (tensors if isinstance(value, Tensor) else scalars)[f"{index}.{name}"] = value
    return tensors, {"scalars": scalars, "param_groups": content["param_groups"]}


def unpack_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]
) -> None:
    """Put back what :func:`pack_optimizer` took."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **rest["scalars"]}.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, entry in state.items():
        for name, value in entry.items():
            # Files hold tensors row by row. The fused update walks memory, so the moments must
            # lie as their weights do, which are channels-last.
            if isinstance(value, Tensor) and value.shape == parameters[index].shape:
                entry[name] = torch.empty_like(parameters[index]).copy_(value).detach()
    optimizer.load_state_dict({"state": state, "param_groups": rest["param_groups"]})
