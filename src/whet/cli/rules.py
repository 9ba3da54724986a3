"""``whet rules``: the catalogue, and the page of one rule."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whet.errors import UsageError

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule


def rules_command(
    slug: Annotated[str | None, typer.Argument(help="The rule whose page to show; without it, all rules.")] = None,
) -> None:
    """List the rules, or show the page of one."""
    from whet.engine.loading import load_rules
    from whet.store import find_home

    rules = load_rules(find_home(Path.cwd()).parent)
    if slug is None:
        _print_catalogue(rules)
    else:
        _print_page(_find_rule(rules, slug))


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
    rows = [(rule.slug, rule.family, rule.safety.value, rule.speed.value, rule.title) for rule in ordered]
    header = ("rule", "family", "safety", "speed", "finds")
    if sys.stdout.isatty():
        _print_table(header, rows)
        return
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    for row in (header, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        _say("  ".join((*cells, row[-1])).rstrip())


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _print_page(module: RuleModule) -> None:
    rule = module.rule
    asks = ", ".join(sorted(ask.value for ask in rule.asks)) or "nothing"
    facts = (
        f"family {rule.family} · {rule.safety.value} · speed {rule.speed.value} · Python {rule.pythons} · "
        f"asks at run time for: {asks}"
    )
    if not sys.stdout.isatty():
        _say(f"# {rule.slug}: {rule.title}\n\n{facts}\n\n{module.page}")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(f"{rule.slug}: {rule.title}", style="bold", markup=False, highlight=False)
    console.print(facts, style="dim", markup=False, highlight=False)
    console.print(Markdown(module.page))


def _say(text: str) -> None:
    """Print ``text``; what a pipe's encoding lacks (``∞`` in cp1252) is shown as a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))
