"""Under ``whet run`` each program does what it does plainly: the same bytes, the same errors, the same status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
from tests.integration.pieces import TARGETS, mark_slow

POSIX_ONLY = {"fork_no_exec", "hostile_names", "mp_fork", "own_sigprof"}
# Others have tests of their own, or need packages or signals.
APART = {"orders", "async_server", "big_output", "handle_interrupt", "ignore_sigint", "introspect", "pandas_frames"}
NAMES = sorted(path.name for path in TARGETS.glob("*.py") if path.stem not in APART)
# What these do to their process is of another kind each; others are like them, or have tests of their own.
QUICK = [
    f"{name}.py"
    for name in (
        "child_python",
        "crash",
        "echo_stdin",
        "exit_three",
        "mp_pool",
        "own_settrace",
        "pickle_main",
        "short",
        "sigterm",
        "syntax_error",
        "os_exit",
    )
]


@pytest.mark.parametrize(
    "target",
    mark_slow(NAMES, QUICK),
)
def test_target_does_what_it_does_plainly(measured, alike, target):
    if target.removesuffix(".py") in POSIX_ONLY and os.name != "posix":
        pytest.skip("not on Windows")
    plain, whet = measured(target)
    alike(plain, whet)
    if target == "syntax_error.py":
        # Nothing was measured, so nothing takes the place of an earlier run and its report.
        assert not (whet.folder / ".whet").exists()
        assert not (whet.folder / "whet-report.html").exists()
        return
    assert (whet.folder / ".whet").is_dir()
    assert (whet.folder / "whet-report.html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("name", "status"), [("exit_three.py", 3), ("os_exit.py", 4), ("sigterm.py", 143), ("crash.py", 1)]
)
def test_exit_status_is_the_targets(measured, name, status):
    if os.name != "posix" and name == "sigterm.py":
        pytest.skip("ended by a signal")
    _, whet = measured(name)
    assert whet.status == status
    assert whet.report["exit_status"] == status
    assert ("ended by SIGTERM" if status == 143 else f"exit {status} ·") in whet.words


@pytest.mark.parametrize("unbuffered", mark_slow([None, "1"], [None]))
def test_hundred_megabytes_through_a_pipe(runner, unbuffered):
    folder = runner.make_folder()
    command = runner.command(TARGETS / "big_output.py")
    environ = {"PYTHONUNBUFFERED": unbuffered} if unbuffered else {}
    from hashlib import sha256

    with runner.start(command, folder, env={**os.environ, **environ}, stderr=subprocess.DEVNULL) as process:
        digest, size = sha256(), 0
        while chunk := process.stdout.read(1 << 16):
            digest.update(chunk)
            size += len(chunk)
        assert process.wait(120) == 0
    expected = sha256(b"".join(b"%09d %s\n" % (number, b"x" * 89) for number in range(1_000_000)))
    assert (size, digest.hexdigest()) == (100_000_000, expected.hexdigest())


def test_reader_that_leaves_early(runner, alike):
    """``whet run x.py | head -1``: the program sees the broken pipe that it would see plainly."""
    program = runner.write(
        """
        import sys
        try:
            for number in range(10**9):
                print("line", number)
        except BrokenPipeError:
            print("broken", file=sys.stderr)
            sys.stdout = None
            raise SystemExit(9)
        """
    )
    statuses = []
    for command in ([sys.executable, str(program)], runner.command(program)):
        with runner.start(command, program.parent) as process:
            assert process.stdout.readline().rstrip() == b"line 0"
            process.stdout.close()
            assert process.stderr.read().startswith(b"broken")
            statuses.append(process.wait(120))
    assert statuses == [9, 9]


# -- what a program sees of how it was started ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def introspect(runner):
    """A folder with introspect.py as a script, a package, a folder and a zip file."""
    folder = runner.make_folder()
    text = (TARGETS / "introspect.py").read_text("utf-8")
    for path in ("introspect.py", "package/__init__.py", "package/sub.py", "package/__main__.py", "app/__main__.py"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("" if path.endswith("__init__.py") else text, "utf-8")
    with zipfile.ZipFile(folder / "app.pyz", "w") as bundle:
        bundle.writestr("__main__.py", text)
    return folder


QUICK_FORMS = ["script", "module", "module in a package", "package", "folder", "zip file", "isolated", "code"]
"""Those of ``FORMS`` that `make test` runs."""
FORMS = {
    "script": ["introspect.py", "--flag", "b c"],
    "script by ./": ["./introspect.py"],
    "script by ..": ["app/../introspect.py"],
    "module": ["-m", "introspect", "-x"],
    "module in a package": ["-m", "package.sub"],
    "package": ["-m", "package", "a"],
    "folder": ["app", "a"],
    "folder by ./": ["./app/"],
    "zip file": ["app.pyz", "a"],
    "zip file by ./": ["./app.pyz"],
    "isolated": ["-I", "introspect.py"],
    "safe path": ["-P", "introspect.py"],
    "optimized": ["-O", "introspect.py"],
    "unbuffered": ["-u", "introspect.py"],
}


@pytest.mark.parametrize("form", mark_slow([*FORMS, "absolute", "code"], QUICK_FORMS))
def test_program_sees_a_plain_start(runner, alike, introspect, form):
    words = FORMS.get(form) or [str(introspect / "introspect.py")]
    if form == "code":
        # Without a file there is no source to find.
        text = (TARGETS / "introspect.py").read_text("utf-8").replace("find_source(),", "None,")
        words = ["-c", text, "a", "b"]
    plain, whet = runner.both(*words, cwd=introspect)
    assert plain.status == 0, plain.words
    assert json.loads(whet.stdout) == json.loads(plain.stdout)
    alike(plain, whet)


@pytest.mark.slow
def test_original_words_are_the_users(runner, alike):
    program = runner.write("import sys\nprint(sys.argv, sys.orig_argv[1:], sys.flags.optimize, __debug__)\n")
    for words in ([program, "-x"], ["-O", program], ["-m", "prog", "y"], ["-W", "error", "-c", program.read_text()]):
        alike(*runner.both(*words, cwd=program.parent))


def test_stdin_goes_to_the_target(runner, alike):
    plain, whet = runner.both(TARGETS / "echo_stdin.py", stdin=b"one\nlast without end" * 50_000)
    alike(plain, whet)
    assert whet.stdout.startswith(b"ONE\n")
    closed = runner.call([*runner.command(TARGETS / "echo_stdin.py")], runner.make_folder(), b"")
    assert (closed.status, closed.stdout) == (0, b"")
    assert closed.stderr.startswith(b"lines 0\n")


def test_whet_in_front_of_python(runner, alike):
    program = runner.write("assert False, 'assertions are on'\nprint(__debug__)\n")
    plain, whet = runner.both("-O", program)
    assert plain.stdout == b"False\n" or plain.stdout == b"False\r\n"
    alike(plain, whet)
