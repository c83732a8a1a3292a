"""Memory that is kept: what the kernel has lent to a process after a large tensor is gone."""

import ctypes
import subprocess
import sys

import pytest

LENT = """
import os, sys
from pathlib import Path
import torch
from mobilehumanpose.train.allocator import keep_memory
if sys.argv[1] == "kept":
    keep_memory()
def lent_mb():
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE") / 1e6
torch.ones(1_000_000).add_(1)  # starts the threads
before = lent_mb()
torch.ones(25_000_000).add_(1)  # 100 MB
print(lent_mb() - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"),
    reason="another allocator than glibc's",
)
def test_freed_memory_is_kept():
    def lent_mb(how: str) -> float:
        command = [sys.executable, "-c", LENT, how]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert lent_mb("kept") > 90
    assert lent_mb("returned") < 10
