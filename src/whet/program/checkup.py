"""Tries everything that a measurement needs from the machine and the target's interpreter, one check after another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from whet.program.ask import PACKAGES
from whet.program.cache import cache_folder
from whet.program.host import TargetHost
from whet.program.install import LOWEST, install_line, why_none
from whet.program.ptrace import ptrace_trouble
from whet.program.quietly import last_line, run_quietly
from whet.program.tools import find_tool
from whet.records import dataclass

_SECONDS = 60
_INSIDE = "pyinstrument takes the samples instead: dearer, and of one thread"
_SERVES = {
    "line_profiler": "hits, with --lines",
    "memray": "memory, with --memory",
    "pyinstrument": "sampling from inside, and awaiting callers",
}
_INSTEAD = {"memray": "measure memory under WSL"}
"""What to do where a profiler does not exist."""
_NEEDS = {"memray": "memray.reporters.module_tools"}
"""What is imported of a profiler where that is more than its package: the tracker of memray needs this one, late."""
# Waits at its standard input, readable by other processes of the same user as the target is under whet.
_SUBJECT = """
import os, sys
if sys.platform == "linux":
    try:
        import ctypes
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1 & (2**64 - 1)), 0, 0, 0)
    except Exception:
        pass
print("ready", os.getpid(), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Check:
    """What one try has shown.

    ``needed`` is true when the default ``whet run`` relies on it. ``remedy`` is
    a command or a sentence; empty when it works, or when nothing mends it.
    """

    about: str
    works: bool
    says: str
    remedy: str = ""
    needed: bool = True


def examine_collectors(host: TargetHost) -> Iterator[Check]:
    """Yield a check for each profiler, really started or imported."""
    trouble = ptrace_trouble()
    yield check_sampler(host, refused=trouble is not None)
    if trouble is None:
        yield Check("reading another process", True, "allowed")
    else:
        yield Check(
            "reading another process",
            False,
            f"{trouble.why}; {_INSIDE if not why_none('pyinstrument', host) else 'times are then missing'}",
            trouble.remedy,
        )
    if host.version >= (3, 15) and trouble is None:
        yield check_tachyon(host)
    for name in PACKAGES:
        # Where reading others is refused, the default run falls back on sampling from inside.
        needed = name == "pyinstrument" and trouble is not None and not why_none(name, host)
        yield check_package(name, host, needed=needed)
    attaching = ptrace_trouble(attaching=True)
    if attaching is None:
        yield Check("whet attach", True, "can read processes that run already", needed=False)
    else:
        yield Check("whet attach", False, attaching.why, attaching.remedy, needed=False)


def check_sampler(host: TargetHost, *, refused: bool) -> Check:
    """Start py-spy on a process of the target's interpreter; only on itself where reading others is ``refused``."""
    tool = find_tool("py-spy")
    if tool is None:
        return Check("py-spy", False, "not found", f"{sys.executable} -m pip install py-spy")
    status, said = run_quietly([str(tool), "--version"], _SECONDS)
    if status != 0:
        return Check("py-spy", False, f"{tool} does not start: {last_line(said)}", "reinstall py-spy")
    name = said.strip().splitlines()[0] if said.strip() else "py-spy"
    if refused:
        return Check(name, True, f"starts ({tool})")
    failure = _read_a_child([str(tool), "dump", "--pid"], host)
    if failure:
        return Check(
            name, False, f"cannot read {host.interpreter.implementation} {host.interpreter.version}: {failure}"
        )
    return Check(name, True, "samples the target from outside")


def check_tachyon(host: TargetHost) -> Check:
    """Let the sampler of Python 3.15 read a process of the target's interpreter."""
    words = [host.interpreter.path, "-I", "-S", "-m", "profiling.sampling", "dump"]
    failure = _read_a_child(words, host)
    if failure:
        return Check("tachyon", False, f"cannot read it: {failure}", needed=False)
    return Check("tachyon", True, "samples from outside where py-spy does not, or with --sampler tachyon", needed=False)


def check_package(name: str, host: TargetHost, *, needed: bool) -> Check:
    """Import the profiler ``name`` in the target's interpreter, from where the agent would."""
    if name not in host.packages:
        if why := why_none(name, host):
            return Check(name, False, why, _INSTEAD.get(name, ""), needed=False)
        return Check(name, False, f"not there for this interpreter ({_SERVES[name]})", install_line(host), needed)
    folder, version = host.packages[name], host.versions.get(name, "")
    shown = f"{name} {version}".strip()
    if _is_older(version, LOWEST[name]):
        return Check(
            shown,
            False,
            f"too old, {LOWEST[name]} is needed ({folder})",
            f"{host.interpreter.path} -m pip install --upgrade {name}",
            needed,
        )
    words = [folder] if name in host.borrowed else []
    code = f"import sys; sys.path += sys.argv[1:]; import {_NEEDS.get(name, name) if words else name}"
    status, said = run_quietly([host.interpreter.path, "-c", code, *words], _SECONDS, cwd=Path(folder))
    if status != 0:
        return Check(shown, False, f"cannot be imported from {folder}: {last_line(said)}", install_line(host), needed)
    return Check(shown, True, f"{_SERVES[name]}; from {name_origin(name, host)}", needed=needed)


def name_origin(name: str, host: TargetHost) -> str:
    """Return in words where the target imports ``name`` from."""
    if name not in host.borrowed:
        return "the target's environment"
    if Path(host.packages[name]).is_relative_to(cache_folder() / "wheels"):
        return "whet's cache"
    return "whet's own environment"


def list_notes(host: TargetHost, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what makes measurements here unlike those elsewhere."""
    if host.debug:
        yield "the interpreter is a debug build: programs run several times slower than on a release build"
    if host.interpreter.free_threaded:
        yield "the interpreter is free-threaded: values cannot be sampled, and line_profiler does not run on it"
        if host.version < (3, 14, 0):
            yield "memray runs on free-threaded interpreters from Python 3.14 on, so --memory measures nothing here"
    if host.version[:2] == (3, 11):
        yield "on Python 3.11 memray turns text that grows by += from linear to quadratic time; newer ones do not"
    for variable in ("PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONMALLOC", "PYTHONPROFILEIMPORTTIME"):
        if environ.get(variable):
            yield f"{variable} is set, and slows the program down"
    cpus = os.cpu_count() or 1
    if cpus == 1:
        yield "there is one processor only: the sampler takes its time from the program"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cpus:
        yield f"other programs keep the machine busy (load {load:.1f} on {cpus} processors)"
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        if governor.read_text(encoding="ascii").strip() == "powersave":
            yield "the processor's governor is powersave: its clock varies, and so do the figures"
    except (OSError, ValueError):
        pass


def _read_a_child(words: list[str], host: TargetHost) -> str:
    """Let ``words`` and a process id read the stack of a child of the target's interpreter; return what is wrong."""
    with subprocess.Popen(
        [host.interpreter.path, "-I", "-c", _SUBJECT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            told = child.stdout.readline().split() if child.stdout is not None else []
            if told[:1] != [b"ready"]:
                return "the interpreter does not start"
            # On Windows what was started may be an environment's launcher, and Python a process below it.
            pid = int(told[1]) if sys.platform == "win32" else child.pid
            status, said = run_quietly([*words, str(pid)], _SECONDS)
            return "" if status == 0 else last_line(said)
        finally:
            child.kill()


def _is_older(version: str, lowest: str) -> bool:
    """Compare releases; a version that is not known is taken as new enough."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    return bool(numbers) and numbers < [int(part) for part in lowest.split(".")]
