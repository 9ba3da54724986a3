"""Rules over files: order, processes, cache, and files that are no ordinary source."""

import ast
import marshal
import os
import random
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import MISSING, fields, replace

import pytest

from whet.atomic import read_checked
from whet.engine import pool
from whet.engine.api import Rule, Safety, Speed, Triggers
from whet.engine.files import examine_files
from whet.engine.loading import RuleModule, load_rule_file, load_rules
from whet.fix.edits import apply_edits
from whet.model.finding import Ask, Edit, Finding, Frees, Question, Speedup

RULES = load_rules()
PATTERN = "import re\ndef g(s):\n    return re.match('a', s)\n"


def summary(results):
    return [(r.shown, [(f.rule, f.line) for f in r.findings], r.unreadable, r.skipped, r.notices) for r in results]


def examine(folder, rules=RULES, **options):
    return list(examine_files(sorted(folder.rglob("*.py")), rules, root=folder, **options))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(pool, "_CHUNK", 100)
    for number in range(6):
        (tmp_path / f"m{number}.py").write_text(PATTERN * (number % 3) + f"N = {number}\n" + "X = 1\n" * 20)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bad.py").write_text("def f(:\n")
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="processes are started anew elsewhere")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # pytest-xdist has threads
def test_forked_processes_find_the_same(folder, monkeypatch):
    expected = examine(folder, workers=1)
    monkeypatch.setattr(pool, "_may_fork", lambda: True)
    assert examine(folder, workers=2) == expected


def test_the_number_of_processes_and_the_order_change_nothing(folder):
    one = examine(folder, workers=1)
    two = examine(folder, workers=2)
    assert one == two
    assert sum(len(result.findings) for result in one) == 6
    paths = sorted(folder.rglob("*.py"))
    random.Random(1).shuffle(paths)
    shuffled = list(examine_files(paths, RULES, root=folder, workers=3))
    assert [result.file for result in shuffled] == [str(path) for path in paths]
    assert sorted(shuffled, key=lambda r: r.file) == sorted(one, key=lambda r: r.file)


def test_processes_that_start_anew_find_the_same(folder, tmp_path, monkeypatch):
    rule = tmp_path / "own.py"
    rule.write_text(RULE_FILE)
    rules = (*RULES, load_rule_file(rule))
    expected = summary(examine(folder, rules, workers=1))
    monkeypatch.setattr(pool, "_may_fork", lambda: False)
    assert summary(examine(folder, rules, workers=2)) == expected
    assert any(("own", 1) in found for _, found, *_ in expected)


RULE_FILE = """
import ast
from whet.engine.api import *
RULE = Rule("own", "t", "f", Safety.ADVICE, Speed.FACTOR, Triggers(frozenset({ast.Constant})))
def detect(context):
    yield context.finding(next(context.nodes(ast.Constant)), "a constant")
CASES = [Case("c", "1\\n", "x\\n", "f", ())]
REFUSE = [Refuse("r", "x\\n")]
"""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"def f(:\n", "does not parse"),
        (b"# coding: latin-1\nx = '\xe9'\n", ""),
        (b"x = '\xe9'\n", "is not text in utf-8"),
        (b"# coding: nonsense\n", "declares an encoding that Python does not know"),
        (b"# coding: rot13\n", "declares an encoding that Python does not know"),
        (b"\xff\xfex\x00 \x00", "is not text"),
        (b"x = 1\x00", "does not parse"),
        ("x = 1\n".encode("utf-16"), "is not text"),
        (b"(" * 5000 + b")" * 5000, "pars|nested"),
        (b"", ""),
    ],
)
def test_a_file_that_is_no_ordinary_source_gets_a_reason(tmp_path, data, says):
    import re

    (tmp_path / "a.py").write_bytes(data)
    (result,) = examine(tmp_path)
    assert bool(result.unreadable) == bool(says)
    assert re.search(says, result.unreadable)
    assert not result.notices


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"#" * 6_000_000, "is longer than 5,000,000 bytes"),
        (b"X = [" + b"0," * 450_000 + b"]\n", "has more than 400,000 elements"),
        (b"x\n" * 250_000, "has more than 400,000 elements"),
        (b'X = """' + b"0," * 450_000 + b'"""\n# ' + b"0," * 450_000 + b"\n", ""),
    ],
)
def test_what_would_take_too_much_memory_is_passed_by(tmp_path, data, says):
    (tmp_path / "a.py").write_bytes(data)
    (result,) = examine(tmp_path)
    assert result.too_large.startswith(says)
    assert bool(result.too_large) == bool(says)
    assert not result.unreadable


def test_a_thousand_levels_of_nesting_are_examined_or_get_a_reason(tmp_path):
    nested = "def f(s):\n    return " + "[" * 80 + "s" + "]" * 80 + "\n"
    sources = {
        "sum.py": PATTERN + "x = " + "+".join(["'a'"] * 5000) + "\n",
        "calls.py": PATTERN + "x = f" + "()" * 1000 + "\n",
        "attributes.py": PATTERN + "x = a" + ".b" * 1000 + " + 'c'\n",
        "elif.py": PATTERN + "if x: pass\n" + "elif y: pass\n" * 1000,
        "not.py": PATTERN + "x = " + "not " * 1000 + "y\n",
        "brackets.py": nested,
    }
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    for result in examine(tmp_path):
        assert result.findings or result.unreadable or result.shown == "brackets.py"
        assert all(notice.message.endswith("nested too deep") for notice in result.notices)


def test_generated_files_are_skipped_and_say_so(tmp_path):
    (tmp_path / "a_pb2.py").write_text("# -*- coding: utf-8 -*-\n# Generated by protoc.  DO NOT EDIT!\n" + PATTERN)
    (tmp_path / "b.py").write_text('"""Edits. Do not edit what was generated."""\n' + PATTERN)
    generated, written = examine(tmp_path)
    assert "generated" in generated.skipped
    assert not generated.findings
    assert written.findings


def test_a_file_that_cannot_be_read_gets_a_reason(tmp_path):
    missing, folder = tmp_path / "missing.py", tmp_path / "folder.py"
    folder.mkdir()
    for result in examine_files([missing, folder], RULES, root=tmp_path):
        assert result.unreadable.startswith("cannot be read: ")


def test_text_is_the_source_as_it_stands(tmp_path):
    data = b"\xef\xbb\xbfimport re\r\ndef g(s):\r\n    return re.match('\xc3\xa9', s)"
    (tmp_path / "a.py").write_bytes(data)
    (result,) = examine(tmp_path)
    assert result.text.encode() == data
    assert len(result.findings) == 1
    assert apply_edits(result.text, ()) == result.text


def test_only_hot_functions_are_examined_where_lines_are_given(tmp_path):
    (tmp_path / "a.py").write_text(PATTERN + PATTERN)
    (tmp_path / "b.py").write_text(PATTERN)
    first, second = examine(tmp_path, hot={str(tmp_path / "a.py"): frozenset({6})})
    assert [finding.line for finding in first.findings] == [6]
    assert not second.findings


def test_rules_that_do_not_help_the_version_stay_silent(tmp_path):
    (tmp_path / "a.py").write_text("1\n")
    rule = make_rule(lambda context: [context.finding(next(context.nodes(ast.Constant)), "m")], pythons=">=3.13")
    assert examine(tmp_path, [rule], python=(3, 13))[0].findings
    assert not examine(tmp_path, [rule], python=(3, 12))[0].findings


def make_rule(detect, **fields):
    rule = Rule("made", "t", "f", Safety.ADVICE, Speed.FACTOR, Triggers(frozenset({ast.Constant})), **fields)
    return RuleModule(rule, detect, (), (), None, "", "here")


@pytest.mark.skipif(sys.platform != "linux", reason="the rule here lives only in processes that are forked")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # pytest-xdist has threads
def test_a_source_that_kills_its_process_costs_only_itself(folder, monkeypatch):
    monkeypatch.setattr(pool, "_may_fork", lambda: True)

    def detect(context):
        if any(node.value == 3 for node in context.nodes(ast.Constant)):
            os._exit(9)
        return [context.finding(next(context.nodes(ast.Constant)), "m")]

    results = examine(folder, [make_rule(detect)], workers=2)
    assert [(r.shown, r.unreadable) for r in results if r.unreadable and "parse" not in r.unreadable] == [
        ("m3.py", "crashed the process that checked it")
    ]
    assert sum(bool(r.findings) for r in results) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="the rule here lives only in processes that are forked")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # pytest-xdist has threads
def test_a_process_that_is_killed_before_it_has_all_its_work_costs_nothing(folder, monkeypatch):
    monkeypatch.setattr(pool, "_may_fork", lambda: True)
    open_pool, opened = pool._open_pool, []

    def open_and_kill(rules, workers):
        made = open_pool(rules, workers)
        opened.append(workers)
        if len(opened) == 1:
            with pytest.raises(BrokenProcessPool):
                made.submit(os._exit, 9).result()
        return made

    monkeypatch.setattr(pool, "_open_pool", open_and_kill)
    monkeypatch.setattr(pool, "_CHUNK", 1)
    rule = make_rule(lambda context: [context.finding(next(context.nodes(ast.Constant)), "m")])
    results = examine(folder, [rule], workers=2)
    # One file alone, then the others as before.
    assert opened == [2, 1, 2]
    assert results == examine(folder, [rule], workers=1)


def test_results_come_from_the_cache_while_nothing_changed(folder, tmp_path):
    calls = []

    def detect(context):
        calls.append(context.file)
        return [context.finding(next(context.nodes(ast.Constant)), "m", questions=(context.ask("x", "types"),))]

    rule, cache = make_rule(detect), tmp_path / "cache"
    first = examine(folder, [rule], cache=cache, workers=1)
    count = len(calls)
    assert count
    assert examine(folder, [rule], cache=cache, workers=1) == first
    assert len(calls) == count
    (folder / "m1.py").write_text("1\n")
    assert examine(folder, [rule], cache=cache, workers=1) != first
    assert len(calls) == count + 1
    assert examine(folder, RULES, cache=cache, workers=1) != first


def test_the_cache_keeps_all_that_a_finding_says(folder, tmp_path):
    """Each field has another value here than by default; so has one that is added later, or this fails."""
    question = Question("x", Ask.LENGTH, 1, "m.py", "g", ("a",), ("b",), 7, True, (2,), (3,), 0.5, 0.9)
    said = Finding(
        "made", "m.py", 1, 2, 3, "g", 4, "T", "M", Safety.OFFER, Speed.ASYMPTOTIC, (1, 2), (question,),
        (Edit(1, 0, 1, 1, "2"),), "s", (Speedup("3.11", 10, 2.0),), Frees(8, "Point", True), True,
    )  # fmt: skip
    for part in (said, question, said.frees):
        defaults = {field.name: field.default for field in fields(part) if field.default is not MISSING}
        assert not [name for name, value in defaults.items() if getattr(part, name) == value]

    def detect(context):
        return [replace(said, file=context.file)]

    first, again = (examine(folder, [make_rule(detect)], cache=tmp_path / "cache", workers=1) for _ in range(2))
    assert any(result.findings for result in first)
    assert again == first


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda data: data[:-1], lambda data: data[:32] + b"[]", lambda _: b"\xff" * 50]
)
def test_a_damaged_cache_is_no_cache(folder, tmp_path, damage):
    cache = tmp_path / "cache"
    first = examine(folder, cache=cache, workers=1)
    entries = [path for path in cache.rglob("*") if path.is_file() and path.name != "tidied"]
    assert len(entries) == len({path.parent for path in folder.rglob("*.py")})
    for path in entries:
        path.write_bytes(damage(path.read_bytes()))
    assert examine(folder, cache=cache, workers=1) == first
    assert examine(folder, cache=cache, workers=1) == first


def test_a_file_that_has_not_changed_is_not_read_again(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("whet.engine.cache._SETTLED_NS", -1)
    (folder / "m2.py").write_text(PATTERN + "X = 1  # whet: ignore[slots]\n")
    (folder / "m3.py").write_text("# @generated\n" + PATTERN)
    first = examine(folder, cache=tmp_path / "cache", workers=1)
    again = examine(folder, cache=tmp_path / "cache", workers=1, with_data=False)
    assert again == first
    assert [result.shown for result in again if result.data] == ["m2.py"]
    assert all(result.data for result in examine(folder, cache=tmp_path / "cache", workers=1))


def test_a_change_is_seen_whatever_the_times_of_the_file_say(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("whet.engine.cache._SETTLED_NS", -1)
    file = folder / "m1.py"
    examine(folder, cache=tmp_path / "cache", workers=1)
    state = file.stat()
    file.write_text(file.read_text().replace("re.match('a', s)", "print('   a', s)"))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_size == state.st_size
    changed = examine(folder, cache=tmp_path / "cache", workers=1, with_data=False)[1]
    assert not changed.findings


def test_a_file_that_was_written_just_now_is_compared_by_content(folder, tmp_path):
    first = examine(folder, cache=tmp_path / "cache", workers=1)
    assert examine(folder, cache=tmp_path / "cache", workers=1, with_data=False) == first
    # The times cannot be trusted yet: all is read.
    assert all(result.data for result in examine(folder, cache=tmp_path / "cache", workers=1, with_data=False))


def test_results_of_files_that_are_gone_are_forgotten(folder, tmp_path):
    examine(folder, cache=tmp_path / "cache", workers=1)
    (folder / "m0.py").unlink()
    (folder / "m1.py").write_text("1\n")
    examine(folder, cache=tmp_path / "cache", workers=1)
    kept = [marshal.loads(read_checked(path)) for path in (tmp_path / "cache").glob("results/??/*")]
    assert sorted(name for rows in kept for name in rows) == ["bad.py", *(f"m{number}.py" for number in range(1, 6))]


def test_a_cache_that_cannot_be_written_is_no_cache(folder, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    assert examine(folder, cache=blocked) == examine(folder)


def test_old_results_are_taken_out(folder, tmp_path):
    cache = tmp_path / "cache"
    examine(folder, cache=cache, workers=1)
    old = [path for path in cache.rglob("*") if path.is_file()]
    for path in old:
        os.utime(path, (1, 1))
    (folder / "m1.py").write_text("1\n")
    examine(folder, cache=cache, workers=1)
    left = [path for path in cache.rglob("*") if path.is_file() and path.name != "tidied"]
    assert len(left) == 1


def test_runs_at_the_same_time_share_a_cache_and_do_not_disturb_one_another(folder, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    expected = examine(folder, workers=1)
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(examine, folder, cache=cache, workers=1) for _ in range(12)]
        assert all(run.result() == expected for run in runs)
    assert not list(cache.rglob(".new-*"))
