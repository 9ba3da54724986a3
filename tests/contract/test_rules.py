"""What every rule must hold to, wherever it comes from."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from whet.engine.api import Ask, Safety, Speed
from whet.engine.check import check_advised, check_page, check_rewrite, compare_sides, examine
from whet.engine.loading import load_rules
from whet.engine.run import find_findings
from whet.model.run import SourceFile

RULES = load_rules()
every_rule = pytest.mark.parametrize("module", RULES, ids=lambda module: module.rule.slug)
CASES = [pytest.param(m, case, id=f"{m.rule.slug}: {case.name}") for m in RULES for case in m.cases]
REFUSALS = [pytest.param(m, refusal, id=f"{m.rule.slug}: {refusal.reason}") for m in RULES for refusal in m.refusals]


def test_the_first_rules_are_there():
    assert {"list-membership", "str-concat", "regex-compile"} <= {module.rule.slug for module in RULES}


@every_rule
def test_metadata(module):
    rule = module.rule
    assert rule.slug == rule.slug.lower()
    assert rule.slug.replace("-", "").isalnum()
    assert rule.title
    assert rule.family
    assert isinstance(rule.safety, Safety)
    assert isinstance(rule.speed, Speed)
    assert all(isinstance(ask, Ask) for ask in rule.asks)
    assert any(rule.applies_to((3, minor)) for minor in range(11, 15))
    assert len({case.name for case in module.cases}) == len(module.cases)
    assert len({refusal.reason for refusal in module.refusals}) == len(module.refusals)


@every_rule
def test_what_is_free_is_safe_and_was_never_slower(module):
    if module.rule.free:
        assert module.rule.safety is Safety.SAFE
        assert min(factor for row in module.rule.figures.values() for factor in row.values()) >= 1


@every_rule
def test_page_is_whole(module):
    assert check_page(module) == ()


@every_rule
def test_figures_are_of_the_bench(module):
    """A benchmark and its figures are optional; figures without a benchmark are nobody's measurement."""
    rule = module.rule
    if module.bench is None:
        assert not rule.figures
        return
    for python, row in rule.figures.items():
        assert re.fullmatch(r"3\.\d+", python)
        assert tuple(row) == module.bench.sizes
        assert all(factor > 0 for factor in row.values())


@every_rule
def test_bench_runs_and_both_sides_agree(module):
    if module.bench is None:
        pytest.skip("no bench")
    bench = module.bench
    for size in bench.sizes[:2]:
        sides = []
        for code in (bench.before, bench.after):
            names = {"n": size}
            exec(bench.setup, names)
            given = dict(names)
            tree = ast.parse(code)
            if isinstance(tree.body[-1], ast.Expr):
                value = eval(code, names)
                sides.append(str(value.span()) if hasattr(value, "span") else value)
            else:
                exec(code, names)
                sides.append(
                    {key: vars(value) for key, value in names.items() if key in given and hasattr(value, "text")}
                )
        assert sides[0] == sides[1]


@every_rule
def test_built_in_file_is_named_by_its_slug(module):
    if module.origin == "whet":
        assert find_spec(f"whet_rules.{module.rule.slug.replace('-', '_')}") is not None


@every_rule
def test_imports_only_what_rules_may(module):
    for node in ast.walk(ast.parse(Path(module.file).read_text("utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith("whet") or name == "whet.engine.api" or name.startswith("whet.model")


@pytest.mark.parametrize(("module", "case"), CASES)
def test_case_is_found_before_and_not_after(module, case):
    found = examine(module, case.before, hot=case.hot)
    assert found
    assert not examine(module, case.after, hot=case.hot)
    lines = case.before.split("\n")
    for finding in found:
        assert finding.rule == module.rule.slug
        assert lines[finding.line - 1][finding.column :].startswith(finding.snippet.split()[0])
        assert all(1 <= line <= len(lines) for line in finding.lines)
        assert {question.ask for question in finding.questions} <= module.rule.asks
        assert list(Safety).index(finding.safety) >= list(Safety).index(module.rule.safety)


@pytest.mark.parametrize(("module", "case"), CASES)
def test_both_sides_of_a_case_do_the_same(case, module):
    assert compare_sides(case) == ()


@pytest.mark.parametrize(("module", "case"), CASES)
def test_the_edits_of_a_case_give_what_it_says(case, module):
    assert check_rewrite(module, case) == ()


@pytest.mark.parametrize(("module", "case"), CASES)
def test_a_case_is_found_with_crlf_and_after_other_code(case, module):
    padded = '"""Ünïcode docstring."""\n\nOTHER = "é"\n' + case.before
    plain = examine(module, padded, hot=case.hot)
    windows = examine(module, padded.replace("\n", "\r\n"), hot=case.hot)
    assert [(f.line, f.column) for f in plain] == [(f.line, f.column) for f in windows]
    assert [f.line - 3 for f in plain] == [f.line for f in examine(module, case.before, hot=case.hot)]


@every_rule
def test_a_cost_without_an_edit_is_named_where_it_is_hot(module):
    assert check_advised(module) == ()
    for advised in module.advised:
        compile(advised.code, "advised.py", "exec")


@pytest.mark.parametrize(("module", "refusal"), REFUSALS)
def test_look_alike_is_left_alone(module, refusal):
    compile(refusal.code, "refusal.py", "exec")
    assert examine(module, refusal.code, hot=False) == ()
    assert examine(module, refusal.code, hot=True) == ()


def test_rules_raise_on_nothing_in_the_standard_library():
    folder = Path(ast.__file__).parent
    names = ["ast.py", "argparse.py", "inspect.py", "typing.py", "email/message.py", "asyncio/base_events.py"]
    sources = {name: SourceFile(name, name, "", (folder / name).read_text("utf-8")) for name in names}
    for hot in (None, {name: frozenset(range(1, source.text.count("\n") + 2)) for name, source in sources.items()}):
        _, notices = find_findings(sources, RULES, hot)
        assert notices == ()
