"""The catalogue of whet's own rules: as they are, and loaded only when one is run."""

import subprocess
import sys

import pytest

from whet.engine import catalogue
from whet.engine.catalogue import load_catalogue
from whet.engine.check import examine
from whet.engine.loading import load_built_in

OWN = {module.rule.slug: module for module in load_built_in()}


def describe(module):
    return module.rule, module.page, module.origin, module.module, module.file


def test_the_first_time_the_rules_are_loaded_and_then_read(tmp_path, monkeypatch):
    assert list(map(describe, load_catalogue(tmp_path))) == list(map(describe, OWN.values()))
    monkeypatch.setattr(catalogue, "load_built_in", lambda: pytest.fail("loaded again"))
    again = load_catalogue(tmp_path)
    assert list(map(describe, again)) == list(map(describe, OWN.values()))
    assert [module.rule.speedups for module in again] == [module.rule.speedups for module in OWN.values()]


@pytest.mark.parametrize("slug", sorted(OWN))
def test_a_rule_of_the_catalogue_finds_the_same(slug, tmp_path_factory):
    load_catalogue(place := tmp_path_factory.getbasetemp() / "catalogue")
    module = next(each for each in load_catalogue(place) if each.rule.slug == slug)
    for case in OWN[slug].cases:
        assert examine(module, case.before, hot=case.hot) == examine(OWN[slug], case.before, hot=case.hot)


@pytest.mark.parametrize("damage", [lambda _: b"", lambda data: data[:-1], lambda data: data[:32] + b"[]"])
def test_a_damaged_catalogue_is_written_again(tmp_path, damage):
    load_catalogue(tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert len(load_catalogue(tmp_path)) == len(OWN)
    assert file.read_bytes() == whole


def test_a_catalogue_of_other_rules_is_not_used(tmp_path, monkeypatch):
    load_catalogue(tmp_path)
    monkeypatch.setattr(catalogue, "__version__", "0.0.0")
    loaded = []
    monkeypatch.setattr(catalogue, "load_built_in", lambda: loaded.append(1) or list(OWN.values()))
    load_catalogue(tmp_path)
    load_catalogue(tmp_path)
    assert loaded == [1]


def test_a_folder_that_cannot_be_written_is_no_catalogue(tmp_path):
    (tmp_path / "file").write_text("")
    assert len(load_catalogue(tmp_path / "file" / "folder")) == len(OWN)


CHECK = """
import sys
from whet.cli.main import run_command_line
status = run_command_line(["check", "--select", "ALL", {file!r}])
print(sorted(name for name in sys.modules if name.startswith(("whet_rules.", "whet.engine.context", "libcst"))))
"""


def test_a_file_with_nothing_to_find_loads_no_rule(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    file = tmp_path / "plain.py"
    for number in range(2):
        file.write_text(f"NAME = {number}\n")
        command = [sys.executable, "-c", CHECK.format(file=str(file))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
