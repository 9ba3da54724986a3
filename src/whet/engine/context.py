"""The argument of a rule's ``detect``: one function of one file, and all queries about it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar, cast

from whet.engine.effects import Effects
from whet.engine.facts import Facts
from whet.engine.handlers import falls_back, may_catch, tells_apart
from whet.engine.loops import hides_half_made, keeps_its_variables, reads_nothing_of
from whet.engine.ownership import makes_new
from whet.engine.places import Place, Use, find_place, may_be_none, use_of
from whet.engine.rewrite import Rewrite
from whet.engine.rule import Rule
from whet.engine.scopes import Scope, ScopeKind
from whet.engine.types import Typing
from whet.model.finding import Ask, Finding, Frees, Question, Safety, Speed
from whet.records import dataclass

if TYPE_CHECKING:
    import libcst

Node = TypeVar("Node", bound=ast.AST)

_SHORT_LOOP = 8
"""Iterations of a loop over a literal below which it is not reported."""
_REACHING = frozenset({"locals", "vars", "exec", "eval", "dir"})
"""Builtins that use the names of their caller."""


@dataclass(frozen=True, slots=True)
class Context:
    """The argument of ``detect``: one function (or module or class body) of one file.

    ``measured`` says that the function was hot in a run: then it counts as called many times.
    """

    rule: Rule
    file: str
    facts: Facts
    function: Scope
    measured: bool = False
    libraries: frozenset[str] | None = None
    """The libraries used by rewrites that the program's interpreter has; ``None``: not known."""
    python: tuple[int, int] | None = None
    """The version that the code is for, such as ``(3, 13)``; ``None``: not known."""
    trusting: bool = True
    """Whether annotations and public attributes count as types: see :attr:`exactly`."""

    def has_package(self, name: str) -> bool | None:
        """Return whether the program's interpreter can import ``name`` (``numpy``); ``None`` if that is not known.

        Modules that the file imports itself count as present. Probed are msgspec, numba, numpy, orjson and pandas.
        """
        if name in self.facts.imports:
            return True
        return None if self.libraries is None else name in self.libraries

    @property
    def text(self) -> str:
        """The source of the whole file."""
        return self.facts.source.text

    @property
    def tree(self) -> ast.Module:
        """The tree of the whole file."""
        return self.facts.tree

    def nodes(self, kind: type[Node]) -> Iterator[Node]:
        """Return the nodes of one type in the function, in source order, without those of nested functions."""
        return iter(cast("list[Node]", self.function.nodes.get(kind, ())))

    def resolve(self, node: ast.expr) -> str | None:
        """Return what ``node`` refers to, such as ``builtins.list``, ``re.compile``; ``None`` if not certain.

        A rule that only advises gets what is likely.
        """
        return self.likely(node) if self.rule.safety is Safety.ADVICE else self.facts.resolve(node)

    def likely(self, node: ast.expr) -> str | None:
        """Return what ``node`` refers to unless a star import hides it, which is enough for advice."""
        origins = self.facts.origins(node)
        return next(iter(origins)) if len(origins) == 1 else None

    def origins(self, node: ast.expr) -> frozenset[str]:
        """Return what ``node`` may refer to, for advice: also each of several places that it is imported from."""
        return self.facts.origins(node)

    def is_misused(self, node: ast.expr) -> bool:
        """Return whether ``node`` is called, or subscripted with what is no index: of a display, the compiler warns."""
        match self.facts.parent(node):
            case ast.Call(func=used):
                return used is node
            case ast.Subscript(value=used, slice=index) if used is node:
                made = self.resolve(node.func) if isinstance(node, ast.Call) else None
                odd = isinstance(index, ast.Constant) and type(index.value) is not int
                return made == "builtins.set" or (odd and made != "builtins.dict")
            case _:
                return False

    def has_builtin(self, *names: str) -> bool:
        """Return whether builtins of these names can be used in any function of the file: none is shadowed."""
        in_class = self.function.kind is ScopeKind.CLASS and any(name in self.function.bindings for name in names)
        return not in_class and self.facts.has_builtins(names)

    def place(self, node: ast.expr) -> Place | None:
        """Return the local, global or attribute of ``self`` that ``node`` refers to."""
        return find_place(self.facts, node, self.function)

    def scope_of(self, node: ast.expr) -> Scope:
        """Return the scope with a code object of its own that evaluates a name or an attribute of one."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return self.facts.scope_of(node).owner if isinstance(node, ast.Name) else self.function

    def previous(self, node: ast.stmt) -> ast.stmt | None:
        """Return the statement just before ``node`` in its block."""
        return self.facts.next_statement(node, -1)

    @staticmethod
    def names_in(node: ast.AST) -> frozenset[str]:
        """Return the names that occur in ``node``."""
        return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))

    @staticmethod
    def lines_of(*nodes: ast.expr | ast.stmt) -> tuple[int, ...]:
        """Return the lines of ``nodes``, in order."""
        return tuple(sorted({line for n in nodes for line in range(n.lineno, (n.end_lineno or n.lineno) + 1)}))

    def whole_if(self, node: ast.stmt) -> ast.stmt:
        """Return the statement that code can be inserted before: for an ``elif`` branch the whole ``if``."""
        while isinstance(above := self.facts.parent(node), ast.If) and any(node is other for other in above.orelse):
            node = above
        return node

    def may_be_none(self, place: Place) -> bool:
        """Return whether a parameter, or an attribute set from one, may be None according to the source."""
        return may_be_none(self.facts, place)

    def find_possible_none(self, node: ast.expr) -> str:
        """Return the first name or attribute in ``node`` that :meth:`may_be_none`; an empty text if there is none."""
        for part in ast.walk(node):
            place = self.place(part) if isinstance(part, ast.Name | ast.Attribute) else None
            if place is not None and self.may_be_none(place):
                return place.name
        return ""

    def use(self, reference: ast.expr) -> Use:
        """Return how ``reference`` uses the value of its place."""
        return use_of(self.facts, reference)

    def loops(self, node: ast.AST) -> tuple[ast.AST, ...]:
        """Return the function's loops that repeat ``node``, innermost first, without those that are visibly short."""
        return tuple(loop for loop in self.facts.loops(node) if not self._is_short(loop))

    def loops_over(self, node: ast.AST, place: Place, steps: Iterable[ast.AST] = ()) -> tuple[ast.AST, ...]:
        """Return the loops that repeat ``node`` on one value of ``place``, innermost first: none that rebinds it.

        Growing the value does not rebind it: ``+=``, and the statements ``steps``.
        """
        key = "started in", place.name, place.kind, place.owner
        if key not in self.facts.memo:
            starts = frozenset(place.starts)
            self.facts.memo[key] = starts, Counter(loop for start in starts for loop in self.loops(start))
        starts, anew = cast("tuple[frozenset[ast.AST], Counter[ast.AST]]", self.facts.memo[key])
        grown = Counter(loop for step in starts.intersection(steps) for loop in self.loops(step))
        return tuple(loop for loop in self.loops(node) if anew[loop] <= grown[loop])

    def outlives_calls(self, place: Place, steps: Iterable[ast.AST] = ()) -> bool:
        """Return whether a hot function sees the same value in its next call: it does not bind the place itself."""
        nodes = self.function.nodes
        here = (any(start is node for node in nodes.get(type(start), ())) for start in self._starts(place, steps))
        return self.measured and self.function.kind is not ScopeKind.MODULE and not any(here)

    def _starts(self, place: Place, steps: Iterable[ast.AST]) -> list[ast.AST]:
        known = set(map(id, steps))
        return [node for node in place.starts if id(node) not in known]

    @property
    def typing(self) -> Typing:
        """The types that the source of the file shows."""
        key = "typing", self.trusting
        known = self.facts.memo.get(key)
        if not isinstance(known, Typing):
            known = self.facts.memo[key] = Typing(self.facts, trusting=self.trusting)
        return known

    @property
    def exactly(self) -> Context:
        """The same function, with exact types only: what a rewrite must rest on to be safe.

        An annotation allows subclasses, which may override any method, and others may set a global or an attribute.
        """
        return self if not self.trusting else replace(self, trusting=False)

    def type_of(self, node: ast.expr) -> frozenset[str]:
        """Return the types that ``node`` can have (``{"builtins.list"}``); empty: the source does not show it."""
        return self.typing.type_of(node)

    def ask_exact(self, node: ast.expr, types: Iterable[str]) -> tuple[Safety, tuple[Question, ...]]:
        """Return how far a rewrite may rest on ``node`` being of ``types``, and the questions that it then asks.

        It is safe if the source shows the exact type. An annotation, or no source at all, leaves subclasses: values
        seen can exclude them.
        """
        wanted, shown = frozenset(types), self.exactly.type_of(node)
        if shown and shown <= wanted:
            return Safety.SAFE, ()
        place, expects = self.place(node), tuple(sorted(wanted))
        if place is None or not self.type_of(node):
            return Safety.OFFER, () if place is None else (self.ask(place, Ask.TYPES, expects=expects),)
        return Safety.OBSERVED, (self.ask(place, Ask.TYPES, expects=expects),)

    def seen_as(self, name: str) -> tuple[str, ...]:
        """Return the type names under which values of a class of this file may be seen: ``__main__.Bag``, ``m.Bag``."""
        parts = PurePath(self.file).with_suffix("").parts
        modules = (".".join(parts[start:]) for start in range(len(parts)))
        return (f"__main__.{name}", *(f"{module.removesuffix('.__init__')}.{name}" for module in modules))

    def makes_new(self, node: ast.expr) -> str:
        """Return the type of a new container that ``node`` creates, without other references; else empty."""
        return makes_new(self.facts, self.typing, node)

    def element_of(self, node: ast.expr) -> frozenset[str]:
        """Return the types of the elements of ``node``; empty: the source does not show it."""
        return self.typing.element_of(node)

    @property
    def effects(self) -> Effects:
        """What evaluating the function's expressions can do."""
        return Effects(self.facts, self.typing, self.function)

    def is_pure(self, node: ast.expr, *, exact: bool = False) -> bool:
        """Return whether evaluating ``node`` twice, or not at all, only affects time and exceptions.

        Operators and attributes are trusted to have no effect; ``exact`` requires operands of builtin types instead.
        """
        return self.effects.is_pure(node, exact=exact)

    def is_invariant(self, node: ast.expr, loop: ast.AST) -> bool:
        """Return whether ``node`` is pure and has the same value in each iteration of ``loop``."""
        return self.effects.is_invariant(node, loop)

    def keeps_elements(self, node: ast.Name | ast.Attribute, loop: ast.AST) -> bool:
        """Return whether ``node`` is one container with the same elements throughout ``loop``: they may change."""
        return self.effects.keeps_elements(node, loop)

    def is_only_name(self, place: Place) -> bool:
        """Return whether a local's containers have no other name: created for it, and at most returned."""
        return self.effects.is_only_name(place)

    def may_raise_stop(self, node: ast.AST) -> bool:
        """Return whether evaluating ``node`` may raise StopIteration: it runs unknown code, or reads an attribute."""
        return self.effects.may_raise_stop(node)

    def written_in(self, node: ast.AST) -> frozenset[str]:
        """Return the names and attributes that code in ``node`` binds, by their text: ``x``, ``self.total``."""
        return self.effects.written_in(node)

    def runs_unknown_code(self, node: ast.AST) -> bool:
        """Return whether something in ``node`` may run any code: unknown calls, ``await``, ``yield``."""
        return self.effects.runs_unknown_code(node)

    def escapes(self, place: Place, within: ast.AST | None = None) -> bool:
        """Return whether the value of ``place`` is passed to code that may keep or change it."""
        return self.effects.escapes(place, within)

    def is_inside(self, node: ast.AST, outer: ast.AST) -> bool:
        """Return whether ``node`` is part of ``outer``, or is it."""
        return self.facts.is_inside(node, outer)

    def keeps_its_variables(self, loop: ast.For) -> bool:
        """Return whether the loop variables are used only in the loop itself."""
        return keeps_its_variables(self.facts, self.function, loop)

    def hides_half_made(self, name: ast.Name, loop: ast.For) -> bool:
        """Return whether partial results of the loop stay invisible: a local, and exceptions leave the function."""
        whole = self.function.kind is ScopeKind.FUNCTION and not self.is_dynamic
        return whole and hides_half_made(self.facts, self.place(name), loop)

    def is_guarded(self, loop: ast.AST) -> bool:
        """Return whether the function may catch an exception of the loop, so that a partial result is visible."""
        above = self.facts.parent(loop)
        while above is not None and above is not self.function.node:
            if may_catch(self.facts, above):
                return True
            above = self.facts.parent(above)
        return False

    def tells_apart(self, node: ast.AST, *raised: type[BaseException]) -> bool:
        """Return whether the function may catch one of the exceptions ``raised`` by ``node`` and not the others."""
        return tells_apart(self.facts, node, self.function.node, *raised)

    def falls_back(self, node: ast.AST, raised: type[BaseException]) -> bool:
        """Return whether ``node`` is in a ``try`` statement that names ``raised``: it is expected, or has happened."""
        return falls_back(self.facts, node, self.function.node, raised)

    def is_apart(self, target: ast.expr, loop: ast.For) -> bool:
        """Return whether iterating over the loop's source neither reads ``target`` nor runs code that could."""
        return not self.runs_unknown_code(loop.iter) and reads_nothing_of(target, loop, self.type_of(loop.iter))

    def is_fixed(self, *nodes: ast.expr) -> bool:
        """Return whether the values that :meth:`constant` returns cannot change: tests and callers patch globals."""
        return not any(isinstance(part, ast.Name) for node in nodes for part in ast.walk(node))

    def constant(self, node: ast.expr) -> str | bytes | int | None:  # noqa: PLR0911 - one return a kind of node
        """Return the value that the source shows for ``node``: literals, their sums, module constants bound once."""
        match node:
            case ast.Constant(value=str() | bytes() | int() as value):
                return value
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                match self.constant(left), self.constant(right):
                    case (str() as a, str() as b):
                        return a + b
                    case (bytes() as c, bytes() as d):
                        return c + d
                return None
            case ast.Name():
                owner, binding = self.facts.lookup(node), self.facts.only_binding(node)
                hidden = owner is not self.facts.module or self.facts.module.star_import
                if binding is None or hidden or not isinstance(binding.value, ast.Constant):
                    return None
                return None if self.facts.loops(binding.node) else self.constant(binding.value)
            case _:
                return None

    @property
    def is_dynamic(self) -> bool:
        """Whether the function uses its names via ``locals``, ``dir()``, ``exec`` or similar, unseen by the facts."""
        if self.facts.words.isdisjoint(_REACHING):
            return False
        key = "dynamic", self.function
        if key not in self.facts.memo:
            named: list[ast.expr] = [node for node in self.nodes(ast.Name) if node.id in _REACHING]
            named += [node for node in self.nodes(ast.Attribute) if node.attr in _REACHING]
            self.facts.memo[key] = any(map(self._reaches_names, named))
        return bool(self.facts.memo[key])

    def _reaches_names(self, node: ast.expr) -> bool:
        """Return whether ``node``, by its name one of these builtins, is it: called here or given another name."""
        builtin = isinstance(node, ast.Name) and self.facts.lookup(node) is None
        if not builtin and not (self.resolve(node) or "").startswith("builtins."):
            return False
        above = self.facts.parent(node)
        listing = isinstance(above, ast.Call) and above.func is node and bool(above.args)
        return not (listing and "dir" in (getattr(node, "id", ""), getattr(node, "attr", "")))

    def rewrite(self) -> Rewrite:
        """Return a rewrite without edits yet: add them to it, and pass it to :meth:`finding`."""
        return Rewrite(self.facts, self.function)

    def source_of(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of ``node``, its lines joined by line feeds."""
        return self.facts.source.segment(node)

    def cst(self, node: ast.stmt) -> libcst.BaseStatement:
        """Return the concrete syntax of a statement, comments included; imports libcst. ``ValueError``: not parsed."""
        from whet.engine.cst import parse_statement

        return parse_statement(self.facts, node)

    def ask(
        self,
        subject: Place | str,
        ask: Ask,
        *,
        expects: tuple[str, ...] = (),
        excludes: tuple[str, ...] = (),
        at_least: int = 0,
        needed: bool = False,
    ) -> Question:
        """Return a question about a place, or about a local by its name, as the function sees it."""
        name = subject if isinstance(subject, str) else subject.name
        here = self.function
        return Question(name, ask, here.line, self.file, here.qualified_name, expects, excludes, at_least, needed)

    def ask_arguments(self, *, most: float, at_least: int) -> Question:
        """Return the question how many calls of the function had different arguments.

        The finding needs ``at_least`` so many calls that were seen, of which at most this part (0 to 1) may differ.
        """
        here = self.function
        return Question(
            "(arguments)", Ask.DISTINCT, here.line, self.file, here.qualified_name, (), (), at_least, True, most=most
        )

    def ask_lines(
        self,
        ask: Ask,
        lines: Iterable[int],
        *,
        of: Iterable[int] = (),
        least: float = 0.0,
        most: float | None = None,
        needed: bool = False,
    ) -> Question:
        """Return a question about lines of the file: how often they ran per run of ``of``, or their cost.

        ``Ask.RUNS`` is answered if lines were counted (``--lines``); a line with ``def`` stands for the calls.
        ``Ask.SHARE`` without ``of`` is the share of the run. The finding is dropped if that is less than ``least``,
        or more than ``most``.
        """
        here = self.function
        return Question(
            "",
            ask,
            here.line,
            self.file,
            here.qualified_name,
            needed=needed,
            lines=tuple(lines),
            of=tuple(of),
            least=least,
            most=most,
        )

    def ask_cost(self, *nodes: ast.expr | ast.stmt) -> Question:
        """Return the question for the share of ``nodes`` in the run: for findings that only a measurement supports."""
        return self.ask_lines(Ask.SHARE, self.lines_of(*nodes), needed=True)

    def finding(
        self,
        node: ast.expr | ast.stmt,
        message: str,
        *,
        title: str = "",
        lines: tuple[int, ...] = (),
        safety: Safety | None = None,
        speed: Speed | None = None,
        questions: tuple[Question, ...] = (),
        measured_gain: bool = True,
        rewrite: Rewrite | None = None,
        frees: Frees | None = None,
    ) -> Finding:
        """Return a finding at ``node``; ``lines`` are those whose cost it removes, else those of ``node``.

        ``measured_gain``: the rule's figures apply to this form of it. A refused ``rewrite`` makes it advice, and the
        message says why there is no edit. ``frees`` is what it frees of the memory at the peak.
        """
        edits = rewrite.edits if rewrite is not None else ()
        if rewrite is not None and not edits:
            message = f"{message} No edit is made: {rewrite.refusal or 'the rule has none'}."
            safety = Safety.ADVICE
        end = node.end_lineno or node.lineno
        return Finding(
            rule=self.rule.slug,
            file=self.file,
            line=node.lineno,
            end_line=end,
            column=self.facts.source.column(node.lineno, node.col_offset),
            function=self.function.qualified_name,
            function_line=self.function.definition_line,
            title=title or self.rule.title,
            message=message,
            safety=safety or self.rule.safety,
            speed=speed or self.rule.speed,
            lines=lines or tuple(range(node.lineno, end + 1)),
            questions=questions,
            edits=edits,
            snippet=self.facts.source.snippet(node),
            speedups=self.rule.speedups if measured_gain else (),
            frees=frees,
            saves_calls=self.rule.saves_calls,
        )

    def _is_short(self, loop: ast.AST) -> bool:
        match loop:
            case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
                pass
            case _:
                return False
        match iterable:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return len(items) < _SHORT_LOOP and not any(isinstance(item, ast.Starred) for item in items)
            case ast.Call(func=function, args=[ast.Constant(value=int() as stop)]):
                return self.resolve(function) == "builtins.range" and stop < _SHORT_LOOP
            case _:
                return False
