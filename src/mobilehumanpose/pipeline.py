"""Stages of a stream that work at the same time, each in a thread of its own.

Decoding, the network and encoding release Python's lock, so threads are enough. Every stage holds
a bounded number of items, hands on what it fails with, and leaves no thread behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], limit: int) -> Generator[Item, None, None]:
    """The same items, made up to ``limit`` ahead of their reader by another thread.

    What making them raises is raised here, in its place. When the reader leaves, the thread ends.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        end = object()
        coming = deque(pool.submit(next, items, end) for _ in range(limit))
        try:
            while (item := coming.popleft().result()) is not end:
                coming.append(pool.submit(next, items, end))
                yield item  # type: ignore[misc]  # it is no end
        finally:
            for future in coming:
                future.cancel()
            if isinstance(items, Generator):
                pool.submit(items.close).result()


class Behind:
    """Does work in another thread, in order, up to ``limit`` calls behind its caller.

    As a context: leaving it waits for all that was asked for, or, after an exception, drops what
    has not begun. What the work raises is raised by a later call, or on leaving.
    """

    def __init__(self, limit: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._limit = limit
        self._going: deque[Future[None]] = deque()

    def __call__(self, work: Callable[..., None], *arguments: Any) -> None:
        """Ask for ``work(*arguments)``; waits while too much is to be done."""
        while len(self._going) >= self._limit:
            self._going.popleft().result()
        self._going.append(self._pool.submit(work, *arguments))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while kind is None and self._going:
                self._going.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
