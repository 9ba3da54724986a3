"""Write the parts of the documentation that come from the code: commands, settings, rules, JSON.

    python docs/generate.py [--check]

``--check`` writes nothing and exits with status 1 where a file is not what the code says.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from whet.cli.help import format_command
from whet.cli.main import COMMANDS, load_command
from whet.config import SETTINGS
from whet.engine.loading import RuleModule, load_rules
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.json_ import JsonRenderer
from whet.report.view import build_view

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RULES = DOCS / "reference" / "rules"
MARK = "<!-- {}: made from the code by `make reference` -->"
END = "<!-- /{} -->"
OWN = "whet"
"""Where a rule of whet's own comes from."""
LISTS = ("functions", "lines", "advice", "warnings")
"""Keys of the JSON report that are shown with their first entry only."""
COLUMNS = "80"
"""Of the terminal that help is laid out for."""


def list_files() -> dict[Path, str]:
    """Return each file that has parts from the code, with the text that it should have."""
    os.environ["COLUMNS"] = COLUMNS
    rules = sorted((module for module in load_rules() if module.origin == OWN), key=lambda module: module.rule.slug)
    families = sorted({module.rule.family for module in rules})
    made = {
        ROOT / "README.md": {"commands": table_of_commands()},
        DOCS / "reference" / "commands.md": {"commands": "\n".join(describe_commands())},
        DOCS / "configuration.md": {"settings": table_of_settings()},
        DOCS / "json.md": {"example": show_json()},
        DOCS / "reference" / "rules.md": {"rules": "\n".join(list_rules(rules, families))},
    }
    files = {path: replace_parts(path.read_text(encoding="utf-8"), parts) for path, parts in made.items()}
    for family in families:
        members = [module for module in rules if module.rule.family == family]
        files[RULES / f"{family}.md"] = "\n".join(describe_family(family, members))
    return files


def replace_parts(text: str, parts: dict[str, str]) -> str:
    """Return ``text`` with each part between its marks replaced. Raises ``ValueError`` where a mark is missing."""
    for name, made in parts.items():
        begin, end = MARK.format(name), END.format(name)
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"there is no place for {name}: {begin} ... {end}")
        text = f"{before}{begin}\n\n{made.strip()}\n\n{end}{after}"
    return text


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_of_commands() -> str:
    """Return the commands, each with what it is for."""
    rows = [(f"[`whet {name}`](docs/reference/commands.md#whet-{name})", text) for name, text in COMMANDS.items()]
    return format_table(("command", "what it does"), rows)


def describe_commands() -> Iterator[str]:
    """Yield the lines of the commands' reference: what ``--help`` prints."""
    for name in COMMANDS:
        yield from (f"## whet {name}", "", "```text", format_command(load_command(name)), "```", "")


def table_of_settings() -> str:
    """Return the keys of ``[tool.whet]``."""
    rows = [
        (f"`{key}`", setting.default, setting.help, setting.check, setting.run)
        for key, setting in sorted(SETTINGS.items())
    ]
    return format_table(("key", "default", "what it sets", "`check`", "`run`, `attach`"), rows)


def show_json() -> str:
    """Return a report as JSON, of a run that was made up, with one entry in each list."""
    written = BytesIO()
    JsonRenderer().render(build_view(make_run(), make_hotspots(), make_advice()), written)
    report = json.loads(written.getvalue())
    shortened = {key: value[:1] if key in LISTS else value for key, value in report.items()}
    return f"```json\n{json.dumps(shortened, indent=2)}\n```"


def list_rules(rules: Sequence[RuleModule], families: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the catalogue."""
    yield f"{len(rules)} rules in {len(families)} families."
    for family in families:
        yield from ("", f"## {family}", "")
        rows = [
            (
                f"[`{module.rule.slug}`](rules/{family}.md#{module.rule.slug})",
                module.rule.title,
                module.rule.safety.value,
                module.rule.speed.value,
                f"`{module.rule.ruff}`" if module.rule.ruff else "",
            )
            for module in rules
            if module.rule.family == family
        ]
        yield format_table(("rule", "what it finds", "safety", "speed", "ruff"), rows)


def describe_family(family: str, rules: Sequence[RuleModule]) -> Iterator[str]:
    """Yield the lines of a family's page: each rule with its own page and its first example."""
    yield from (f"# Rules: {family}", "", MARK.format("rules"), "")
    for module in rules:
        rule = module.rule
        asks = ", ".join(sorted(ask.value for ask in rule.asks)) or "nothing"
        facts = [f"**{rule.safety.value}**", f"speed {rule.speed.value}", f"Python {rule.pythons}"]
        facts.append(f"asks at run time for: {asks}")
        if rule.ruff:
            facts.append(f"ruff: `{rule.ruff}`")
        yield from (f"## {rule.slug}", "", f"{rule.title}.", "", " · ".join(facts), "")
        yield from (re.sub(r"^## (.+)$", r"**\1**\n", module.page, flags=re.MULTILINE), "")
        yield from describe_example(module)


def describe_example(module: RuleModule) -> Iterator[str]:
    """Yield the difference that a rule's first example makes."""
    for case in module.cases[:1]:
        before, after = case.before.strip("\n").splitlines(), case.after.strip("\n").splitlines()
        lines = list(difflib.unified_diff(before, after, lineterm="", n=50))[3:]
        if lines:
            yield from ("**Example**", "", "```diff", *(line.rstrip() for line in lines), "```", "")


def main() -> int:
    """Write the files, or say which are out of date."""
    stale = 0
    for path, text in list_files().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        shown = path.relative_to(ROOT)
        if "--check" in sys.argv[1:]:
            print(f"{shown} is not what the code says; `make reference` writes it")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {shown}")
    for path in sorted(RULES.glob("*.md")):
        if path not in list_files():
            print(f"{path.relative_to(ROOT)} is of no family of rules: delete it")
            stale += 1
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
