"""``mhp data synth`` and ``mhp data synth-sheet``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from ..data.synth import SPLITS, Split
from ..errors import UserError
from ..media import encode_jpeg, make_folder, write_file
from .contact_sheet import contact_sheet
from .engine import Engine, Picture, Sources
from .shards import ShardPlan, write_shards

#: Pictures that a worker is handed at a time.
_CHUNK = 8


@dataclass
class _Worker:
    """What a worker process holds; set when it starts."""

    engine: Engine | None = None


_WORKER = _Worker()


def _start_worker(sources: Sources, seed: int, split: Split) -> None:
    threadpool_limits(1, user_api="blas")
    _WORKER.engine = Engine.open(sources, seed, split)


def _make(number: int) -> Picture:
    if _WORKER.engine is None:
        raise RuntimeError("this process is no worker")
    return _WORKER.engine.make(number)


def checked_split(name: str) -> Split:
    """The split of that name.

    Raises:
        UserError: there is none.
    """
    for split in SPLITS:
        if split == name:
            return split
    raise UserError(f"split {name!r}: choose of {', '.join(SPLITS)}")


def synthesize(
    plan: ShardPlan, sources: Sources, *, workers: int, progress: Callable[[int], None]
) -> int:
    """Make what is missing of a plan; the number of pictures that were made.

    The pictures are the same whatever the number of workers.

    Raises:
        UserError: a source is missing or damaged, pictures cannot be rendered here, other shards
            lie in the folder, or a worker was killed.
    """
    if workers < 1:
        raise UserError(f"{workers} workers: at least one is needed")
    if not plan.missing():
        progress(plan.count)
        return 0
    # NumPy's products round otherwise on several threads, so that pictures would depend on the
    # machine; and on matrices as small as here threads cost more than they bring.
    with threadpool_limits(1, user_api="blas"):
        # The first start prepares files that all workers read; errors come without a traceback.
        engine = Engine.open(sources, plan.seed, plan.split)
        if workers == 1:
            return write_shards(plan, lambda numbers: map(engine.make, numbers), progress)
    engine.close()
    # A context of OpenGL does not survive a fork.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(sources, plan.seed, plan.split),
    )

    def pictures(numbers: Iterable[int]) -> Iterator[Picture]:
        return pool.map(_make, numbers, chunksize=_CHUNK)

    try:
        return write_shards(plan, pictures, progress)
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, perhaps for want of memory: whole shards are kept, "
            "and the same command goes on from there"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def write_sheets(folder: Path, split: Split, count: int, out: Path) -> list[Path]:
    """Write a plain sheet and one with skeletons; their paths.

    Raises:
        UserError: there are no shards, or the sheets cannot be written.
    """
    make_folder(out)
    paths = []
    for name, skeletons in (("pictures", False), ("skeletons", True)):
        path = out / f"{split}-{name}.jpg"
        write_file(path, encode_jpeg(contact_sheet(folder, split, count, skeletons=skeletons)))
        paths.append(path)
    return paths
