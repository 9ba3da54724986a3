"""A one-shot timer of microsecond precision that sends SIGPROF.

The kernel rounds ``ITIMER_PROF`` up to its tick (4 ms on many systems), which
makes windows of line tracing several times longer than they need be. A POSIX
timer on the monotonic clock has no such grain. It is armed only while a window
is open, in which the program computes; a system call that it interrupts is
restarted.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

# Not when it is needed: by then a module of the program's may have the name.
try:
    import ctypes
except ImportError:
    ctypes = None  # type: ignore[assignment]


class PreciseTimer:
    """``arm(seconds)`` sends one SIGPROF after that time. Raises ``OSError`` where there is no such timer."""

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError("no POSIX timers here")
        if ctypes is None:
            raise OSError("no way to ask for timers")

        class TimeSpec(ctypes.Structure):
            _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

        class TimerSpec(ctypes.Structure):
            _fields_ = (("interval", TimeSpec), ("value", TimeSpec))

        class SignalEvent(ctypes.Structure):
            # sigval, signal number, how to notify (0: a signal to the process), and padding to 64 bytes.
            _fields_ = (
                ("value", ctypes.c_void_p),
                ("signal", ctypes.c_int),
                ("notify", ctypes.c_int),
                ("padding", ctypes.c_byte * 48),
            )

        library = ctypes.CDLL(None, use_errno=True)
        try:
            create, self._set = library.timer_create, library.timer_settime
        except AttributeError as error:
            raise OSError("no POSIX timers in this C library") from error
        self._set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        event = SignalEvent(None, int(signal.SIGPROF), 0)
        timer = ctypes.c_void_p()
        monotonic = 1
        if create(monotonic, ctypes.byref(event), ctypes.byref(timer)) != 0:
            raise OSError(ctypes.get_errno(), "timer_create failed")
        self._timer: Any = timer
        self._spec = TimerSpec()
        self._address = ctypes.addressof(self._spec)

    def arm(self, seconds: float) -> None:
        """Send one SIGPROF after ``seconds``; zero disarms."""
        value = self._spec.value
        value.seconds = int(seconds)
        value.nanoseconds = int(seconds % 1 * 1e9)
        self._set(self._timer, 0, self._address, None)
