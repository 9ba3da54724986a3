"""Whether this machine lets whet read another process, as sampling from outside needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_CAP_SYS_PTRACE = 1 << 19
_PTRACE_SEIZE = 0x4206


class Trouble(NamedTuple):
    """Why something does not work here, and what mends it."""

    why: str
    remedy: str = ""


def ptrace_trouble(*, attaching: bool = False) -> Trouble | None:
    """Return why py-spy cannot read a process that whet started; ``None`` when it can.

    With ``attaching``, the question is about processes that were there before,
    which have not asked the kernel to be readable by whet. On Linux the answer
    comes from trying it on a child that lives for some milliseconds.
    """
    if sys.platform == "darwin":
        return _trouble_on_macos()
    if sys.platform != "linux":
        return None
    scope = _read_scope()
    if scope >= 3:
        return Trouble(
            "the kernel forbids tracing altogether (kernel.yama.ptrace_scope is 3)",
            "set kernel.yama.ptrace_scope=1 in /etc/sysctl.d and restart the machine",
        )
    if scope >= (1 if attaching else 2) and not _has_ptrace_capability():
        remedy = "sudo sysctl kernel.yama.ptrace_scope=0" if attaching else "sudo sysctl kernel.yama.ptrace_scope=1"
        return Trouble(
            f"the kernel lets only root read a process that runs already (kernel.yama.ptrace_scope is {scope})",
            _in_container_or(remedy),
        )
    refused = _try_on_child()
    if refused:
        return Trouble(f"this system refuses to let one process read another ({refused})", _in_container_or(""))
    return None


def permit_tracing() -> Callable[[], None] | None:
    """Return what a new process has to call before it becomes the program, so that a process beside it may read it.

    That is a permission of the kernel's for this process, where the Yama module wants one; ``None`` where it does not.
    """
    if sys.platform != "linux" or _read_scope() != 1:
        return None
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    set_ptracer, anyone = 0x59616D61, ctypes.c_ulong(-1 & (2**64 - 1))
    return lambda: prctl(set_ptracer, anyone, 0, 0, 0)


def _trouble_on_macos() -> Trouble | None:
    if os.geteuid() == 0:
        return None
    return Trouble("macOS lets only root read another process", "sudo -E whet ...")


def _read_scope() -> int:
    try:
        return int(_SCOPE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0  # the kernel has no Yama, or hides it: trying decides


def _has_ptrace_capability() -> bool:
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) & _CAP_SYS_PTRACE)
    except (OSError, ValueError, IndexError):
        pass
    return os.geteuid() == 0 if hasattr(os, "geteuid") else False


def _in_container_or(otherwise: str) -> str:
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "add SYS_PTRACE to securityContext.capabilities.add, or use kubectl debug --profile=general"
    if any(mark.exists() for mark in _CONTAINER_MARKS):
        return "start the container with --cap-add SYS_PTRACE"
    return otherwise or "allow SYS_PTRACE (in a container: --cap-add SYS_PTRACE)"


def _try_on_child() -> str:
    """Seize a child and read from its memory; return what was refused, empty if nothing was."""
    import ctypes

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        ptrace, readv = libc.ptrace, libc.process_vm_readv
    except (OSError, AttributeError):
        return ""  # a libc without them: py-spy itself will say
    ptrace.restype = ctypes.c_long
    ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)

    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    readv.restype = ctypes.c_ssize_t
    readv.argtypes = (
        ctypes.c_int,
        ctypes.POINTER(Vector),
        ctypes.c_ulong,
        ctypes.POINTER(Vector),
        ctypes.c_ulong,
        ctypes.c_ulong,
    )
    # The child waits at its standard input; it dies with this block whatever happens.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            if ptrace(_PTRACE_SEIZE, child.pid, None, None) != 0:
                return f"ptrace: {os.strerror(ctypes.get_errno())}"
            address = _readable_address(child.pid)
            if address is None:
                return "/proc/PID/maps cannot be read"
            buffer = ctypes.create_string_buffer(4)
            here = Vector(ctypes.addressof(buffer), 4)
            there = Vector(address, 4)
            if readv(child.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) != 4:
                return f"process_vm_readv: {os.strerror(ctypes.get_errno())}"
            return ""
        finally:
            child.kill()


def _readable_address(pid: int) -> int | None:
    try:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            span, mode = line.split(" ", 2)[:2]
            if mode.startswith("r"):
                return int(span.partition("-")[0], 16)
    except (OSError, ValueError):
        return None
    return None
