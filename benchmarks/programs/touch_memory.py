"""Allocates one array of 512 MB and touches a share of it.

    python touch_memory.py SHARE

The truth is 536,870,912 bytes, however much is touched. After figure 6 of the same paper as
``function_bias.py``. The pages come from the system untouched, as of a large ``numpy.empty``.
"""

import ctypes
import sys
import time

SIZE = 512 * 1024 * 1024


def allocate() -> bytes:
    """Return the array."""
    return bytes(SIZE)


def touch(block: bytes, share: int) -> bytes:
    """Write to the first ``share`` percent."""
    # Nobody else holds these bytes, so writing to them harms nobody: of the builtin types only
    # ``bytes`` leaves its pages untouched, a bytearray writes its zeros.
    ctypes.memset(ctypes.cast(block, ctypes.c_void_p), 1, SIZE * share // 100)
    return block


if __name__ == "__main__":
    kept = touch(allocate(), int(sys.argv[1]))
    # Long enough for tools that look at intervals.
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        pass
    print(len(kept))
