"""``whet rules``: list rules, show a rule's page, start a new rule, test and benchmark rules."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.console import print_line, say
from whet.cli.declare import Argument, Option
from whet.cli.options import ProjectRulesOption, tell_untrusted
from whet.engine.suppress import UNUSED, UNUSED_PAGE, UNUSED_TITLE
from whet.errors import StoreError, UsageError

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule
    from whet.pipeline.rules.rulebook import Rulebook


_ROOM_FOR_TITLES = 28
"""Columns of a terminal that are reserved for titles."""


def rules_command(
    slug: Annotated[str | None, Argument("SLUG", "The rule; default: all.")] = None,
    new: Annotated[str | None, Option("--new", metavar="SLUG", help="Write a starter rule into .whet/rules.")] = None,
    check: Annotated[bool, Option("--check", help="Test rules against their own cases.")] = False,
    bench: Annotated[bool, Option("--bench", help="Benchmark the rules' rewrites.")] = False,
    python: Annotated[
        list[str] | None,
        Option("--python", metavar="PATH|VERSION", help="With --bench: on this interpreter; repeatable."),
    ] = None,
    output: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE", help="With --bench: update the table in FILE.")
    ] = None,
    rules: Annotated[
        list[Path] | None, Option("--rules", metavar="DIR", help="A folder with additional rules.")
    ] = None,
    project_rules: ProjectRulesOption = True,
) -> int:
    """List the rules, or show one rule's page.

    A rule's rewrites are `safe`, `observed` (equivalent for the values seen at run time), an `offer` (a minor behaviour
    change, which its message names), or `advice` (no rewrite).

    Exit status: with --check, 1 when a rule fails one of its cases.

    Examples:
        whet rules
        whet rules str-concat
        whet rules --new my-rule
        whet rules --check my-rule
    """
    from whet.pipeline.rules.rulebook import load_rulebook

    if sum((new is not None, check, bench)) > 1:
        raise UsageError("--new, --check and --bench cannot be combined", "give only one of them")
    rulebook = load_rulebook(Path.cwd(), folders=rules or (), project_rules=project_rules)
    if project_rules:
        tell_untrusted(Path.cwd())
    if new is not None:
        _write_new(new, rulebook)
        return 0
    if slug == UNUSED:
        _print_page(UNUSED, UNUSED_TITLE, "family whet · safe", UNUSED_PAGE)
        return 0
    chosen = [_find_rule(rulebook.rules, slug)] if slug is not None else list(rulebook.rules)
    if check:
        return _check(chosen)
    if bench and slug is not None and chosen[0].bench is None:
        raise UsageError(f"the rule {slug} has no BENCH to measure", f"`whet rules --check {slug}` tests its cases")
    if bench:
        _measure(chosen, python or [sys.executable], output)
    elif slug is not None:
        _print_rule(chosen[0])
    else:
        _print_catalogue(chosen)
    return 0


def _write_new(slug: str, rulebook: Rulebook) -> None:
    from whet.pipeline.rules.new_rule import write_new_rule

    path = write_new_rule(slug, rulebook.config.root, frozenset(module.rule.slug for module in rulebook.rules))
    print_line(str(path))
    say(f"whet: test it with `whet rules --check {slug}`")


def _check(modules: Sequence[RuleModule]) -> int:
    """Test rules against their cases; return 1 if one fails. This runs the code of the cases."""
    from whet.engine.check import check_rule

    wrong = 0
    for module in modules:
        try:
            found = check_rule(module)
        except ValueError as error:
            found = (str(error),)
        wrong += bool(found)
        for words in found:
            print_line(f"{module.rule.slug}: {words}")
    holding = len(modules) - wrong
    say(f"whet: {holding} of {len(modules)} rules pass")
    return 1 if wrong else 0


def _measure(modules: Sequence[RuleModule], pythons: Sequence[str], output: Path | None) -> None:
    from whet.pipeline.rules.rule_gains import format_table, measure_gains, put_table
    from whet.program.interpreter import locate_interpreter

    gains = []
    places = [locate_interpreter(name, os.environ, Path.cwd()) for name in pythons]
    for place in places:
        for gain in measure_gains(modules, place):
            factors = ", ".join(f"{factor:g} times at {size:,}" for size, factor in gain.factors.items())
            say(f"whet: {gain.slug} on {gain.python or place}: {factors or f'not measured: {gain.trouble}'}")
            gains.append(gain)
    if output is None:
        print_line(format_table(gains).rstrip())
        return
    try:
        known = output.read_text("utf-8") if output.exists() else ""
        output.write_text(put_table(known, gains), "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{output} cannot be written: {error}", "name another file with -o") from error
    say(f"whet: wrote {output}")


def _find_rule(rules: Sequence[RuleModule], slug: str) -> RuleModule:
    by_slug = {module.rule.slug: module for module in rules}
    wanted = slug.replace("_", "-")
    if wanted in by_slug:
        return by_slug[wanted]
    near = difflib.get_close_matches(wanted, by_slug, n=1)
    hint = f"did you mean {near[0]}?" if near else "`whet rules` lists them"
    raise UsageError(f"there is no rule {slug!r}", hint)


def _print_catalogue(rules: Sequence[RuleModule]) -> None:
    ordered = sorted((module.rule for module in rules), key=lambda rule: (rule.family, rule.slug))
    rows = [
        (
            rule.slug,
            rule.family,
            rule.safety.value,
            rule.speed.value,
            ", ".join(sorted(ask.value for ask in rule.asks)) or "–",
            f"{rule.title} (ruff: {rule.ruff})" if rule.ruff else rule.title,
        )
        for rule in ordered
    ]
    header = ("rule", "family", "safety", "speed", "asks", "finds")
    if sys.stdout.isatty():
        _print_table(header, rows)
        return
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    for row in (header, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print_line("  ".join((*cells, row[-1])).rstrip())


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print what there is room for: names whole, since they are what one writes; the middle columns where they fit."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    shown = [*range(len(widths))]
    while len(shown) > 1 and sum(widths[column] + 1 for column in shown) + _ROOM_FOR_TITLES > console.width:
        shown.pop()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (*shown, len(widths)):
        table.add_column(header[column], no_wrap=column in shown, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[column]) for column in (*shown, len(widths))))
    console.print(table)


def _print_rule(module: RuleModule) -> None:
    rule = module.rule
    asks = ", ".join(sorted(ask.value for ask in rule.asks)) or "nothing"
    facts = (
        f"family {rule.family} · {rule.safety.value} · speed {rule.speed.value} · Python {rule.pythons} · "
        f"asks at run time for: {asks}"
    )
    if rule.ruff:
        facts += f" · ruff finds it too: {rule.ruff}"
    if module.origin != "whet":
        facts += f" · from {module.origin}"
    _print_page(rule.slug, rule.title, facts, module.page)


def _print_page(slug: str, title: str, facts: str, page: str) -> None:
    if not sys.stdout.isatty():
        print_line(f"# {slug}: {title}\n\n{facts}\n\n{page}")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(f"{slug}: {title}", style="bold", markup=False, highlight=False)
    console.print(facts, style="dim", markup=False, highlight=False)
    console.print(Markdown(page))
