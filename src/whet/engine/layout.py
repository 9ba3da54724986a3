"""How a source is laid out around its nodes: indentation, comments, blocks, parentheses, the top of the module."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise

from whet.engine.comments import Comments
from whet.engine.facts import Facts
from whet.model.finding import Edit

Position = tuple[int, int]
"""Line from 1, column in characters from 0."""

_INDENT = re.compile(r"[ \t\f]*")
_PLACED = re.compile(r"#\s*(?:type:|%%)")
"""Comments that must stay where they are: a signature's types come first in the body, and `# %%` opens a cell."""
_ATOMIC = (
    *(ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set),
    *(ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.JoinedStr),
)
_TIGHT = (ast.Attribute, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Await, ast.Starred)


class Layout:
    """The layout of one file; :meth:`of` returns the one that all rewrites of the file share."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._source = facts.source
        self._comments = Comments(facts.source, facts.tree)

    @classmethod
    def of(cls, facts: Facts) -> Layout:
        """Return the layout of a file."""
        known = facts.memo.get(cls)
        if not isinstance(known, cls):
            known = facts.memo[cls] = cls(facts)
        return known

    def start(self, node: ast.expr | ast.stmt) -> Position:
        """Return where ``node`` starts, decorators included."""
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            line = decorators[0].lineno
            return line, self._source.lines[line - 1].index("@")
        return node.lineno, self._source.column(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> Position:
        """Return where ``node`` ends."""
        line = node.end_lineno or node.lineno
        return line, self._source.column(line, node.end_col_offset or 0)

    def indent(self, line: int) -> str:
        """Return the indentation of ``line``."""
        match = _INDENT.match(self._source.lines[line - 1])
        return match[0] if match else ""

    @cached_property
    def unit(self) -> str:
        """One level of indentation in this file."""
        for statement in self._facts.tree.body:
            inner = getattr(statement, "body", None)
            if isinstance(inner, list) and inner and inner[0].lineno > statement.lineno:
                indent = self.indent(inner[0].lineno).rpartition("\f")[2]
                if indent:
                    return indent
        return "    "

    def ends_line(self, node: ast.stmt) -> bool:
        """Return whether nothing but a comment follows ``node`` on its last line."""
        line, column = self.end(node)
        rest = self._source.lines[line - 1][column:].lstrip(" \t\f")
        return not rest or rest.startswith("#")

    def line_above_comments(self, node: ast.stmt) -> int:
        """Return the line of ``node``, or of the first of the comments right above it, which belong to it."""
        line, column = self.start(node)
        if not self._is_own_comment(line - 1, column):
            return line
        parent, before = self._facts.parent(node), self._facts.next_statement(node, -1)
        if before is None and (parent is None or parent is self._facts.tree):
            return line  # what is at the top of a file is about the file
        around = (before,) if before is not None else ast.walk(parent or node)
        ends = [getattr(parent, "lineno", line), *(getattr(other, "end_lineno", line) for other in around)]
        behind = max((end for end in ends if end < line), default=line)
        while line - 1 > behind and self._is_own_comment(line - 1, column):
            line -= 1
        return line

    def _is_own_comment(self, line: int, column: int) -> bool:
        """Return whether ``line`` looks like a comment about what is below it, with this indentation."""
        text = self._source.lines[line - 1] if line else ""
        bare = text.lstrip(" \t\f")
        return len(text) - len(bare) == column and bare.startswith("#") and not _PLACED.match(bare)

    def has_comment(self, start: Position, end: Position) -> bool:
        """Return whether there is a comment between two positions."""
        for line in range(start[0], end[0] + 1):
            column = self._comments.column(line)
            if column is not None and start <= (line, column) < end:
                return True
        return False

    def is_elif(self, node: ast.stmt) -> bool:
        """Return whether ``node`` is the ``elif`` of another statement."""
        line, column = self.start(node)
        return isinstance(node, ast.If) and self._source.lines[line - 1].startswith("elif", column)

    def lift(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of ``node``, dedented by the indentation of its statement."""
        text = self._source.segment(node)
        if "\n" not in text:
            return text
        statement = self._facts.statement(node) or self._facts.tree.body[0]
        indent = self.indent(statement.lineno).rpartition("\f")[2]
        inside = self.lines_in_strings(node)
        lines = enumerate(text.split("\n"), start=node.lineno)
        return "\n".join(line if number in inside else line.removeprefix(indent) for number, line in lines)

    def lines_in_strings(self, node: ast.AST) -> set[int]:
        """Return the lines that start inside a string of ``node``: their white space is the program's."""
        return _find_lines_in_strings(node)

    def find_argument(  # noqa: PLR0911 - one return a place among the others
        self, call: ast.Call, argument: ast.expr | ast.keyword
    ) -> tuple[Position, Position] | None:
        """Return the range that an argument takes up in its call, parentheses and one comma included."""
        items: list[ast.expr | ast.keyword] = sorted(
            (*call.args, *call.keywords), key=lambda item: (item.lineno, item.col_offset)
        )
        at = next((index for index, item in enumerate(items) if item is argument), None)
        if at is None or (len(items) == 1 and isinstance(items[0], ast.GeneratorExp)):
            return None
        close = self.end(call)
        close = close[0], close[1] - 1
        commas = [self._find_comma(self._end(one), self._start(other)) for one, other in pairwise(items)]
        if any(comma is None for comma in commas):
            return None
        known = [comma for comma in commas if comma is not None]
        if at < len(known):
            following = self._skip_space(known[at])
            if self._source.lines[following[0] - 1][following[1]] == "#":
                return None  # a comment of the removed argument
            if at:
                return self._skip_space(known[at - 1]), following
            opening = self._find(self.end(call.func), self._start(items[0]), "(")
            return None if opening is None else (self._skip_space(opening), following)
        if at:
            return (known[at - 1][0], known[at - 1][1] - 1), self._before(close)
        opening = self._find(self.end(call.func), self._start(items[0]), "(")
        return None if opening is None else (opening, close)

    def find_end_of_argument(self, call: ast.Call, argument: ast.expr | ast.keyword) -> Position | None:
        """Return the position behind an argument and its own parentheses; ``None`` if it has those of the call."""
        close = self.end(call)
        line, column = behind = self._end(argument)
        if behind == close or isinstance(argument, ast.GeneratorExp):
            return None
        while (line, column) < (close[0], close[1] - 1):
            text = self._source.lines[line - 1]
            comment = self._comments.column(line)
            if column >= (len(text) if comment is None else comment):
                line, column = line + 1, 0
                continue
            if text[column] == ",":
                break
            column += 1
            if text[column - 1] == ")":
                behind = line, column
        return behind

    def _start(self, node: ast.expr | ast.keyword) -> Position:
        return node.lineno, self._source.column(node.lineno, node.col_offset)

    def _end(self, node: ast.expr | ast.keyword) -> Position:
        line = node.end_lineno or node.lineno
        return line, self._source.column(line, node.end_col_offset or 0)

    def _find_comma(self, start: Position, end: Position) -> Position | None:
        return self._find(start, end, ",")

    def _find(self, start: Position, end: Position, character: str) -> Position | None:
        """Return the position after the only ``character`` between two positions, ignoring comments."""
        found: list[Position] = []
        for line in range(start[0], end[0] + 1):
            text = self._source.lines[line - 1]
            comment = self._comments.column(line)
            stop = len(text) if comment is None else comment
            first, last = start[1] if line == start[0] else 0, min(end[1] if line == end[0] else len(text), stop)
            found += [(line, at + 1) for at in range(first, last) if text[at] == character]
        # Several parentheses may follow one another before the first argument; the call's own comes first.
        return found[0] if found and (character == "(" or len(found) == 1) else None

    def _skip_space(self, position: Position) -> Position:
        line, column = position
        while True:
            text = self._source.lines[line - 1]
            rest = text[column:]
            if rest.strip(" \t\f\\"):
                return line, column + len(rest) - len(rest.lstrip(" \t\f"))
            line, column = line + 1, 0

    def _before(self, position: Position) -> Position:
        line, column = position
        while not self._source.lines[line - 1][:column].strip():
            line -= 1
            column = len(self._source.lines[line - 1])
        return line, len(self._source.lines[line - 1][:column].rstrip())

    def next_on_line(self, node: ast.stmt) -> ast.stmt | None:
        """Return the statement after ``node`` on its last line, in the same block."""
        after = self._facts.next_statement(node)
        return after if after is not None and self.start(after)[0] == self.end(node)[0] else None

    def without(self, node: ast.stmt, on_comment: Callable[[], None]) -> Edit:
        """Return the edit that removes ``node``: its whole lines, or only itself and a semicolon."""
        start, end = self.start(node), self.end(node)
        text = self._source.lines[end[0] - 1]
        first = len(self.indent(start[0])) == start[1]
        if first and self.ends_line(node):
            if text[end[1] :].strip():
                on_comment()
            if end[0] < len(self._source.lines):
                return Edit(start[0], 0, end[0] + 1, 0, "")
            if start[0] > 1:
                return Edit(start[0] - 1, len(self._source.lines[start[0] - 2]), *end, "")
            return Edit(*start, *end, "")
        after = self.next_on_line(node)
        if after is not None:
            return Edit(*start, *self.start(after), "")
        before = self._facts.next_statement(node, -1)
        if before is not None and self.end(before)[0] == start[0]:
            return Edit(*self.end(before), *end, "")
        return Edit(*start, *end, "pass")

    def shares_parentheses(self, node: ast.expr) -> bool:
        """Return whether the parentheses of a generator expression are those of the call that it is passed to."""
        parent = self._facts.parent(node)
        return (
            isinstance(node, ast.GeneratorExp) and isinstance(parent, ast.Call) and self.end(parent) == self.end(node)
        )

    def needs_parentheses(self, node: ast.expr, new: ast.expr) -> bool:  # noqa: PLR0911 - one return a kind of node
        """Return whether ``new`` instead of ``node`` would be parsed differently because of the code around it."""
        if is_atomic(new):
            return False
        parent = self._facts.parent(node)
        if isinstance(new, ast.NamedExpr | ast.Yield | ast.YieldFrom):
            return True
        if isinstance(new, ast.Tuple):
            line, column = self.end(node)
            return not self._source.lines[line - 1][column:].lstrip().startswith(")")
        if isinstance(parent, _TIGHT):
            return True
        match parent:
            case ast.Subscript() | ast.Call():
                return (parent.value if isinstance(parent, ast.Subscript) else parent.func) is node
            case ast.comprehension() | ast.IfExp():
                return isinstance(new, ast.IfExp | ast.Lambda)
            case ast.FormattedValue():
                return isinstance(new, ast.Lambda)
            case _:
                return False

    @cached_property
    def last_import(self) -> ast.stmt | None:
        """The statement after which to insert an import: the last leading import, else the docstring."""
        last: ast.stmt | None = None
        for index, statement in enumerate(self._facts.tree.body):
            match statement:
                case ast.Expr(value=ast.Constant(value=str())) if index == 0:
                    last = statement
                case ast.Import() | ast.ImportFrom():
                    last = statement
                case _:
                    break
        return last

    def find_anchor(self, value: str) -> tuple[bool, ast.stmt | None]:
        """Return whether a constant of this ``value`` can be defined at module level, and after which statement.

        No statement means the top of the file.
        """
        leading = self.last_import
        anchors = [leading] if leading is not None else []
        for name in _names(value):
            bindings = self._facts.module.bindings.get(name, ())
            if not bindings:
                continue
            nodes = [binding.node for binding in bindings]
            same = len({binding.origin for binding in bindings}) == 1 and bool(bindings[0].origin)
            at = nodes[0]
            if not isinstance(at, ast.stmt) or self._facts.parent(at) is not self._facts.tree:
                return False, None
            if len(nodes) > 1 and not same:
                return False, None
            anchors.append(at)
        return True, max(anchors, key=lambda statement: (statement.lineno, statement.col_offset), default=None)


def _names(value: str) -> Iterator[str]:
    tree = parse_expression(value)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Name):
            yield node.id


def parse_expression(text: str) -> ast.expr | None:
    """Return ``text`` parsed as an expression; ``None`` if it is not one."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def parses(text: str) -> bool:
    """Return whether ``text`` is statements."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def is_atomic(node: ast.expr) -> bool:
    """Return whether an expression needs no parentheses, whatever is around it."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes | bool | None)
    return isinstance(node, _ATOMIC)


def indent_text(text: str, indent: str, unit: str, *, first: bool = True) -> str:
    """Return code with ``indent`` before each line, or all but the ``first``, levels of four spaces as ``unit``.

    Lines that start inside a string stay as they are.
    """
    if "\n" not in text:
        return indent + text if first else text
    inside = _lines_in_strings(text)
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        if number in inside or not line.strip() or (number == 1 and not first):
            lines.append(line)
            continue
        body = line.lstrip(" ")
        levels, rest = divmod(len(line) - len(body), 4)
        lines.append(f"{indent}{unit * levels}{' ' * rest}{body}")
    return "\n".join(lines)


def _lines_in_strings(text: str) -> set[int]:
    """Return the lines that start inside a string."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return set()
    return _find_lines_in_strings(tree)


def _find_lines_in_strings(tree: ast.AST) -> set[int]:
    inside: set[int] = set()
    for node in ast.walk(tree):
        texts = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        )
        if texts and isinstance(node, ast.expr):
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return inside
