"""Plug-ins by name, built in and foreign."""

import subprocess
import sys

import pytest

from whet.errors import PluginError, UsageError
from whet.plugins import BUILT_IN, Group, find_plugins, load_plugin

BUILT_INS = [(group, name) for group, plugins in BUILT_IN.items() for name in plugins]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution whose modules are given by name."""

    def put(name, entry_points, **modules):
        folder = tmp_path / name
        info = folder / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, code in modules.items():
            (folder / f"{module}.py").write_text(code)
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(folder)

    return put


@pytest.mark.parametrize(("group", "name"), BUILT_INS)
def test_built_in_plugins_load(group, name):
    assert isinstance(load_plugin(group, name), type)


def test_finding_imports_nothing():
    code = (
        "NEEDED = ('whet.plugins', 'whet.errors', 'whet.reading', 'whet.records')\n"
        "import sys; from whet.plugins import Group, find_plugins; [find_plugins(g) for g in Group];"
        "print([m for m in sys.modules if m.startswith('whet.') and m not in NEEDED])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UsageError, match="nope") as caught:
        load_plugin(Group.RENDERERS, "nope")
    assert caught.value.hint == f"known are: {', '.join(sorted(find_plugins(Group.RENDERERS)))}"
    assert set(BUILT_IN[Group.RENDERERS]) <= set(caught.value.hint.removeprefix("known are: ").split(", "))


def test_foreign_plugins_join_and_load_when_asked(install):
    known = find_plugins(Group.RENDERERS)
    install(
        "acme", "[whet.renderers]\ntxt = acme_render:Inner.Plain\n", acme_render="class Inner:\n    class Plain: ...\n"
    )
    assert list(find_plugins(Group.RENDERERS)) == sorted([*known, "txt"])
    assert "acme_render" not in sys.modules
    assert load_plugin(Group.RENDERERS, "txt").__qualname__ == "Inner.Plain"


@pytest.mark.parametrize("code", ["import not_there_at_all", "1/0", "raise SystemExit(9)", "x = 1", "def ("])
def test_what_does_not_load_names_its_distribution(install, code):
    install("acme", "[whet.formats]\nmine = acme_format:Mine\n", acme_format=code)
    with pytest.raises(PluginError, match=r"'mine' of acme 1\.2 does not load") as caught:
        load_plugin(Group.FORMATS, "mine")
    assert "acme_format:Mine" in caught.value.hint


def test_the_others_load_beside_one_that_does_not(install):
    install("acme", "[whet.renderers]\nbad = acme_bad:Bad\n", acme_bad="1/0")
    install("good", "[whet.renderers]\ntxt = good_render:Plain\n", good_render="class Plain: ...\n")
    assert load_plugin(Group.RENDERERS, "txt").__name__ == "Plain"


def test_a_built_in_is_never_replaced(install):
    install("acme", "[whet.collectors]\npyspy = acme_spy:Spy\n", acme_spy="class Spy: ...\n")
    with pytest.raises(PluginError, match=r"acme 1\.2 and whet-perf both provide .* named 'pyspy'"):
        find_plugins(Group.COLLECTORS)


def test_two_distributions_cannot_share_a_name(install):
    install("acme", "[whet.formats]\nmine = acme_a:A\n", acme_a="A = 1\n")
    install("bolt", "[whet.formats]\nmine = bolt_b:B\n", bolt_b="B = 1\n")
    with pytest.raises(PluginError, match="both provide") as caught:
        find_plugins(Group.FORMATS)
    assert "acme 1.2" in caught.value.message
    assert "bolt 1.2" in caught.value.message
