"""Loading rules: built in, from distributions, from a project; and what is said of those that do not load."""

import pytest

from whet.engine.loading import load_rule_file, load_rules, read_rule_module
from whet.errors import PluginError

GOOD = '''"""A page."""
import ast
from dataclasses import dataclass
from whet.engine.api import Case, Refuse, Rule, Safety, Speed, Triggers

@dataclass
class Helper:
    n: "int"

RULE = Rule("{slug}", "title", "family", Safety.SAFE, Speed.FACTOR, Triggers(frozenset({{ast.Return}})))
CASES = (Case("c", "def f(): return 1", "def f(): 1", "f", ("()",)),)
REFUSE = (Refuse("r", "x = 1"),)
def detect(context):
    for node in context.nodes(ast.Return):
        yield context.finding(node, "returns")
'''


def project(tmp_path, **files):
    folder = tmp_path / ".whet" / "rules"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return tmp_path


def test_a_projects_rules_join_the_built_in_ones(tmp_path):
    rules = load_rules(project(tmp_path, mine=GOOD.format(slug="mine")))
    slugs = [module.rule.slug for module in rules]
    assert "mine" in slugs
    assert slugs == sorted(slugs)
    (mine,) = [module for module in rules if module.rule.slug == "mine"]
    assert mine.origin.endswith("mine.py")
    assert mine.page == "A page."


def test_no_project_no_folder(tmp_path):
    assert len(load_rules(tmp_path)) == len(load_rules())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: "import nothing_like_this\n" + t, "nothing_like_this"),
        (lambda t: t + "raise SystemExit(3)\n", "SystemExit"),
        (lambda t: "def (", "SyntaxError"),
        (lambda t: t.replace("RULE =", "RULES ="), "has no RULE"),
        (lambda t: t.replace("CASES =", "CASE ="), "has no CASES"),
        (lambda t: t.replace("REFUSE =", "NO ="), "has no REFUSE"),
        (lambda t: t.replace("def detect", "def find"), "no function detect"),
        (lambda t: t + "RULE = 1\n", "has a wrong RULE"),
        (lambda t: t + "CASES = ()\n", "has a wrong CASES"),
        (lambda t: t + "BENCH = 1\n", "has a wrong BENCH"),
        (lambda t: t.replace("frozenset({ast.Return}))", "frozenset({ast.Return})), pythons='new'"), "version range"),
    ],
)
def test_a_file_that_does_not_load_is_named(tmp_path, change, says):
    folder = project(tmp_path, mine=change(GOOD.format(slug="mine")))
    with pytest.raises(PluginError, match=says) as caught:
        load_rules(folder)
    assert "mine.py" in caught.value.message


def test_a_slug_is_taken_once(tmp_path):
    folder = project(tmp_path, mine=GOOD.format(slug="str-concat"))
    with pytest.raises(PluginError, match=r"'str-concat'.*mine\.py.*already exists, from whet"):
        load_rules(folder)


def test_a_single_file(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(GOOD.format(slug="one"), "utf-8")
    assert load_rule_file(path).rule.slug == "one"


def distribution(tmp_path, target, code):
    info = tmp_path / "acme_rules-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(f"[whet.rules]\nacme = {target}\n")
    (tmp_path / "acme_rule_module.py").write_text(code, "utf-8")


def test_a_distributions_rule_is_loaded(tmp_path, monkeypatch):
    distribution(tmp_path, "acme_rule_module", GOOD.format(slug="acme"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "acme_rule_module", raising=False)
    (acme,) = [module for module in load_rules() if module.rule.slug == "acme"]
    assert acme.origin == "acme-rules 2.0 (acme_rule_module)"


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [("acme_rule_module", "1/0", "ZeroDivisionError"), ("acme_rule_module:RULE", GOOD, "not a module"),
     ("acme_rule_module", "RULE = None", "has no RULE")],
)  # fmt: skip
def test_a_distribution_that_does_not_load_is_named(tmp_path, monkeypatch, target, code, says):
    distribution(tmp_path, target, code.replace("{{", "{").replace("}}", "}"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "acme_rule_module", raising=False)
    with pytest.raises(PluginError, match=says) as caught:
        load_rules()
    assert "acme-rules 2.0" in caught.value.message


def test_a_broken_rule_of_whets_own_is_named_by_its_module():
    from types import ModuleType

    with pytest.raises(PluginError, match=r"the rule in whet_rules\.half has no RULE"):
        read_rule_module(ModuleType("whet_rules.half"), "whet")


def test_folders_that_are_named_are_loaded_and_one_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(PluginError, match="no rules folder"):
        load_rules(None, [tmp_path / "none"])
    assert load_rules(None, [tmp_path]) == load_rules()
