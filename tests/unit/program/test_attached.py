from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from glob import escape
from pathlib import Path

import pytest

from whet.model.run import Interpreter
from whet.program.attached import find_host, find_own_program, find_spec
from whet.program.host import TargetHost
from whet.program.process import RunningProcess, open_process
from whet.program.roots import find_launchers
from whet.program.spec import TargetKind, TargetSpec

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HOST = TargetHost(Interpreter("/usr/bin/python3", "3.13.0"), (3, 13, 0), "")


@pytest.fixture
def in_environment(make_environment, python_of):
    """A process whose interpreter is an environment's, started by its bare name."""
    python = python_of(make_environment("env [1]"))
    environ = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(
        ["python", "-c", "print(1, flush=True); input()"],
        executable=python,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    ) as process:
        process.stdout.readline()
        with open_process(process.pid) as described:
            yield described, python
        process.kill()


@linux
def test_the_environments_interpreter_is_found_and_asked(in_environment):
    process, python = in_environment
    host = find_host(process)
    assert host.interpreter.path == str(python)
    assert host.version == sys.version_info[:3]
    assert host.interpreter.why == f"process {process.pid} runs on it"
    assert any(folder.startswith(str(python.parent.parent)) for folder in host.site_packages)
    assert any(Path(folder, "asyncio").is_dir() for folder in host.stdlib)


@linux
def test_what_another_user_runs_is_not_run_by_us(in_environment, monkeypatch):
    process, python = in_environment
    started = []
    monkeypatch.setattr("whet.program.attached.ask_interpreter", lambda *words: started.append(words))
    foreign = replace(process, uid=process.uid + 1, command=(str(python), "app.py"))
    host = find_host(foreign)
    assert not started
    assert host.interpreter.path == str(python)
    assert host.interpreter.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert (host.stdlib, host.site_packages) == ((), ())


@linux
def test_another_program_of_that_name_is_not_taken_for_the_interpreter(in_environment, monkeypatch, fake_python):
    process, _ = in_environment
    monkeypatch.setattr("whet.program.attached.read_environment", lambda pid: {"PATH": "/nowhere"})
    other = fake_python("other/python", prefix="/not/this")
    host = find_host(replace(process, command=(str(other), "app.py")))
    assert Path(host.interpreter.path).samefile(sys.executable)


@pytest.mark.parametrize(
    ("command", "kind", "name", "args"),
    [
        (("python3", "app.py", "-m", "x"), TargetKind.SCRIPT, "app.py", ("-m", "x")),
        (("/v/bin/python3.13", "-X", "dev", "-m", "pkg", "a"), TargetKind.MODULE, "pkg", ("a",)),
        (("python", "-c", "pass"), TargetKind.CODE, "pass", ()),
        (("gunicorn: worker [app]",), TargetKind.SCRIPT, "", ()),
        (("python",), TargetKind.SCRIPT, "", ()),
        ((), TargetKind.SCRIPT, "", ()),
    ],
)
def test_the_program_is_read_off_the_words(command, kind, name, args):
    spec = find_spec(RunningProcess(7, command, "/srv"))
    assert (spec.kind, spec.name, spec.args, spec.directory) == (kind, name, args, "/srv")


def test_an_installed_program_is_its_own_user_code(make_environment, python_of, tmp_path):
    environment = make_environment()
    python = python_of(environment)
    site = tmp_path / "site-packages"
    (site / "tool").mkdir(parents=True)
    script = python.parent / "tool"
    script.write_text(f"#!{python}\nfrom tool import main\nmain()\n")
    script.chmod(0o755)
    host = replace(HOST, site_packages=(str(site),), scripts=str(python.parent))
    process = RunningProcess(7, (str(python), str(script)), str(tmp_path))
    spec = find_spec(process)
    assert find_own_program(process, spec, host) == (str(script), str(site / "tool"))
    assert find_launchers(spec) == ()
    module = find_spec(replace(process, command=("python", "-m", "tool.serve")))
    assert find_own_program(process, module, host) == (str(site / "tool"),)
    foreign = replace(process, root=tmp_path)
    assert find_own_program(foreign, module, host) == ()


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        (TargetKind.SCRIPT, "/v [1]/bin/uvicorn", True),
        (TargetKind.SCRIPT, "bin/gunicorn", True),
        (TargetKind.SCRIPT, "uvicorn.py", False),
        (TargetKind.SCRIPT, "manage", False),
        (TargetKind.SCRIPT, "", False),
        (TargetKind.MODULE, "uvicorn", False),
    ],
)
def test_scripts_that_only_start_a_server(kind, name, found):
    expected = (escape(str(Path("/srv") / name)),) if found else ()
    assert find_launchers(TargetSpec(kind, name, (), "/srv")) == expected


def test_a_console_script_is_known_by_what_it_imports(tmp_path):
    script = tmp_path / "serve-me"
    script.write_text("#!/v/bin/python\nimport sys\nfrom gunicorn.app.wsgiapp import run\nsys.exit(run())\n")
    spec = TargetSpec(TargetKind.CONSOLE_SCRIPT, str(script), (), "/srv")
    assert find_launchers(spec) == (escape(str(script)),)
