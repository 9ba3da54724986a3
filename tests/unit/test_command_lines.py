"""Every `whet ...` that the documents and whet's own messages name is a command that whet understands.

The lines are read as whet reads them, and not run.
"""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from whet.cli.main import COMMANDS, HELP_NAMES, load_command
from whet.cli.shared import COLOR, QUIET

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`whet ([a-z][^`\n]*)`")
ENDS_A_COMMAND = frozenset(("|", "||", "&&", ";", ">", ">>", "<", "&"))
OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*)")


def list_shell_lines(text: str) -> Iterator[str]:
    """Yield the lines of a document's examples that a shell would be given."""
    for language, block in FENCE.findall(text):
        for line in map(str.strip, block.splitlines()):
            if line.startswith("$ "):
                yield line[2:]
            elif language == "" and line.startswith("whet "):
                yield line
            elif language == "yaml" and (found := re.match(r"(?:- )?(?:run|script|entry): (.*whet .*)", line)):
                yield found[1]


def split_commands(line: str) -> Iterator[list[str]]:
    """Yield the words behind ``whet`` for each command of a shell line that starts it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in ENDS_A_COMMAND:
            words.append(word)
            continue
        if "whet" in words and "install" not in words:
            yield words[words.index("whet") + 1 :]
        words = []


def understand(words: list[str]) -> None:
    """Read ``words`` as whet would. Raises whatever wrong use raises."""
    name, rest = words[0], words[1:]
    assert name in COMMANDS, f"{name} is no command"
    load_command(name).parse(rest)


def list_options(name: str) -> list[tuple[str, ...]]:
    """Return the options of a command, each with all its names."""
    declared = [option.declared for option in load_command(name).options]
    return [HELP_NAMES, QUIET, (COLOR,), *((*option.names, *filter(None, [option.opposite])) for option in declared)]


def read_options(name: str) -> set[str]:
    """Return all names of a command's options."""
    return {option for names in list_options(name) for option in names}


DOCUMENTED = [
    pytest.param(words, id=f"{document.name}: {shlex.join(words)}"[:120])
    for document in DOCUMENTS
    for line in list_shell_lines(document.read_text(encoding="utf-8"))
    for words in split_commands(line)
]


def test_the_documents_are_read() -> None:
    found = [(str(param.id).partition(":")[0], param.values[0]) for param in DOCUMENTED]
    assert {"README.md", "proving.md", "comparing.md", "check.md", "pull-requests.md"} <= {name for name, _ in found}
    assert {words[0] for _, words in found if isinstance(words, list)} >= set(COMMANDS)


@pytest.mark.parametrize("words", DOCUMENTED)
def test_documented_commands_are_understood(words: list[str]) -> None:
    understand(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_named_in_passing_exist(document: Path) -> None:
    for words in INLINE.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        command, *rest = words.split()
        assert command in COMMANDS, words
        options = itertools.takewhile(lambda word: word not in ("-m", "-c", "--"), rest)
        assert {word for word in options if OPTION.fullmatch(word)} <= read_options(command), words


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["run", "--no-such", "x.py"], "--no-such"),
        (["check", "--no-such"], "--no-such"),
        (["bench", "--rnus", "3", "x.py"], "--rnus"),
        (["prove", "--runs", "many"], "integer"),
        (["nothing"], "nothing"),
    ],
)
def test_what_is_wrong_is_seen(words: list[str], wrong: str) -> None:
    with pytest.raises(Exception, match=wrong):
        understand(words)


def list_texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in a file, those with values in them as one, with ``X`` for each value; docstrings too."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(part) for part in node.values)
            yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def list_told_options() -> Iterator[tuple[str, str, str]]:
    """Yield file, command and option wherever a text in whet's code names a command with options behind it."""
    naming = re.compile(rf"whet ({'|'.join(COMMANDS)})((?: (?:--?[a-zA-Z][\w-]*|[A-Z{{}}]\w*|[a-z-]+\.\w+))+)")
    for path in sorted((ROOT / "src" / "whet").rglob("*.py")):
        for text in list_texts(ast.parse(path.read_text(encoding="utf-8"))):
            for command, rest in naming.findall(text):
                until = re.split(r" -[mc]\b", rest)[0]
                for option in OPTION.findall(until):
                    yield path.name, command, option


def test_messages_name_options_that_exist() -> None:
    told = set(list_told_options())
    assert len({command for _, command, _ in told}) > 4
    assert not [each for each in sorted(told) if each[2] not in read_options(each[1])]


def test_every_option_is_in_a_document() -> None:
    """By one of its names. Those excepted are alike for all commands, and ``--help`` tells of them."""
    named = set(OPTION.findall("\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)))
    named |= {"--help", "--output"}
    assert not [(command, names) for command in COMMANDS for names in list_options(command) if named.isdisjoint(names)]
