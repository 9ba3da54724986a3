from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from whet.errors import TargetError, UsageError
from whet.program.naming import choose_target, parse_target, parse_words
from whet.program.probe import probe
from whet.program.spec import TargetKind

POSIX = pytest.mark.skipif(os.name == "nt", reason="console scripts as POSIX has them")


@pytest.fixture(scope="module")
def host():
    return probe(Path(sys.executable), "own")


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "x.py").write_text("print(1)")
    return folder


def make_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_everything_after_the_target_is_its_own(host, here):
    words = ["x.py", "--help", "-m", "--", "-c", "--python"]
    spec = parse_target(words, None, None, host, here)
    assert (spec.kind, spec.name, spec.directory) == (TargetKind.SCRIPT, "x.py", str(here))
    assert spec.args == ("--help", "-m", "--", "-c", "--python")
    assert spec.words == tuple(words)


def test_module_and_code_take_all_words_as_arguments(host, here):
    spec = parse_target(["-q", "x.py"], "pytest", None, host, here)
    assert (spec.kind, spec.words) == (TargetKind.MODULE, ("-m", "pytest", "-q", "x.py"))
    spec = parse_target(["a", "b"], None, "print(1)", host, here)
    assert (spec.kind, spec.words) == (TargetKind.CODE, ("-c", "print(1)", "a", "b"))


def test_empty_code_is_code(host, here):
    assert parse_target([], None, "", host, here).kind is TargetKind.CODE


@pytest.mark.parametrize(("words", "module", "code"), [([], None, None), ([], " ", None), ([], "a", "b")])
def test_nothing_or_too_much_named_is_wrong_use(host, here, words, module, code):
    with pytest.raises(UsageError):
        parse_target(words, module, code, host, here)


def test_what_plain_python_runs_is_a_script(host, here):
    (here / "folder").mkdir()
    (here / "folder" / "__main__.py").touch()
    with zipfile.ZipFile(here / "app", "w") as archive:
        archive.writestr("__main__.py", "print(1)")
    (here / "no_suffix").write_text("print(1)")
    (here / "shebang").write_text("#!/usr/bin/env python3\nprint(1)")
    for name in ("folder", "app", "no_suffix", "shebang", str(here / "x.py")):
        spec = parse_target([name, "a"], None, None, host, here)
        assert (spec.kind, spec.name, spec.args) == (TargetKind.SCRIPT, name, ("a",))


def test_what_is_no_program_is_refused_with_the_ways_to_name_one(host, here):
    (here / "folder").mkdir()
    (here / "binary").write_bytes(b"\x7fELF\0\0")
    (here / "shell").write_text("#!/bin/sh\necho")
    with zipfile.ZipFile(here / "data", "w") as archive:
        archive.writestr("readme", "")
    for name in ("./folder", "./binary", "./shell", "./data", "no-such-command", "sh"):
        with pytest.raises(TargetError) as caught:
            parse_target([name], None, None, host, here)
        assert "-m " in caught.value.hint or "python ./shell" in caught.value.hint, name
        assert name in caught.value.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("node", "is not a Python program: it begins with #!/usr/bin/env node"),
        ("data.zip", "the zip file data.zip has no __main__.py"),
        ("data.pyz", "the zip file data.pyz has no __main__.py"),
        ("folder", "the folder folder has no __main__.py"),
    ],
)
def test_a_refusal_says_what_is_there(host, here, name, said):
    (here / "folder").mkdir()
    (here / "node").write_text("#!/usr/bin/env node\nconsole.log(1)\n")
    for archive in ("data.zip", "data.pyz"):
        with zipfile.ZipFile(here / archive, "w") as file:
            file.writestr("app.py", "")
    with pytest.raises(TargetError) as caught:
        parse_target([name], None, None, host, here)
    assert said in caught.value.message


@POSIX
def test_what_cannot_be_read_is_not_called_another_thing(host, here):
    (here / "loop").symlink_to("loop")
    names = ["loop"]
    if os.geteuid() != 0:
        make_script(here / "secret", "print(1)").chmod(0)
        (here / "folder").mkdir(mode=0)
        names += ["secret", "folder"]
    for name in names:
        with pytest.raises(TargetError, match=f"^{name} cannot be read: "):
            parse_target([name], None, None, host, here)


def test_who_names_python_is_believed_that_it_is_a_program(here):
    make_script(here / "tool", "#!/usr/bin/env -S uv run --script\nprint(1)\n")
    spec = parse_words(["python", "tool"], here)
    assert (spec.kind, spec.name) == (TargetKind.SCRIPT, "tool")


def test_misspelt_script_is_answered_by_the_nearest_name(host, here):
    (here / "orders.py").touch()
    (here / "sub").mkdir()
    (here / "sub" / "report.py").touch()
    for name, near in (("order.py", "orders.py"), ("sub/reprot.py", str(Path("sub/report.py")))):
        with pytest.raises(TargetError) as caught:
            parse_target([name], None, None, host, here)
        assert caught.value.message == f"no such file: {name}"
        assert caught.value.hint == f"did you mean {near}?"


def test_module_without_console_script_is_named(host, here):
    with pytest.raises(TargetError) as caught:
        parse_target(["timeit"], None, None, host, here, environ={"PATH": ""})
    assert "-m timeit" in caught.value.hint


@pytest.mark.parametrize("name", ["-x", ""])
def test_odd_words_are_refused(host, here, name):
    with pytest.raises(TargetError):
        parse_target([name], None, None, host, here)


@pytest.mark.parametrize(
    ("words", "kind", "name", "args", "options"),
    [
        ("python x.py a", TargetKind.SCRIPT, "x.py", ("a",), ()),
        ("python3 -m mod -x", TargetKind.MODULE, "mod", ("-x",), ()),
        ("python3.13 -mmod", TargetKind.MODULE, "mod", (), ()),
        ("python -X dev x.py --help", TargetKind.SCRIPT, "x.py", ("--help",), ("-X", "dev")),
        ("python -Xdev -Werror -Bu x.py", TargetKind.SCRIPT, "x.py", (), ("-Xdev", "-Werror", "-Bu")),
        ("python -OOc pass -m", TargetKind.CODE, "pass", ("-m",), ("-OO",)),
        ("python -X dev - a -b", TargetKind.INPUT, "-", ("a", "-b"), ("-X", "dev")),
        ("- a", TargetKind.INPUT, "-", ("a",), ()),
        ("python -Bum mod", TargetKind.MODULE, "mod", (), ("-Bu",)),
        ("python --check-hash-based-pycs never x.py", TargetKind.SCRIPT, "x.py", (), None),
        ("/some/where/python3.12 x.py", TargetKind.SCRIPT, "x.py", (), ()),
        ("python -- x.py -m", TargetKind.SCRIPT, "x.py", ("-m",), ()),
    ],
)
def test_command_that_starts_python(host, here, words, kind, name, args, options):
    spec = parse_target(words.split(), None, None, host, here)
    assert (spec.kind, spec.name, spec.args) == (kind, name, args)
    if options is not None:
        assert spec.options == options
    assert spec.words[: len(spec.options)] == spec.options


@pytest.mark.parametrize(
    "words",
    ["python", "python -X", "python -m", "python -i x.py", "python -V", "python --help", "python y.py"],
)
def test_command_that_starts_python_with_nothing_to_measure(host, here, words):
    with pytest.raises(TargetError):
        parse_target(words.split(), None, None, host, here)


@POSIX
def test_console_script_of_the_environment_comes_before_one_on_path(make_environment, python_of, here, tmp_path):
    environment = make_environment()
    python = python_of(environment)
    own = make_script(python.parent / "tool", f"#!{python}\n")
    elsewhere = make_script(tmp_path / "elsewhere" / "tool", f"#!{sys.executable}\n")
    environ = {"PATH": str(elsewhere.parent)}
    target = probe(python, "")
    assert parse_target(["tool", "-v"], None, None, target, here, environ=environ).words == (str(own), "-v")
    own.unlink()
    spec = parse_target(["tool"], None, None, target, here, environ=environ)
    assert (spec.kind, spec.name) == (TargetKind.CONSOLE_SCRIPT, str(elsewhere))


@POSIX
def test_folder_of_the_same_name_does_not_hide_a_console_script(make_environment, python_of, here):
    python = python_of(make_environment())
    script = make_script(python.parent / "tool", f"#!{python}\n")
    (here / "tool").mkdir()
    assert parse_target(["tool"], None, None, probe(python, ""), here).name == str(script)


@POSIX
def test_command_that_is_no_python_program_is_refused(make_environment, python_of, here, tmp_path):
    make_script(tmp_path / "bin" / "tool", "#!/bin/sh\n")
    target = probe(python_of(make_environment()), "")
    with pytest.raises(TargetError, match="is not a Python program"):
        parse_target(["tool"], None, None, target, here, environ={"PATH": str(tmp_path / "bin")})


@POSIX
def test_pyenv_shim_of_a_console_script_is_asked(make_environment, python_of, here, tmp_path):
    python = python_of(make_environment("pyenv/versions/1"))
    real = make_script(python.parent / "tool", f"#!{python}\n")
    make_script(tmp_path / "pyenv" / "shims" / "tool", "#!/bin/sh\n")
    make_script(tmp_path / "pyenv" / "bin" / "pyenv", f'#!/bin/sh\n[ "$1 $2" = "which tool" ] && echo {real}\n')
    target = probe(python_of(make_environment("other")), "")
    environ = {"PATH": str(tmp_path / "pyenv" / "shims")}
    assert parse_target(["tool"], None, None, target, here, environ=environ).name == str(real)


def choose(words, here, *, python=None, **environ):
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "HOME") if name in os.environ}
    return choose_target(words, None, None, python=python, environ={**kept, **environ}, cwd=here)


@POSIX
def test_console_script_brings_its_interpreter(make_environment, python_of, here):
    active, tools = make_environment("active"), make_environment("tools")
    script = make_script(python_of(tools).parent / "tool", f"#!{python_of(tools)}\n")
    environ = {"VIRTUAL_ENV": str(active), "PATH": str(script.parent)}

    found, spec = choose(["tool"], here, **environ)
    assert found.interpreter.path == str(python_of(tools))
    assert found.interpreter.why == "tool was installed for it"
    assert spec.name == str(script)

    found, spec = choose([str(script)], here, **environ)  # named by its path, it is the same program
    assert (found.interpreter.path, spec.kind) == (str(python_of(tools)), TargetKind.CONSOLE_SCRIPT)

    found, spec = choose(["tool"], here, python=str(active), **environ)
    assert (found.interpreter.path, spec.name) == (str(python_of(active)), str(script))


@POSIX
def test_script_with_a_shebang_is_run_as_python_would(make_environment, python_of, here):
    active, other = make_environment("active"), make_environment("other")
    make_script(here / "y.py", f"#!{python_of(other)}\n")
    found, spec = choose(["y.py"], here, VIRTUAL_ENV=str(active), PATH="")
    assert (found.interpreter.path, spec.kind) == (str(python_of(active)), TargetKind.SCRIPT)


def test_interpreter_in_the_words_is_the_target(make_environment, python_of, here):
    active, other = make_environment("active"), make_environment("other")
    found, spec = choose([str(python_of(other)), "-B", "x.py"], here, VIRTUAL_ENV=str(active), PATH="")
    assert found.interpreter.path == str(python_of(other))
    assert "named on the command line" in found.interpreter.why
    assert spec.options == ("-B",)

    found, _ = choose(["python", "x.py"], here, VIRTUAL_ENV=str(active), PATH=str(python_of(other).parent))
    assert found.interpreter.path == str(python_of(other))

    found, _ = choose(["python", "x.py"], here, python=str(active), PATH=str(python_of(other).parent))
    assert found.interpreter.path == str(python_of(active))


def test_interpreter_in_the_words_that_is_nowhere(here):
    with pytest.raises(TargetError, match="no python3"):
        choose(["python3", "x.py"], here, PATH="")
