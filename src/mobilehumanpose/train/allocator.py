"""Memory that a training process keeps from step to step."""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def keep_memory() -> None:
    """Have glibc keep freed memory for the next step instead of returning it to the kernel.

    PyTorch on the processor takes each large tensor afresh. By default glibc maps pages for each
    and gives them back, and the kernel clears every page again: a quarter of a training step of
    ``lpski-lite0``. Other systems have other allocators, and are left alone.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
        if libc.mallopt(parameter, value) != 1:
            raise OSError(f"mallopt({parameter}, {value}) was refused")
