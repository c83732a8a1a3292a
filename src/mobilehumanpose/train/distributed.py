"""One process or many: who this one is, sums over all, and starting them on one machine."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import UserError

#: Process 0 validates and writes while the others wait for it.
TIMEOUT = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number; 0 is the one that writes.
        num_ranks: how many there are.
        device: that it computes on.
    """

    rank: int = 0
    num_ranks: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def sum(self, values: Tensor) -> Tensor:
        """``values`` added up over all processes, the same on each; gradients stop here."""
        total = values.detach().clone()
        if self.num_ranks > 1:
            dist.all_reduce(total)
        return total

    def gather(self, value: Any) -> list[Any]:
        """``value`` of every process, in their order, on each."""
        if self.num_ranks == 1:
            return [value]
        values: list[Any] = [None] * self.num_ranks
        dist.all_gather_object(values, value)
        return values


def parse_gpus(text: str) -> list[int]:
    """``"0"``, ``"0,2"`` or, both ends included, ``"0-1"`` → GPU numbers.

    Raises:
        UserError: it is none of these, or names a GPU that is not here.
    """
    span = re.fullmatch(r"(\d+)-(\d+)", text)
    if span:
        gpus = list(range(int(span[1]), int(span[2]) + 1))
    elif re.fullmatch(r"\d+(,\d+)*", text):
        gpus = [int(part) for part in text.split(",")]
    else:
        gpus = []
    if not gpus or len(set(gpus)) < len(gpus):
        raise UserError(f"--gpu {text!r}: give numbers like 0, 0,1 or 0-1")
    num_gpus = torch.cuda.device_count()
    if max(gpus) >= num_gpus:
        here = f"those here are 0 to {num_gpus - 1}" if num_gpus else "there is no CUDA GPU here"
        raise UserError(f"--gpu {text!r}: {here}")
    return gpus


def is_started_by_torchrun() -> bool:
    """Whether this process is one of several that a launcher has started."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


@contextmanager
def joined(gpus: list[int] | None) -> Iterator[Ranks]:
    """Be one of the processes that the environment tells of, or the only one.

    Args:
        gpus: the GPU of each process of this machine; when None, GPU k for its k-th process if it
            has GPUs. The processor when empty.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if gpus is None:
        gpus = list(range(torch.cuda.device_count()))
    device = torch.device("cuda", gpus[local_rank]) if gpus else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not is_started_by_torchrun():
        yield Ranks(device=device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    yield Ranks(rank=dist.get_rank(), num_ranks=dist.get_world_size(), device=device)
    # Not after an error: the others would fail for want of this one before it could tell its own.
    dist.destroy_process_group()


def launch(function: Callable[..., None], num_processes: int, *arguments: Any) -> None:
    """Run ``function(*arguments)`` in so many processes on this machine, with torch's launcher.

    Args:
        function: at the top of a module; it finds its rank by :func:`joined`.
        num_processes: how many.
        arguments: can be pickled.

    Raises:
        UserError: one of the processes raised it.
        ChildFailedError: one of them failed in another way; its message holds the traceback.
        KeyboardInterrupt: this process was told to end.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # The launcher prints the traceback of every process that the first failure takes along.
    for name in ("torch.distributed.elastic", "torch.multiprocessing"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=num_processes,
            run_id="train",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, function)(*arguments)
        except ChildFailedError:
            for path in sorted(Path(folder).rglob("error.json")):
                kind, _, message = json.loads(path.read_bytes())["message"]["message"].partition(
                    ": "
                )
                if kind == UserError.__name__:
                    raise UserError(message) from None
            raise
        except SignalException:  # its processes have been ended
            raise KeyboardInterrupt from None
