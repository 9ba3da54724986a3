"""The words of whet: titles that name the construct, usual terms in messages, help that shows an example."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from whet.cli.help import format_command, format_whet
from whet.cli.main import COMMANDS, load_command
from whet.engine.loading import load_rules
from whet.engine.suppress import UNUSED_PAGE, UNUSED_TITLE
from whet.pipeline.rules.new_rule import _SKELETON

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "whet").rglob("*.py"))
RULES = load_rules()
MOST_WORDS = 6

UNUSUAL = {
    "a word": "reported",
    "anew": "again",
    "beside": "next to, in addition to",
    "each turn": "every iteration",
    "gave way": "was dropped",
    "gone through": "iterated over",
    "handed": "passed",
    "let be": "left alone",
    "mend": "fix",
    "mended": "fixed",
    "mending": "fixing",
    "mends": "fixes",
    "pass by": "skip",
    "passed by": "skipped",
    "stands in": "is in",
    "stood": "was",
    "the like": "similar",
    "told": "reported",
    "took back": "undid",
    "whet run it": "re-run `whet run`",
    "worked out": "computed",
    "works out": "computes",
}
"""Words that puzzled readers, with the usual ones."""
_UNUSUAL = re.compile(rf"\b({'|'.join(map(re.escape, UNUSUAL))})\b", re.IGNORECASE)


def find_unusual(text: str) -> list[str]:
    """Return the unusual words of ``text``, whatever its line breaks are."""
    return [found[0].lower() for found in _UNUSUAL.finditer(" ".join(text.split()))]


def list_messages(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each string that reads like a sentence; docstrings and attribute notes are none."""
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        # A piece between two values, " fixed" say, is part of a sentence too.
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in notes
            and " " in node.value
        ):
            yield node.lineno, node.value.strip()


def read_tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def drop_cases(tree: ast.Module) -> ast.Module:
    """Leave out a rule's cases, which are programs, and its benchmark."""
    tree.body = [
        node
        for node in tree.body
        if not (
            isinstance(node, ast.Assign)
            and any(isinstance(each, ast.Name) and each.id in {"CASES", "REFUSE", "BENCH"} for each in node.targets)
        )
    ]
    return tree


def list_titles(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the titles that a file gives to findings and advice, what is inserted into them as one word."""
    for node in ast.walk(tree):
        value: ast.expr | None = None
        match node:
            case ast.keyword(arg="title", value=given):
                value = given
            case ast.Assign(targets=[ast.Name(id="title")], value=given):
                value = given
            case ast.Call(func=ast.Name(id="make_measured_advice"), args=[_, given, *_]):
                value = given
        parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.lineno, part.value
            elif isinstance(part, ast.JoinedStr):
                pieces = (each.value if isinstance(each, ast.Constant) else "NAME" for each in part.values)
                yield part.lineno, "".join(map(str, pieces))


def test_the_check_itself_finds_words_and_titles() -> None:
    assert find_unusual("Mends what\n  was TOLD, and the\nlike") == ["mends", "told", "the like"]
    assert not find_unusual("retold amendments, withstood besides")
    tree = ast.parse('"""told"""\nx = 1\n"""told"""\nsay("it is told here")\nsay(f"{x} is mended")\nkey = "told"\n')
    assert [text for _, text in list_messages(tree)] == ["it is told here", "is mended"]
    tree = ast.parse('R(title="a b")\ntitle = f"{x} c"\nmake_measured_advice("slug", "d" if x else "e f", m)\n')
    assert [text for _, text in list_titles(tree)] == ["NAME c", "d", "e f", "a b"]


def test_titles_are_short() -> None:
    titles = [(module.rule.slug, module.rule.title) for module in RULES]
    titles.append(("unused comment", UNUSED_TITLE))
    folders = (ROOT / "src" / "whet" / "advise", ROOT / "rules" / "whet_rules")
    for path in (path for folder in folders for path in sorted(folder.glob("*.py"))):
        titles += [(f"{path.name}:{line}", title) for line, title in list_titles(drop_cases(read_tree(path)))]
    long = [f"{where}: {title}" for where, title in titles if len(title.split()) > MOST_WORDS]
    assert not long, "\n".join(long)
    assert len({module.rule.title for module in RULES}) == len(RULES)


def test_titles_are_phrases_without_a_full_stop() -> None:
    odd = [module.rule.title for module in RULES if module.rule.title.endswith(".") or "\n" in module.rule.title]
    assert not odd


def test_messages_use_usual_words() -> None:
    found = []
    for path in SOURCES:
        for line, text in list_messages(read_tree(path)):
            found += [f"{path.relative_to(ROOT)}:{line}: {word!r} ({UNUSUAL[word]})" for word in find_unusual(text)]
    assert not found, "\n".join(found)


def test_rules_use_usual_words() -> None:
    found = []
    for module in RULES:
        found += [f"{module.rule.slug}, page: {word!r} ({UNUSUAL[word]})" for word in find_unusual(module.page)]
        found += [f"{module.rule.slug}, title: {word!r}" for word in find_unusual(module.rule.title)]
        for line, text in list_messages(drop_cases(read_tree(Path(module.file)))):
            found += [f"{module.rule.slug}:{line}: {word!r} ({UNUSUAL[word]})" for word in find_unusual(text)]
    for page in (UNUSED_PAGE, _SKELETON):
        found += find_unusual(page)
    assert not found, "\n".join(found)


def test_pages_use_usual_words() -> None:
    found = []
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        # Blocks of code are transcripts and programs.
        text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        found += [f"{path.relative_to(ROOT)}: {word!r} ({UNUSUAL[word]})" for word in find_unusual(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_usual_words_and_an_example(name: str) -> None:
    command = load_command(name)
    shown = format_command(command)
    assert not find_unusual(f"{shown} {COMMANDS[name]}")
    description, marker, examples = shown.rpartition("\nExamples:\n")
    assert marker
    assert description
    lines = examples.splitlines()
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[:2] == ["whet", name]
        assert command.parse(words[2:]) is not None, "what the example shows is no help"
    assert (inspect.getdoc(command.function) or "").splitlines()[0] == COMMANDS[name]


def test_help_of_whet_has_usual_words_and_an_example() -> None:
    shown = format_whet()
    assert not find_unusual(shown)
    assert "\nExamples:\n  whet run " in shown
