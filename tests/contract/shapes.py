"""Other ways to write a source: equal programs whose text is harder to edit."""

import ast
import io
import keyword
import tokenize
from itertools import pairwise

FSTRING_START = getattr(tokenize, "FSTRING_START", None)
FSTRING_END = getattr(tokenize, "FSTRING_END", None)
SILENT = {tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT}


def tighten(text):
    """Leave out each space that no tokenizer needs, as in ``for i in(x)``."""
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    lines = text.split("\n")
    cuts, depth = [], 0
    for one, other in pairwise(tokens):
        depth += (one.type == FSTRING_START) - (one.type == FSTRING_END)
        if not depth and one.end[0] == other.start[0] and not SILENT & {one.type, other.type} and is_free(one, other):
            cuts.append((one.end[0], one.end[1], other.start[1]))
    for line, start, end in reversed(cuts):
        lines[line - 1] = lines[line - 1][:start] + lines[line - 1][end:]
    return "\n".join(lines)


def is_free(one, other):
    if tokenize.NUMBER in (one.type, other.type):
        return False
    quoted = other.type == tokenize.STRING and other.string[0] in "'\"" and keyword.iskeyword(one.string)
    return tokenize.OP in (one.type, other.type) or quoted or (one.type, other.type) == (tokenize.STRING, tokenize.NAME)


def put_in_parentheses(text):
    """Put what is called, and names and tuples that are arguments, in parentheses of their own."""
    tree = ast.parse(text)
    inside = {id(part) for string in ast.walk(tree) if isinstance(string, ast.JoinedStr) for part in ast.walk(string)}
    added = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and id(call) not in inside:
            for part in (call.func, *call.args):
                if isinstance(part, ast.Name | ast.Tuple):
                    added += [(part.lineno, part.col_offset, "("), (part.end_lineno, part.end_col_offset, ")")]
    return insert(text, added)


def put_in_fields(text, ending=""):
    """Return what functions return as text, from f-strings; with ``ending`` ``=`` they show their expression too."""
    added = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Return) and node.value is not None and node.value.lineno == node.value.end_lineno:
            source = ast.get_source_segment(text, node.value)
            awkward = (ast.JoinedStr, ast.Yield, ast.Await)
            if source[0] in "{" or source[-1] == '"' or any(mark in source for mark in ("\\", "#", '"""')):
                continue
            if not any(isinstance(part, awkward) for part in ast.walk(node.value)):
                end = node.value.end_col_offset
                added += [(node.lineno, node.value.col_offset, 'f"""{'), (node.lineno, end, f'{ending}}}"""')]
    return insert(text, added)


def insert(text, added):
    """Insert texts at lines and columns in bytes, as ``ast`` counts them."""
    lines = [line.encode() for line in text.split("\n")]
    for line, column, new in sorted(added, reverse=True):
        lines[line - 1] = lines[line - 1][:column] + new.encode() + lines[line - 1][column:]
    return b"\n".join(lines).decode()
