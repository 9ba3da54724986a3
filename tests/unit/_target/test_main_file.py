"""The compiled program: its code, names and warnings are those of a plain run, and one thing happens before it."""

from __future__ import annotations

import dis
import importlib.util
import json
import marshal
import runpy
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from whet._target import anchors, main_file

Make = Callable[..., CodeType]
AGENT = {"foreign": [], "program": [], "include": [], "exclude": []}


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is started before the program only notes that it was, and by which settings."""
    noted: list[str] = []
    monkeypatch.setattr(sys, "whet_noted", noted, raising=False)
    start = tmp_path / "start.py"
    start.write_text("import sys\nsys.whet_noted.append(globals()['SETTINGS'])\n")
    monkeypatch.setattr(main_file, "START", str(start))
    return noted


@pytest.fixture
def make(tmp_path: Path, started: list[str]) -> Make:
    """Compile a program as for a run; return the code of the file that is run in its place."""

    def make(kind: str, name: str, **more: object) -> CodeType:
        settings = {"kind": kind, "name": name, "main": str(tmp_path / "main.pyc"), "agent": AGENT, **more}
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        main_file.make_main_file(str(tmp_path / "settings.json"))
        data = (tmp_path / "main.pyc").read_bytes()
        assert data[:16] == importlib.util.MAGIC_NUMBER + bytes(12)
        code = marshal.loads(data[16:])
        assert isinstance(code, CodeType)
        # As is done when the program is about to begin.
        placed: list[anchors.Anchor] = []
        for each in describe(tmp_path)["anchors"]:
            placed.append(anchors.Anchor.of(each, placed[-1] if placed else None))
        if placed:
            anchors.patch(code, placed)
        return code

    return make


def write(folder: Path, text: str | bytes, name: str = "prog.py") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def describe(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "main.pyc.json").read_text())
    assert isinstance(found, dict)
    return found


def run(code: CodeType) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    del names["__builtins__"]
    return names


PROGRAMS = {
    "empty": "",
    "comments only": "# nothing\n",
    "docstring only": '"""What it does."""\n',
    "docstring and future": '"""Doc."""\nfrom __future__ import annotations\ndef f(x: no): return __doc__\nr = f(1)\n',
    "future alone": "from __future__ import annotations\nx: nowhere = 1\n",
    "a string that is no docstring": "x = 1\n'no docstring'\n",
    "names": "import sys as other\ny = [i for i in range(3)]\nz = sorted(globals())\n",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_the_program_has_the_names_of_a_plain_run(text: str, make: Make, tmp_path: Path, started: list[str]) -> None:
    names = run(make("script", write(tmp_path, text)))
    plain = run(compile(text, "prog.py", "exec", dont_inherit=True))
    for each in (names, plain):
        each.pop("f", None)
        each.pop("__annotate__", None)  # a function of its own each time
    assert names == plain
    assert started == [str(tmp_path / "settings.json")]


def test_what_is_started_comes_before_the_first_statement(make: Make, tmp_path: Path) -> None:
    names = run(make("script", write(tmp_path, "import sys\nseen = len(sys.whet_noted)\n")))
    assert names["seen"] == 1


def test_code_stands_in_the_programs_file_and_lines(make: Make, tmp_path: Path) -> None:
    text = "import sys\n\n\ndef where():\n    return sys._getframe(0), sys._getframe(1)\n\n\nfound = where()\n"
    path = write(tmp_path, text)
    inner, outer = run(make("script", path))["found"]
    assert (inner.f_code.co_filename, inner.f_lineno, inner.f_code.co_firstlineno) == (path, 5, 4)
    assert (outer.f_code.co_filename, outer.f_code.co_name, outer.f_lineno) == (path, "<module>", 8)
    assert outer.f_back.f_code.co_filename != path


def test_the_file_is_absolute_and_otherwise_as_it_was_named(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path, "x = 1\n")
    monkeypatch.chdir(tmp_path)
    code = make("script", "sub/../prog.py")
    separate = "prog.py" if sys.platform == "win32" else "sub/../prog.py"
    assert Path(code.co_filename) == tmp_path / separate


def test_loops_and_functions_get_anchors_and_an_index_of_them(make: Make, tmp_path: Path) -> None:
    text = "def f(rows):\n    for row in rows:\n        print(row)\n"
    make("script", write(tmp_path, text))
    assert len(describe(tmp_path)["anchors"]) > 0


@pytest.mark.parametrize(
    "more",
    [
        {"agent": None},
        {"agent": {**AGENT, "exclude": ["*/prog.py"]}},
    ],
    ids=["nobody counts", "not the user's"],
)
def test_without_use_for_them_there_are_no_anchors(more: dict[str, object], make: Make, tmp_path: Path) -> None:
    text = "def f(rows):\n    for row in rows:\n        print(row)\n"
    make("script", write(tmp_path, text), **more)
    assert describe(tmp_path)["anchors"] == []


def test_the_compilers_warnings_are_kept_once_each(make: Make, tmp_path: Path) -> None:
    text = "def f(x):\n    '\\d'\n    return x is 3\n"
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        make("script", write(tmp_path, text))
    kinds = "SyntaxWarning" if sys.version_info >= (3, 12) else "DeprecationWarning"
    assert [(kind, line) for _, kind, line in describe(tmp_path)["warnings"]] == [(kinds, 2), ("SyntaxWarning", 3)]
    assert '"is" with' in describe(tmp_path)["warnings"][1][0]


def test_warnings_that_are_off_are_not_kept(make: Make, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make("script", write(tmp_path, "x = 1\ny = x is 3\n"))
    assert describe(tmp_path)["warnings"] == []


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"def (\n", SyntaxError),
        (b"\0", (SyntaxError, ValueError)),
        (b"x = '\xff'\n", SyntaxError),
        (b"# coding: no-such\n", SyntaxError),
    ],
)
def test_what_does_not_compile_is_an_error(
    source: bytes, error: type[Exception] | tuple[type[Exception], ...], make: Make, tmp_path: Path
) -> None:
    with pytest.raises(error):
        make("script", write(tmp_path, source))


def test_a_file_that_is_not_there_is_named_by_the_error(make: Make, tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        make("script", str(tmp_path / "gone.py"))
    assert caught.value.filename == str(tmp_path / "gone.py")


def test_bytecode_without_source_is_left_to_a_plain_run(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without its source"):
        make("script", write(tmp_path, b"", "prog.pyc"))


def test_encodings_are_those_that_the_source_declares(make: Make, tmp_path: Path) -> None:
    assert run(make("script", write(tmp_path, b"# coding: latin-1\nx = '\xe9'\n")))["x"] == "é"
    assert run(make("script", write(tmp_path, b"\xef\xbb\xbfx = '\xc3\xa9'\r\n")))["x"] == "é"


# -- -c ---------------------------------------------------------------------------------------------------------------


def test_code_on_the_command_line_is_a_string(make: Make, started: list[str]) -> None:
    code = make("code", "import sys\nx = sys._getframe().f_code.co_filename\n")
    assert run(code)["x"] == "<string>"
    assert len(started) == 1


def test_bytes_that_are_no_text_reach_the_program(make: Make) -> None:
    # As in `python -c $'x = "\xff"'`, which is refused in the same way.
    with pytest.raises(SyntaxError):
        make("code", "x = '\udcff'")


def test_indentation_of_code_is_taken_away_where_the_interpreter_does_so() -> None:
    text = "\n    x = 1\n    if x:\n        y = 2\n"
    expected = text if sys.version_info < (3, 14) else "\nx = 1\nif x:\n    y = 2\n"
    assert main_file.dedent(text) == expected
    assert main_file.read_source("code", text) == expected.encode()


# -- -m, folders and zip files ----------------------------------------------------------------------------------------


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A ``__main__`` that nothing has run in yet."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(sys, "argv", ["-m", "word"])
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.delitem(sys.modules, "whet_case", raising=False)
    return module


def test_a_module_is_run_by_code_that_looks_like_that_of_runpy(
    make: Make, main: ModuleType, tmp_path: Path, started: list[str]
) -> None:
    (tmp_path / "path" / "whet_case").mkdir(parents=True)
    (tmp_path / "path" / "whet_case" / "__init__.py").touch()
    text = (
        "import sys\nframe = sys._getframe()\nouter = frame.f_back.f_back\nline = outer.f_lineno\nargv = sys.argv[:]\n"
    )
    path = write(tmp_path / "path" / "whet_case", text, "__main__.py")
    code = make("module", "whet_case")
    original = runpy._run_module_as_main.__code__  # type: ignore[attr-defined]
    assert (code.co_name, code.co_filename) == (original.co_name, original.co_filename)
    exec(code)
    assert len(started) == 1
    assert (main.__name__, main.__package__, main.__file__) == ("__main__", "whet_case", path)
    assert main.__spec__ is not None
    assert main.argv == [path, "word"]
    assert main.outer.f_code is code
    assert main.line in {line for *_, line in original.co_lines()}
    calls = [one for one in dis.get_instructions(original) if one.argval == "_run_code"]
    assert main.line == calls[0].positions.lineno  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["whet_missing", "whet_missing.part", "os.path.nothing"])
def test_a_module_that_is_not_there_is_told_as_python_tells_it(name: str, make: Make, main: ModuleType) -> None:
    with pytest.raises(SystemExit) as caught:
        exec(make("module", name))
    assert str(caught.value.code).startswith(f"{sys.executable}: ")
    assert name.partition(".")[0] in str(caught.value.code)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_folder_or_zip_file_is_run_by_its_main_file(
    kind: str, make: Make, main: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "folder":
        bundle = tmp_path / "bundle"
        bundle.mkdir()
        write(bundle, "found = __file__, __package__\n", "__main__.py")
    else:
        bundle = tmp_path / "bundle.zip"
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("__main__.py", "found = __file__, __package__\n")
    assert main_file.is_bundle(str(bundle))
    monkeypatch.syspath_prepend(str(bundle))
    monkeypatch.setattr(sys, "argv", [str(bundle)])
    exec(make("script", str(bundle)))
    assert main.found == (str(bundle / "__main__.py"), "")
    assert sys.argv == [str(bundle)]


def test_a_script_is_no_bundle(tmp_path: Path) -> None:
    assert not main_file.is_bundle(write(tmp_path, "x = 1\n"))
    assert not main_file.is_bundle(str(tmp_path / "gone"))
