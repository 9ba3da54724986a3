"""Comments are where the tokenizer of the whole file says, for the lines that it reads."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

from whet.engine.comments import Comments
from whet.engine.source import SourceText

FOLDER = Path(ast.__file__).parent


def compare(text):
    expected = {
        token.start[0]: token.start[1]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    source = SourceText(text)
    comments = Comments(source, ast.parse(text))
    found = {line: comments.column(line) for line in range(1, len(source.lines) + 1)}
    assert {line: column for line, column in found.items() if column is not None} == expected


@pytest.mark.parametrize(
    "module", ["argparse.py", "ast.py", "typing.py", "ssl.py", "doctest.py", "tokenize.py", "this.py"]
)
def test_comments_of_the_standard_library(module):
    compare((FOLDER / module).read_text("utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "# top\n\nx = '#'  # why\n# end",
        "def f(a,  # one\n      b):  # two\n    # three\n    return '''\n#\n'''  # four\n",
        "def f(a,  # one\n      b): return 1  # two\n",
        "if x: y  # one\nelse: z  # two\n",
        "try:  # one\n    x\nexcept A:  # two\n    y\n# three\nfinally:  # four\n    z\n",
        "@a  # one\n# two\n@b(  # three\n)\ndef f():\n    '''#'''\n",
        "match x:  # one\n    # two\n    case 1:  # three\n        y = '#'  # four\n",
        "x = [  # one\n    # two\n    '#', 1,  # three\n]\n",
        "class A:\n\n    x = 1\n    # between\n\n    y = 2\n# after\n",
        "x = 1; y = '#'; z = 2  # one\n",
    ],
)
def test_comments_around_everything(text):
    compare(text)
