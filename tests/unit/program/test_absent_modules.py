from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from whet.program.absent_modules import explain_absent_modules, list_imports
from whet.program.naming import choose_target
from whet.program.spec import TargetKind, TargetSpec


def give(environment: Path, *names: str) -> Path:
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    for name in names:
        (site_packages / f"{name}.py").write_text("raise SystemExit('imported')")
    return environment


@pytest.fixture
def explain(tmp_path, monkeypatch, make_environment, python_of):
    """Explain on an empty interpreter; nothing but what ``variables`` name is there beside it, and whet's own."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    bare = python_of(make_environment("bare"))

    def run(*words: str, module: str | None = None, code: str | None = None, **variables: str):
        environ = {"PATH": "", "HOME": str(tmp_path), **variables}
        environ |= {name: os.environ[name] for name in ("SYSTEMROOT", "XDG_CACHE_HOME") if name in os.environ}
        host, spec = choose_target(words, module, code, python=str(bare), environ=environ, cwd=here)
        return explain_absent_modules(spec, host, environ, here)

    return run


def test_interpreter_that_has_the_module_is_named(explain, make_environment, python_of):
    other = python_of(give(make_environment("other"), "absent_one"))
    Path("app.py").write_text("import os\nimport absent_one\n")
    notice = explain("app.py", "--day", "a b", VIRTUAL_ENV=str(other.parents[1]))
    assert notice.message.endswith(f" has no module absent_one; {other} has it")
    assert shlex.split(notice.hint) == ["whet", "run", "--python", str(other), "app.py", "--day", "a b"]


@pytest.mark.parametrize("where", ["VIRTUAL_ENV", "CONDA_PREFIX", "PATH", "PYENV_ROOT", ".venv", "venv"])
def test_wherever_it_is(explain, make_environment, python_of, tmp_path, where):
    Path("app.py").write_text("import absent_one\n")
    if where.endswith("venv"):
        other, variables = give(make_environment(f"here/{where}"), "absent_one"), {}
    elif where == "PYENV_ROOT":
        other = give(make_environment("pyenv/versions/3.99.1"), "absent_one")
        variables = {where: str(tmp_path / "pyenv")}
    else:
        other = give(make_environment("other"), "absent_one")
        variables = {where: str(python_of(other).parent if where == "PATH" else other)}
    assert str(python_of(other)) in shlex.split(explain("app.py", **variables).hint)


def test_whet_itself_may_have_it(explain):
    Path("app.py").write_text("import rich\n")
    assert sys.executable in explain("app.py").hint


def test_nobody_has_it(explain, make_environment):
    Path("app.py").write_text("import absent_one, absent_two\n")
    assert explain("app.py", VIRTUAL_ENV=str(give(make_environment("other"), "absent_one"))) is None


def test_nothing_is_absent(explain, make_environment):
    Path("app.py").write_text("import json, sys, helper, own.part\nraise SystemExit(1)\n")
    Path("helper.py").write_text("from own import part\n")
    Path("own").mkdir()
    Path("own", "part.py").touch()
    assert explain("app.py", VIRTUAL_ENV=str(give(make_environment("other"), "helper", "own"))) is None


def test_all_that_have_it_are_named_and_all_that_is_absent(explain, make_environment, python_of):
    first, second = (give(make_environment(name), "absent_one", "absent_two") for name in ("first", "second"))
    Path("app.py").write_text("import absent_one\nfrom absent_two.part import thing\n")
    notice = explain("app.py", VIRTUAL_ENV=str(first), CONDA_PREFIX=str(second))
    modules, owners = notice.message.split("; ")
    assert modules.endswith("has no module absent_one, absent_two")
    assert owners == f"{python_of(first)}, {python_of(second)} have them"


def test_module_and_code_and_options_are_repeated_as_they_were(explain, make_environment, python_of):
    other = give(make_environment("other"), "absent_one")
    python, active = str(python_of(other)), {"VIRTUAL_ENV": str(other)}
    hints = [
        explain("--fast", module="absent_one", **active).hint,
        explain(code="import absent_one; print('a')", **active).hint,
    ]
    assert [shlex.split(hint) for hint in hints] == [
        ["whet", "run", "--python", python, "-m", "absent_one", "--fast"],
        ["whet", "run", "--python", python, "-c", "import absent_one; print('a')"],
    ]
    Path("app.py").write_text("import absent_one\n")
    hint = explain("python", "-X", "dev", "app.py", **active).hint
    assert shlex.split(hint) == ["whet", "run", "--", python, "-X", "dev", "app.py"]


def test_interpreter_that_will_not_do_is_not_named(explain, fake_python):
    old = fake_python("old/python", version=[3, 9, 18], known=["absent_one"])
    Path("app.py").write_text("import absent_one\n")
    assert explain("app.py", PATH=str(old.parent)) is None
    other = fake_python("new/python", prefix="/opt/new", known=["absent_one"])
    assert explain("app.py", PATH=os.pathsep.join(map(str, (old.parent, other.parent)))) is not None


def imports_of(source: str, **modules: str) -> list[str]:
    Path("app.py").write_text(source)
    for name, text in modules.items():
        file = Path(*name.split("__in__")[::-1]).with_suffix(".py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return list_imports(TargetSpec(TargetKind.SCRIPT, "app.py"))


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import absent\nexcept ImportError:\n    absent = None\n",
        "if sys.version_info < (3, 11):\n    import absent\n",
        "def late():\n    import absent\n",
        "from . import absent\n",
        "from .. import absent\n",
        "import absent +\n",
        "x = " + "(" * 3_000,
        "\0",
        "",
    ],
)
def test_imports_that_do_not_count(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    assert imports_of(source) == []


def test_own_modules_are_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "\ufeffimport first\nfrom package.inner import thing\nimport compiled\n"
    others = {
        "first": "import one\nimport app\n",
        "__init____in__package": "import two\nfrom . import beside\n",
        "inner__in__package": "from .beside import x\nimport three.four\n",
        "beside__in__package": "import five\n",
    }
    for name in ("compiled.abi3.so", "one.json", "two.txt"):
        Path(name).touch()
    assert set(imports_of(text, **others)) == {"one", "two", "three", "five"}


def test_module_is_followed_from_its_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    imports_of("", __init____in__tool="import one\n", __main____in__tool="import two\n")
    assert set(list_imports(TargetSpec(TargetKind.MODULE, "tool"))) == {"one", "two"}
    assert list_imports(TargetSpec(TargetKind.MODULE, "elsewhere.part")) == ["elsewhere"]
    assert list_imports(TargetSpec(TargetKind.MODULE, "no*name")) == []


def test_other_programs_than_source_tell_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("app.pyc").write_bytes(bytes(range(256)))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    names = ["app.pyc", "gone", "not there", "pipe"]
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
    for name in names:
        assert list_imports(TargetSpec(TargetKind.SCRIPT, name)) == []
    assert list_imports(TargetSpec(TargetKind.CONSOLE_SCRIPT, "app.pyc")) == []
