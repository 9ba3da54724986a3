"""What the program finds when it begins is under ``whet run`` as it is plainly; its forks warn of nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
from tests.integration.pieces import BUSY, mark_slow

posix = pytest.mark.skipif(sys.platform == "win32", reason="forks and signals of POSIX")
STATE = """
import atexit, builtins, gc, json, os, signal, sys, threading, warnings
from busy import burn

def tell():
    told = {
        "environment": dict(os.environ),
        "path": sys.path,
        "modules": sorted(sys.modules),
        "importers": sorted(sys.path_importer_cache),
        "argv": [sys.argv, sys.orig_argv, sys.warnoptions, sys.flags, sys._xoptions],
        "filters": repr(warnings.filters),
        "hooks": repr([sys.meta_path, sys.path_hooks, sys.excepthook, sys.displayhook, sys.unraisablehook]),
        "threads": [each.name for each in threading.enumerate()],
        "exits": atexit._ncallbacks(),
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), repr(gc.callbacks), gc.get_freeze_count()],
        "switches": sys.getswitchinterval(),
        "handlers": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "main": sorted(vars(sys.modules["__main__"])),
        "builtins": sorted(vars(builtins)),
        "watchers": repr([sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()]),
        "exec": [repr([os.execv, os.execve, os.fork, os._exit]), isinstance(os.execv, type(len))],
        "compiler": [each.__name__ for each in object.__subclasses__() if each.__module__ == "ast"],
        "streams": repr([sys.stdin, sys.stdout, sys.stderr]),
    }
    if sys.platform != "win32":
        told["wakeup"] = signal.set_wakeup_fd(-1)
        told["mask"] = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        told["timers"] = [signal.getitimer(each) for each in (0, 1, 2)]
    if sys.platform == "linux":
        told["descriptors"] = sorted(map(int, os.listdir("/proc/self/fd")))
    if hasattr(sys, "monitoring"):
        told["tools"] = [sys.monitoring.get_tool(tool) for tool in range(6)]
    return told

first = tell()
burn(0.3)
later = tell()
print(json.dumps([first, later], default=repr))
"""

HELPED = {
    # What a measured program can find, and cannot be helped.
    "exits",
}
"""One more function of exit: without it nothing could be saved at the end."""


def _compare(plain, whet):
    assert plain.status == whet.status == 0, whet.words
    read = [json.loads(re.sub(rb"0x[0-9a-fA-F]{6,}", b"0x", each.stdout)) for each in (plain, whet)]
    for expected, told in zip(*read, strict=True):
        assert expected.keys() == told.keys()
        assert {key for key in expected if told[key] != expected[key]} <= HELPED, [
            (expected[key], told[key]) for key in expected if told[key] != expected[key] and key not in HELPED
        ]
        assert told["exits"] - expected["exits"] == 1


MODULE = ("-m", "prog")


@pytest.mark.parametrize("path", mark_slow([None, "", "elsewhere", f"{os.pathsep}elsewhere{os.pathsep}"], [""]))
def test_state_is_as_plainly(runner, path):
    program = runner.write(STATE, busy=BUSY)
    (program.parent / "elsewhere").mkdir()
    _compare(*runner.both(program, "an argument", cwd=program.parent, PYTHONPATH=path))


@pytest.mark.parametrize(
    "words",
    mark_slow([("-c", STATE), MODULE, ("-W", "error", "-X", "utf8", "prog.py"), ("-u", "prog.py")], [MODULE]),
    ids=["-c", "-m", "-W -X", "-u"],
)
def test_state_is_as_plainly_however_it_is_started(runner, words):
    program = runner.write(STATE, busy=BUSY)
    _compare(*runner.both(*words, cwd=program.parent))


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize"])
def test_customizations_of_the_users_own_take_part(runner, alike, name):
    program = runner.write(
        f"""
        import sys
        from busy import burn
        burn(0.1)
        module = sys.modules.get("{name}")
        print(module and (module.__file__, module.__spec__.name, sorted(vars(module)), module.ran))
        """,
        busy=BUSY,
    )
    own = program.parent / "own"
    own.mkdir()
    (own / f"{name}.py").write_text("import sys\nran = sys._getframe().f_code.co_filename\n")
    plain, whet = runner.both(program, cwd=program.parent, PYTHONPATH=str(own), PYTHONUSERBASE=str(own))
    assert (str(own).encode() in plain.stdout) or name == "usercustomize"
    alike(plain, whet)


def test_customization_that_fails_is_told_as_plainly(runner, alike):
    program = runner.write("print('on it goes')")
    (program.parent / "sitecustomize.py").write_text("def fail():\n    raise LookupError('own')\nfail()\n")
    plain, whet = runner.both(program, cwd=program.parent, PYTHONPATH=str(program.parent))
    assert b"LookupError" in plain.stderr
    alike(plain, whet)


@pytest.mark.parametrize("prefix", mark_slow(["kept", "kept/below"], ["kept"]))
def test_compiled_code_is_kept_where_the_program_wants_it(runner, prefix):
    program = runner.write("import busy\nbusy.burn(0.1)\n", busy=BUSY)
    folder = program.parent
    left = []
    for start in (runner.plain, runner.whet):
        options = ("-X", f"pycache_prefix={prefix}")
        assert start(*options, program.name, cwd=folder, PYTHONDONTWRITEBYTECODE=None).status == 0
        kept = folder / prefix
        left.append(sorted(str(path.relative_to(kept)) for path in kept.rglob("*")))
        shutil.rmtree(kept)
    assert any(name.endswith(".pyc") and "busy" in name for name in left[0])
    assert left[1] == left[0]


FORKS = """
import os, subprocess, sys, threading
from busy import burn
told = 0
for number in range(FORKS):
    if number % 30 == 0:
        burn(0.03)
    if (pid := os.fork()) == 0:
        os._exit(len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1)
    told += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(told, flush=True)
for _ in range(5):
    burn(0.03)
    print(subprocess.Popen([sys.executable, "-c", "print(3, flush=True)"], preexec_fn=os.getpid).wait())
burn(0.1)
print(threading.active_count())
""".replace("FORKS", "300")

POOLS = """
import multiprocessing
from busy import burn

def work(number):
    burn(0.01)
    return number * 2

if __name__ == "__main__":
    burn(0.1)
    for way in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(way).Pool(2) as pool:
            pool_only = way == "fork"
            print(way, pool.map(work, range(10)))
"""


@pytest.mark.slow
@posix
def test_forks_warn_of_nothing(runner, alike):
    program = runner.write(FORKS, busy=BUSY)
    plain, whet = runner.both("-W", "error", program, cwd=program.parent)
    assert plain.stdout.startswith(b"300\n")
    alike(plain, whet)


@pytest.mark.slow
@posix
def test_pools_are_as_plainly(runner, alike):
    program = runner.write(POOLS, busy=BUSY)
    # A pool's own threads are there when it forks once more; an error of that is not whet's.
    plain, whet = runner.both("-W", "always", program, cwd=program.parent)
    assert plain.status == 0
    assert whet.stderr.count(b"multi-threaded") == plain.stderr.count(b"multi-threaded")
    assert (whet.stdout, whet.status) == (plain.stdout, plain.status)


INTERPRETERS = """
import sys, threading
from busy import burn
try:
    if sys.version_info >= (3, 14):
        from concurrent import interpreters
        make, run = interpreters.create, lambda made, text: made.exec(text)
    elif sys.version_info >= (3, 13):
        import _interpreters as interpreters
        make, run = interpreters.create, interpreters.exec
    else:
        import _xxsubinterpreters as interpreters
        make, run = interpreters.create, interpreters.run_string
except ImportError:
    print("none here")
    sys.exit()
TEXT = '''
import sys, os
sys.path.insert(0, "")
from busy import burn
burn(0.2)
print(len(sys.path), [each for each in sys.path if "hook" in each], "sitecustomize" in sys.modules, flush=True)
print(sorted(each for each in sys.modules if "whet" in each), os.environ.get("PYTHONPATH"), flush=True)
'''
burn(0.1)
for _ in range(3):
    run(make(), TEXT)
made = make()
other = threading.Thread(target=run, args=(made, TEXT))
other.start()
burn(0.2)
other.join()
print(threading.active_count())
"""


@pytest.mark.parametrize("path", mark_slow([None, "elsewhere"], [None]))
def test_interpreters_within_the_program(runner, alike, path):
    program = runner.write(INTERPRETERS, busy=BUSY)
    alike(*runner.both(program, cwd=program.parent, PYTHONPATH=path))


@posix
@pytest.mark.parametrize("after", mark_slow([0.0, 0.1, 0.2, 0.3, 0.4, 0.6], [0.0, 0.2]))
def test_interrupt_while_it_starts(runner, waiting, children_of, after):
    """However early, it ends whet and the program, and leaves nothing behind."""
    program = runner.write("import time\ntime.sleep(60)\n")
    process = runner.start(runner.command(program), program.parent, start_new_session=True)
    waiting(lambda: process.poll() is not None or after == 0 or list(children_of(process.pid)), 5 + after)
    import time

    time.sleep(after)
    started = [pid for pid, _ in children_of(process.pid)]
    os.killpg(process.pid, signal.SIGINT)
    ended = runner.finish(process, program.parent)
    assert ended.status != 0
    assert b"_whet" not in ended.stderr, ended.words
    assert b"site.py" not in ended.stderr, ended.words
    waiting(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 20)


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["-X", "importtime"], {}),
        pytest.param(["-Ximporttime"], {}, marks=pytest.mark.slow),
        pytest.param(["-v"], {}, marks=pytest.mark.slow),
        pytest.param([], {"PYTHONPROFILEIMPORTTIME": "1"}, marks=pytest.mark.slow),
        ([], {"PYTHONVERBOSE": "1"}),
    ],
)
def test_what_the_interpreter_says_of_imports_is_the_program_s_alone(runner, options, variables):
    """Nothing of whet's is inside then, and the report says what that costs."""
    program = runner.write("from busy import burn\nburn(0.3)\n", busy=BUSY)
    plain = runner.plain(*options, program, cwd=program.parent, **variables)
    # whet's own interpreter takes no notice of the variables: what it imports is not in question.
    python, *words = runner.command(*options, program)
    whet = runner.call([python, "-E", *words], program.parent, **variables)
    assert whet.status == plain.status == 0, whet.words
    kinds = [
        re.compile(r"^import time:.*\|(.*)$", re.MULTILINE),
        re.compile(r"^# code object.*?/([^/']*)'$", re.MULTILINE),
    ]
    for kind in kinds:
        assert kind.findall(whet.words) == kind.findall(plain.words)
    assert any(kind.findall(plain.words) for kind in kinds)
    assert "_whet_inprocess" not in whet.words
    assert whet.find_functions("burn"), whet.words
    named = next(iter(variables), f"python's option {'-v' if '-v' in options else '-X importtime'}")
    assert whet.warnings_about("values")[0].startswith(f"values are missing: {named} keeps whet out of the program")
