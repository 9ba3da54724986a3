from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from whet.program import ptrace
from whet.program.ptrace import ptrace_trouble

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

# Installs a seccomp filter by which the kernel refuses one system call, as containers do.
REFUSE = """
import ctypes, platform, struct, sys
numbers = {"x86_64": {"ptrace": 101, "process_vm_readv": 310}, "aarch64": {"ptrace": 117, "process_vm_readv": 270}}
number = numbers[platform.machine()][sys.argv[1]]
def statement(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)
program = b"".join([
    statement(0x20, 0, 0, 0),                  # load the number of the system call
    statement(0x15, 0, 1, number),             # this one?
    statement(0x06, 0, 0, 0x00050000 | 1),     # EPERM
    statement(0x06, 0, 0, 0x7FFF0000),         # allowed
])
text = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
zero = ctypes.c_ulong(0)
assert libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
if libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(Filter(4, ctypes.addressof(text)))) != 0:
    print("no seccomp here")
    raise SystemExit
from whet.program.ptrace import ptrace_trouble
print(ptrace_trouble())
"""


@LINUX
@pytest.mark.parametrize("call", ["ptrace", "process_vm_readv"])
def test_refusal_of_the_kernel_is_found_by_trying(call):
    done = subprocess.run([sys.executable, "-c", REFUSE, call], capture_output=True, text=True, check=True)
    if "no seccomp" in done.stdout:
        pytest.skip("filters cannot be installed here")
    assert "refuses" in done.stdout
    assert call in done.stdout or "/proc/PID/maps" in done.stdout
    assert "SYS_PTRACE" in done.stdout


@LINUX
@pytest.mark.parametrize(
    ("scope", "capable", "attaching", "refused"),
    [
        (0, False, True, False),
        (1, False, False, False),
        (1, False, True, True),
        (1, True, True, False),
        (2, False, False, True),
        (2, True, False, False),
        (3, True, False, True),
    ],
)
def test_scope_of_yama(tmp_path, monkeypatch, scope, capable, attaching, refused):
    file = tmp_path / "ptrace_scope"
    file.write_text(f"{scope}\n")
    monkeypatch.setattr(ptrace, "_SCOPE", file)
    monkeypatch.setattr(ptrace, "_has_ptrace_capability", lambda: capable)
    monkeypatch.setattr(ptrace, "_try_on_child", lambda: "")
    trouble = ptrace_trouble(attaching=attaching)
    assert (trouble is not None) == refused
    if trouble is not None:
        assert str(scope) in trouble.why
        assert trouble.remedy


@LINUX
def test_capability_is_read_from_the_kernel():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    assert ptrace._has_ptrace_capability() == bool(int(line.split()[1], 16) >> 19 & 1)


@LINUX
def test_remedy_names_the_container(monkeypatch, tmp_path):
    mark = tmp_path / ".dockerenv"
    monkeypatch.setattr(ptrace, "_CONTAINER_MARKS", (mark,))
    monkeypatch.setattr(ptrace, "_try_on_child", lambda: "ptrace: Operation not permitted")
    monkeypatch.setattr(ptrace, "_SCOPE", tmp_path / "absent")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    mark.touch()
    assert "--cap-add SYS_PTRACE" in ptrace_trouble().remedy
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert "kubectl debug" in ptrace_trouble().remedy


@pytest.mark.parametrize(
    ("platform", "user", "refused"), [("darwin", 501, True), ("darwin", 0, False), ("win32", 0, False)]
)
def test_other_systems(monkeypatch, platform, user, refused):
    monkeypatch.setattr(ptrace.sys, "platform", platform)
    monkeypatch.setattr(ptrace.os, "geteuid", lambda: user, raising=False)
    assert (ptrace_trouble() is not None) == refused
