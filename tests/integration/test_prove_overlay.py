"""Programs with rewritten files, in real processes: all as if the files on disk were the rewritten ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from whet.errors import UsageError
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.overlay import STARTED, Overlay

OLD, NEW = "old", "new"
VALUE = "WHICH = 'old'\n\n\ndef which():\n    return WHICH\n"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def _clean_environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | more


class Bench:
    """A program, and a folder for the overlay."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program"
        self.session = folder / "session"
        self.program.mkdir()
        self.environ = _clean_environment()
        self.log: Path | None = None

    def run(
        self, spec: TargetSpec, rewritten: Mapping[str, str], variant: str = NEW
    ) -> subprocess.CompletedProcess[str]:
        """Run the program with the files of ``rewritten`` (or, as the old variant, with the same files as they are)."""
        overlay = Overlay(self.session, sys.executable, str(self.program), spec)
        paths = {name: self.program / name for name in rewritten}
        variants = {
            OLD: {str(path): path.read_bytes() for path in paths.values()},
            NEW: {str(path): textwrap.dedent(rewritten[name]).encode() for name, path in paths.items()},
        }
        assert overlay.prepare(variants, self.log) == {}
        overlay.activate(variant)
        return subprocess.run(
            overlay.make_command(),
            cwd=self.program,
            env=overlay.make_environment(self.environ),
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def run_plainly(self, spec: TargetSpec) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *spec.words],
            cwd=self.program,
            env=self.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _script(name: str = "app.py", *args: str, options: tuple[str, ...] = ()) -> TargetSpec:
    return TargetSpec(TargetKind.SCRIPT, name, args, options=options)


def _said(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("value.py", "import value"),
        ("pkg/value.py", "from pkg import value"),
        ("pkg/__init__.py", "import pkg as value"),
        ("space/value.py", "import space.value as value"),
        ("late.py", "import importlib; value = importlib.import_module('late')"),
        ("by_path.py", "import runpy, types; value = types.SimpleNamespace(**runpy.run_path('by_path.py'))"),
    ],
)
def test_an_imported_file_is_the_rewritten_one(bench: Bench, module: str, line: str) -> None:
    _write(bench.program, {module: VALUE, "app.py": f"{line}\nprint(value.WHICH, value.which())\n"})
    if module == "pkg/value.py":
        _write(bench.program, {"pkg/__init__.py": ""})
    before = {path: path.read_bytes() for path in bench.program.rglob("*") if path.is_file()}
    rewritten = {module: VALUE.replace("'old'", "'new'")}
    assert _said(bench.run(_script(), rewritten)) == ["new", "new"]
    assert _said(bench.run(_script(), rewritten, OLD)) == ["old", "old"]
    assert {path: path.read_bytes() for path in bench.program.rglob("*") if path.is_file()} == before


def test_a_module_that_is_run_is_the_rewritten_one(bench: Bench) -> None:
    _write(
        bench.program, {"pkg/__init__.py": "", "pkg/__main__.py": "import sys; print('old', __name__, sys.argv[1:])"}
    )
    spec = TargetSpec(TargetKind.MODULE, "pkg", ("a",))
    done = bench.run(spec, {"pkg/__main__.py": "import sys; print('new', __name__, sys.argv[1:])"})
    assert _said(done) == ["new", "__main__", "['a']"]


STATE = """
'''A docstring.'''
from __future__ import annotations
import json, os, sys, pickle
class Thing:
    def __init__(self, size: int) -> None:
        self.size = size
def main():
    main = sys.modules["__main__"]
    print(json.dumps({
        "argv": sys.argv, "orig": sys.orig_argv[1:], "path": sys.path, "file": __file__, "doc": __doc__,
        "names": sorted(vars(main)), "loader": type(__loader__).__name__, "spec": __spec__, "cwd": os.getcwd(),
        "sitecustomize": "sitecustomize" in sys.modules, "pickled": pickle.loads(pickle.dumps(Thing(3))).size,
        "code": main.main.__code__.co_filename, "cached": globals().get("__cached__"),
        "flags": str(sys.flags), "cache": sorted(sys.path_importer_cache) == [],
        "package": __package__, "annotations": str(Thing.__init__.__annotations__),
    }))
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("name", ["app.py", "./app.py", "sub/app.py", "sub/../app.py"])
def test_a_rewritten_script_finds_the_process_as_it_would_plainly(bench: Bench, name: str) -> None:
    _write(bench.program, {"app.py": STATE, "sub/app.py": STATE})
    spec = _script(name, "one", "-x")
    plain = json.loads(bench.run_plainly(spec).stdout)
    key = os.path.normpath(name)
    seen = json.loads(bench.run(spec, {key: STATE.replace("'''A docstring.'''", "'''Another.'''")}).stdout)
    assert (plain.pop("doc"), seen.pop("doc")) == ("A docstring.", "Another.")
    for each in (plain, seen):
        each["flags"] = each["flags"].replace("dont_write_bytecode=1", "dont_write_bytecode=0")
    assert seen == plain


def test_children_run_the_rewritten_files(bench: Bench) -> None:
    _write(
        bench.program,
        {
            "value.py": VALUE,
            "child.py": "import value; print('script', value.WHICH)",
            "app.py": """
            import multiprocessing, os, subprocess, sys
            import value
            def tell(_):
                return value.WHICH + main_says()
            def main_says():
                return "-main-old"
            if __name__ == "__main__":
                print("own", value.WHICH)
                for words in (["child.py"], ["-c", "import value; print('code', value.WHICH)"]):
                    subprocess.run([sys.executable, *words], check=True)
                subprocess.run(f'"{sys.executable}" child.py', shell=True, check=True, env=dict(os.environ, MORE="1"))
                for way in ("spawn", "fork") if sys.platform.startswith("linux") else ("spawn",):
                    with multiprocessing.get_context(way).Pool(1) as pool:
                        print(way, *pool.map(tell, [1]), flush=True)
            """,
        },
    )
    app = (bench.program / "app.py").read_text(encoding="utf-8")
    app = app.replace('print("own", value.WHICH)', 'print("own", value.WHICH, flush=True)')
    (bench.program / "app.py").write_text(app, encoding="utf-8")
    rewritten = {"value.py": VALUE.replace("'old'", "'new'"), "app.py": app.replace("-main-old", "-main-new")}
    said = _said(bench.run(_script(), rewritten))
    expected = ["own", "new", "script", "new", "code", "new", "script", "new", "spawn", "new-main-new"]
    assert said[: len(expected)] == expected
    assert said[len(expected) :] in ([], ["fork", "new-main-new"])


def test_tracebacks_and_sources_are_those_of_the_rewritten_file(bench: Bench) -> None:
    _write(
        bench.program,
        {
            "value.py": "def fail():\n    raise ValueError('old')\n",
            "app.py": """
            import inspect, linecache, traceback
            import value
            linecache.clearcache()
            try:
                value.fail()
            except ValueError:
                traceback.print_exc()
            print(inspect.getsource(value.fail))
            print(value.__loader__.get_source("value"))
            """,
        },
    )
    new = "# a line more\n\ndef fail():\n    raise ValueError('new')\n"
    done = bench.run(_script(), {"value.py": new})
    path = bench.program / "value.py"
    assert f"File \"{path}\", line 4, in fail\n    raise ValueError('new')" in done.stderr
    assert "def fail():\n    raise ValueError('new')\n\n" in done.stdout
    assert "# a line more" in done.stdout


def test_an_import_that_fails_shows_no_frame_of_the_overlay(bench: Bench) -> None:
    _write(bench.program, {"value.py": "x = 1\n", "app.py": "import value\n"})
    done = bench.run(_script(), {"value.py": "x = 1\nraise ValueError('new')\n"})
    assert done.returncode == 1
    assert [line.split('"')[1] for line in done.stderr.splitlines() if line.startswith("  File")] == [
        str(bench.program / name) for name in ("app.py", "value.py")
    ]


def test_an_editable_install_is_covered(bench: Bench, tmp_path: Path) -> None:
    """Both ways that tools make them: a path, and a finder that names the files."""
    home = bench.program
    _write(
        home,
        {
            "src/value.py": VALUE,
            "other/found.py": VALUE,
            "app.py": "import value, found\nprint(value.WHICH, found.WHICH)",
        },
    )
    site = tmp_path / "site"
    finder = f"""
    import sys
    from importlib.util import spec_from_file_location
    class Finder:
        @classmethod
        def find_spec(cls, fullname, path=None, target=None):
            if fullname == "found":
                return spec_from_file_location(fullname, {str(home / "other/found.py")!r})
    sys.meta_path.append(Finder)
    """
    _write(site, {"finder_of_it.py": finder, "usercustomize_of_it.py": ""})
    start = f"import site; site.addsitedir({str(site)!r})\n"
    (site / "a.pth").write_text(f"{home / 'src'}\nimport finder_of_it\n", encoding="utf-8")
    own = tmp_path / "own"
    _write(own, {"sitecustomize.py": start + "import sys; sys.own_sitecustomize = True\n"})
    bench.environ["PYTHONPATH"] = str(own)
    app = "import sys\n" + (home / "app.py").read_text(encoding="utf-8") + "\nprint(sys.own_sitecustomize)"
    (home / "app.py").write_text(app, encoding="utf-8")
    new = VALUE.replace("'old'", "'new'")
    done = bench.run(_script(), {"src/value.py": new, "other/found.py": new})
    assert _said(done) == ["new", "new", "True"]


def test_the_overlay_loads_hardly_anything_that_a_plain_run_does_not(bench: Bench) -> None:
    tell = "import sys; print(*sorted(sys.modules))"
    _write(bench.program, {"app.py": tell})
    plain = set(bench.run_plainly(_script()).stdout.split())
    assert set(_said(bench.run(_script(), {"app.py": tell}))) - plain <= {"__future__", "_imp", "marshal"}


def test_bytecode_goes_to_the_session_only(bench: Bench) -> None:
    _write(bench.program, {"value.py": VALUE, "plain.py": VALUE, "app.py": "import plain, value\nprint(value.WHICH)"})
    bench.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    bench.run(_script(), {"value.py": VALUE.replace("'old'", "'new'")})
    assert not list(bench.program.rglob("*.pyc"))
    assert list((bench.session / "bytecode").rglob("plain.*.pyc"))


def test_an_interpreter_says_that_it_is_about_to_begin(bench: Bench) -> None:
    _write(bench.program, {"app.py": "import os, sys; print(os.path.exists(sys.argv[1]))"})
    started = bench.session / "overlay" / STARTED
    done = bench.run(_script("app.py", str(started)), {})
    assert _said(done) == ["True"]


def test_what_a_program_opens_for_writing_is_logged(bench: Bench, tmp_path: Path) -> None:
    bench.log = tmp_path / "log"
    code = """
    import os, sqlite3, subprocess, sys
    open("read.txt").read()
    open("written.txt", "w").close()
    os.rename("written.txt", "moved.txt")
    sqlite3.connect("base.db").close()
    subprocess.run([sys.executable, "-c", "open('child.txt', 'a').close()"], check=True)
    """
    _write(bench.program, {"read.txt": "x", "app.py": code})
    assert bench.run(_script(), {"app.py": code}).returncode == 0
    logged = {Path(os.fsdecode(name)) for name in bench.log.read_bytes().split(b"\0") if name}
    inside = {path.name for path in logged if path.parent == bench.program}
    assert inside == {"written.txt", "moved.txt", "base.db", "child.txt"}


def test_what_does_not_compile_is_told(bench: Bench) -> None:
    _write(bench.program, {"app.py": "x = 1\n"})
    overlay = Overlay(bench.session, sys.executable, str(bench.program), _script())
    path = str(bench.program / "app.py")
    failed = overlay.prepare({OLD: {path: b"x = 1\n"}, NEW: {path: b"x = = 1\n"}})
    assert list(failed) == [NEW]
    assert failed[NEW].startswith("SyntaxError: invalid syntax")


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_options_that_keep_the_overlay_out_are_refused(bench: Bench, option: str) -> None:
    with pytest.raises(UsageError, match=f"option {option}"):
        Overlay(bench.session, sys.executable, str(bench.program), _script(options=(option,)))
