"""Makes the edits of a finding, in terms of nodes: formatting and comments around them are kept.

A :class:`Rewrite` never loses a comment: an edit that would do so makes the
whole rewrite refuse itself, and its finding becomes advice. Code given to it
uses line feeds and four spaces per level; it is adapted to the indentation and
the newlines of its place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from whet.engine.facts import Facts
from whet.engine.fields import is_at_its_place, refuse_in_field
from whet.engine.layout import Layout, indent_text, is_atomic, parse_expression, parses
from whet.engine.naming import Namer
from whet.engine.scopes import Scope
from whet.model.finding import Edit

AnyComprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Rewrite:
    """Edits that are made together or not at all. ``refusal`` is the reason, for the user; empty if they are made."""

    def __init__(self, facts: Facts, function: Scope) -> None:
        self.facts = facts
        self.function = function
        self.refusal = ""
        self._layout = Layout.of(facts)
        self._namer = Namer(facts)
        self._edits: list[Edit] = []
        self._deleted: list[ast.stmt] = []
        self._grown: set[ast.AST] = set()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits in source order; none when the rewrite refused itself."""
        edits = [*self._edits, *self._delete_all()]
        edits.sort(key=lambda edit: (edit.line, edit.column, edit.end_line, edit.end_column))
        for one, other in pairwise(edits):
            if (other.line, other.column) < (one.end_line, one.end_column):
                self.refuse("two of its edits change the same text")
        return () if self.refusal else tuple(dict.fromkeys(edits))

    def refuse(self, reason: str) -> None:
        """Make no edit. The first reason is kept; it continues "No edit is made: …"."""
        self.refusal = self.refusal or reason

    def text(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of ``node``; one that spans lines only because of outer brackets gets its own."""
        text = self._lift(node)
        torn = isinstance(node, ast.expr) and "\n" in text and parse_expression(text) is None
        return f"({text})" if torn else text

    def clause(self, node: ast.expr) -> str:
        """Return the source of a part of a comprehension: a bare conditional or tuple would change its meaning."""
        if isinstance(node, ast.IfExp | ast.Lambda):
            return self.operand(node)
        text = self.text(node)
        return f"({text})" if isinstance(node, ast.Tuple) and not _is_in_parentheses(text) else text

    def comprehension(
        self, node: AnyComprehension, changed: ast.comprehension, source: str, conditions: Iterable[ast.expr]
    ) -> str:
        """Return the source of a comprehension with one part iterating over ``source`` under ``conditions``."""
        text = self.text(node)
        if isinstance(node, ast.DictComp):
            value: ast.expr | None = node.value  # 3.15: none in {**each for each in many}
            key = self.text(node.key)
            parts = [f"{key}: {self.text(value)}" if value is not None else f"**{key}"]
        else:
            parts = [self.text(node.elt)]
        for each in node.generators:
            iterable = source if each is changed else self.text(each.iter)
            parts.append(f"{'async for' if each.is_async else 'for'} {self.text(each.target)} in {iterable}")
            parts.extend(f"if {self.condition(test)}" for test in (conditions if each is changed else each.ifs))
        return f"{text[0]}{' '.join(parts)}{text[-1]}"

    def condition(self, node: ast.expr) -> str:
        """Return the source of ``node`` for use after ``if``, and between ``and``."""
        bare = self.text(node)
        return f"({bare})" if isinstance(node, ast.NamedExpr | ast.IfExp | ast.Lambda | ast.BoolOp) else bare

    def operand(self, node: ast.expr) -> str:
        """Return the source of ``node`` for use next to any operator, or before a dot."""
        return self.text(node) if is_atomic(node) else f"({self._lift(node)})"

    def _lift(self, node: ast.expr | ast.stmt) -> str:
        if not is_at_its_place(self.facts, node):
            self.refuse("its place in an f-string is not known")
        return self._layout.lift(node)

    def replace(self, node: ast.expr | ast.stmt | Sequence[ast.stmt], text: str) -> None:
        """Replace an expression, a statement or consecutive statements of one block with ``text``.

        An expression gets parentheses if the operators around it bind more tightly.
        """
        if isinstance(node, ast.expr):
            self._replace_expression(node, text)
            return
        nodes = (node,) if isinstance(node, ast.stmt) else tuple(node)
        first, last = nodes[0], nodes[-1]
        self._refuse_elif(first)
        line, column = self._layout.start(first)
        indent = self._layout.indent(line)
        if "\n" in text and column != len(indent):
            self.refuse("there is other code on the same line")
            return
        if not parses(text):
            self.refuse("the new code would not parse")
        text = indent_text(text, indent.rpartition("\f")[2], self._layout.unit).lstrip()
        self._put(line, column, *self._layout.end(last), text)

    def rebracket(self, node: ast.expr, opening: str, closing: str) -> None:
        """Give a literal or comprehension other brackets, as in ``rebracket(node, "{", "}")``; its content stays."""
        self._refuse_in_field(node, "")
        line, column = self._layout.start(node)
        end_line, end_column = self._layout.end(node)
        self._put(line, column, line, column + 1, opening)
        self._put(end_line, end_column - 1, end_line, end_column, closing)

    def rename_attribute(self, node: ast.Attribute, name: str) -> None:
        """Replace the attribute name of ``node`` with ``name``."""
        self._refuse_in_field(node, name)
        line, column = self._layout.end(node)
        self._put(line, column - len(node.attr), line, column, name)

    def wrap(self, node: ast.expr, before: str, after: str) -> None:
        """Put ``before`` and ``after`` around an expression, as in ``wrap(node, "set(", ")")``."""
        self._refuse_in_field(node, before + after)
        if self._layout.shares_parentheses(node):
            before, after = f"({before}", f"{after})"
        self._insert(*self._layout.start(node), before)
        self._insert(*self._layout.end(node), after)

    def enclose(self, node: ast.stmt, header: str, footer: str) -> None:
        """Indent ``node`` one level, between a ``header`` like ``try:`` and a ``footer`` at its own level."""
        line, column = self._layout.start(node)
        end_line, _ = self._layout.end(node)
        indent = self._layout.indent(line)
        if len(indent) != column or not self._layout.ends_line(node) or self._layout.is_elif(node):
            self.refuse("there is other code on the same line")
            return
        indent, unit = indent.rpartition("\f")[2], self._layout.unit
        # The first word is replaced, not only moved, so that it overlaps with another rewrite that encloses it too.
        word = re.match(r"\w*", self.facts.source.lines[line - 1][column:])
        first = word[0] if word is not None else ""
        self._put(line, 0, line, column + len(first), f"{indent_text(header, indent, unit)}\n{indent}{unit}{first}")
        inside = self._layout.lines_in_strings(node)
        for number in range(line + 1, end_line + 1):
            if number not in inside and self.facts.source.lines[number - 1].strip():
                self._insert(number, 0, unit)
        stop = len(self.facts.source.lines[end_line - 1])
        self._insert(end_line, stop, "\n" + indent_text(footer, indent, unit))

    def unwrap(self, node: ast.If) -> None:
        """Replace ``node`` with its body: its condition is dropped."""
        first, last = node.body[0], node.body[-1]
        texts = (
            part for item in node.body for part in ast.walk(item) if isinstance(part, ast.Constant | ast.JoinedStr)
        )
        if any(part.lineno != part.end_lineno for part in texts) or first.lineno == node.lineno:
            self.refuse("its body cannot be moved")
            return
        end = last.end_lineno or last.lineno
        lines = list(self.facts.source.lines[first.lineno - 1 : end])
        lines[-1] = lines[-1][: self.facts.source.column(end, last.end_col_offset or 0)]
        deep = len(lines[0]) - len(lines[0].lstrip())
        unit = max(1, deep - node.col_offset)
        moved = []
        for line in lines:
            bare = line.lstrip()
            levels, more = divmod(max(0, len(line) - len(bare) - deep), unit)
            moved.append(f"{'    ' * levels}{' ' * more}{bare.rstrip()}" if bare else "")
        self.replace(node, "\n".join(moved))

    def delete_argument(self, call: ast.Call, argument: ast.expr | ast.keyword) -> None:
        """Remove an argument of a call, with its comma."""
        self._refuse_in_field(call, "")
        span = self._layout.find_argument(call, argument)
        if span is None:
            self.refuse("its arguments cannot be separated")
        else:
            self._put(*span[0], *span[1], "")

    def add_argument(self, call: ast.Call, after: ast.expr | ast.keyword, text: str) -> None:
        """Add ``text``, one or more arguments, to a call, behind the argument ``after`` and its parentheses."""
        self._refuse_in_field(call, text)
        behind = self._layout.find_end_of_argument(call, after)
        if behind is None:
            self.refuse("its arguments cannot be separated")
        else:
            self._insert(*behind, f", {text}")

    def delete(self, node: ast.stmt) -> None:
        """Remove a statement, with its line if nothing else is on it; a block left empty gets ``pass``."""
        self._refuse_elif(node)
        if not any(node is known for known in self._deleted):
            self._deleted.append(node)

    def insert_before(self, node: ast.stmt, text: str) -> None:
        """Insert statements before ``node`` and the comments right above it, in its block; decorators next to it."""
        self._refuse_elif(node)
        line, column = self._layout.start(node)
        indent = self._layout.indent(line)
        self._note_growth(node)
        if len(indent) == column:
            line = line if text.startswith("@") else self._layout.line_above_comments(node)
            self._insert(line, 0, indent_text(text, indent.rpartition("\f")[2], self._layout.unit) + "\n")
        elif self._fits_a_line(text):
            self._insert(line, column, f"{text}; ")

    def insert_after(self, node: ast.stmt, text: str) -> None:
        """Insert statements after ``node``, in its block."""
        self._refuse_elif(node)
        line, column = self._layout.start(node)
        end_line, end_column = self._layout.end(node)
        indent = self._layout.indent(line)
        self._note_growth(node)
        if len(indent) == column and self._layout.ends_line(node):
            stop = len(self.facts.source.lines[end_line - 1])
            self._insert(end_line, stop, "\n" + indent_text(text, indent.rpartition("\f")[2], self._layout.unit))
        elif self._fits_a_line(text):
            self._insert(end_line, end_column, f"; {text}")

    def fresh(self, wanted: str, purpose: str = "") -> str:
        """Return a name like ``wanted`` that neither this function nor another rewrite of the file uses.

        With a ``purpose`` it is one that nothing in the whole file uses, for an attribute or a global, and all calls
        with the same purpose get the same name.
        """
        return self._namer.fresh_for(wanted, purpose) if purpose else self._namer.fresh(wanted, self.function)

    def add_import(self, module: str, name: str = "") -> str:
        """Return how this function refers to ``module`` or its ``name``; a missing import is added.

        The import is inserted after the docstring, ``from __future__`` and the existing imports.
        """
        known = self._namer.imported(module, name, self.function)
        if known:
            return known
        plain = name or module.partition(".")[0]
        alias = self._namer.fresh_import(plain, f"{module}.{name}" if name else plain)
        if name:
            statement = f"from {module} import {name}" + ("" if alias == name else f" as {alias}")
        elif alias == plain:
            statement, alias = f"import {module}", module
        else:
            statement = f"import {module} as {alias}"
        anchor = self._layout.last_import
        self._insert_behind(anchor, statement, blank=isinstance(anchor, ast.Expr))
        return alias

    def add_global(self, wanted: str, value: str) -> str:
        """Return the name of a new module-level constant like ``wanted``, set to the expression ``value``.

        It is defined after the leading imports and whatever ``value`` needs of the module. The same value gives the
        same constant.
        """
        possible, anchor = self._layout.find_anchor(value)
        if not possible:
            self.refuse("names that it needs are not bound at the top of the module")
            return wanted
        name = self._namer.fresh_for(wanted, value)
        self._insert_behind(anchor, f"{name} = {value}", blank=isinstance(anchor, _BEFORE_BLANK))
        return name

    def _insert_behind(self, anchor: ast.stmt | None, text: str, *, blank: bool) -> None:
        if anchor is None:
            body = self.facts.tree.body
            line, _ = self._layout.start(body[0]) if body else (1, 0)
            self._insert(line, 0, f"{text}\n\n")
            return
        line, _ = self._layout.end(anchor)
        while (after := self._layout.next_on_line(anchor)) is not None:
            anchor, line = after, self._layout.end(after)[0]
        self._insert(line, len(self.facts.source.lines[line - 1]), ("\n\n" if blank else "\n") + text)

    def _replace_expression(self, node: ast.expr, text: str) -> None:
        self._refuse_in_field(node, text)
        new = parse_expression(text)
        if new is None:
            self.refuse("the new code would not parse")
        if self._layout.shares_parentheses(node) or (new is not None and self._layout.needs_parentheses(node, new)):
            text = f"({text})"
        line, column = self._layout.start(node)
        if "\n" in text:
            text = indent_text(text, self._layout.indent(line).rpartition("\f")[2], "    ", first=False)
        self._put(line, column, *self._layout.end(node), text)

    def _delete_all(self) -> list[Edit]:
        edits: list[Edit] = []
        gone = {id(node) for node in self._deleted}
        for node in self._deleted:
            block = self.facts.block(node)
            kept = any(id(other) not in gone for other in block)
            start, end = self._layout.start(node), self._layout.end(node)
            if self._layout.has_comment(start, end):
                self.refuse("a comment would be lost")
            elif not kept and node is block[-1] and not any(other in self._grown for other in block):
                edits.append(Edit(*start, *end, "pass"))
            else:
                edits.append(self._layout.without(node, self._refuse_comment))
        return edits

    def _refuse_comment(self) -> None:
        self.refuse("a comment would be lost")

    def _refuse_elif(self, node: ast.stmt) -> None:
        if self._layout.is_elif(node):
            self.refuse("no statements can be inserted next to an elif")

    def _note_growth(self, node: ast.stmt) -> None:
        self._grown.add(node)

    def _fits_a_line(self, text: str) -> bool:
        fits = "\n" not in text and text.split(maxsplit=1)[0].rstrip(":") not in _COMPOUND
        if not fits:
            self.refuse("there is other code on the same line")
        return fits

    def _put(self, line: int, column: int, end_line: int, end_column: int, text: str) -> None:
        if self._layout.has_comment((line, column), (end_line, end_column)):
            self.refuse("a comment would be lost")
        self._add(line, column, end_line, end_column, text)

    def _insert(self, line: int, column: int, text: str) -> None:
        self._add(line, column, line, column, text)

    def _add(self, line: int, column: int, end_line: int, end_column: int, text: str) -> None:
        """Record an edit, with spaces where it would run into a word (``in(list)(x)``) or a brace of an f-string."""
        lines = self.facts.source.lines
        before, after = lines[line - 1][:column][-1:], lines[end_line - 1][end_column : end_column + 1]
        if _is_word(before) and (_is_word(text[:1] or after) or text[:1] in _QUOTES):
            text = f" {text}"
        if before == text[:1] == "{":
            text = f" {text}"
        if _is_word(text[-1:]) and _is_word(after):
            text = f"{text} "
        self._edits.append(Edit(line, column, end_line, end_column, text))

    def _refuse_in_field(self, node: ast.AST, text: str) -> None:
        reason = refuse_in_field(self.facts, node, text)
        if reason:
            self.refuse(reason)


_BEFORE_BLANK = (ast.Import, ast.ImportFrom, ast.Expr)
"""Statements that are separated from a constant by an empty line."""
_COMPOUND = frozenset({"async", "class", "def", "for", "if", "match", "try", "while", "with", "@"})


_QUOTES = ("'", '"')


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_in_parentheses(text: str) -> bool:
    """Return whether the source of a tuple has parentheses around all of it."""
    try:
        ast.parse(f"[{text[1:-1]}]", mode="eval")
    except SyntaxError:
        return False
    return text.startswith("(")
