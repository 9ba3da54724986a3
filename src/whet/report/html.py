"""The report as one self-contained HTML file that makes no network requests.

Text from the program is untrusted. So everything is escaped by the template
engine after invisible characters were made visible, except our own style and
script and the highlighter's output, and the page's policy allows only that one
style and that one script, by their hashes. Scripts only enhance what can be read
without them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

from whet.report.highlight import highlight_lines
from whet.report.packing import pack
from whet.report.sanitize import LONGEST_LINE, cut_line, shorten, show, show_source
from whet.report.suggestions import MOST_CARDS
from whet.report.view import ReportView
from whet.report.whole_files import pack_files

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = "whet_templates"
SECTIONS = (
    "macros",
    "header",
    "summary",
    "growth",
    "job",
    "suggestions",
    "flame",
    "calltree",
    "routes",
    "hotspots",
    "units",
    "memory",
    "others",
    "source",
    "method",
)
STYLES = ("base", "summary", "suggestions", "flame", "calltree", "tables", "memory", "growth", "source", "print")
SCRIPTS = (
    "theme",
    "tables",
    "details",
    "copy",
    "unpack",
    "window",
    "flame/units",
    "flame/load",
    "flame/shape",
    "flame/invert",
    "flame/differ",
    "flame/chart",
    "flame/paint",
    "flame/link",
    "flame/keys",
    "flame/view",
    "flame/panel",
    "flame/start",
)
"""In page order: they share one scope, so that a file sees those before it."""
_OWNERS = {"user": "your code", "dependency": "dependencies", "stdlib": "standard library"}
_FILLS = {"user": "#f3ab5c", "dependency": "#93b9e6", "stdlib": "#ccd6e2"}
"""Drawings also carry their own colours: a CI server's policy may forbid styles."""


class HtmlRenderer:
    """Writes the report as HTML in UTF-8."""

    extension = "html"
    mark = re.compile(rb'<!doctype html>.{0,400}?<meta name="generator" content="whet ', re.DOTALL)

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
        from markupsafe import Markup

        style = _join("css", STYLES)
        script = f'\n(() => {{\n"use strict";\n{_join("js", SCRIPTS)}}})();\n'
        page = _make_environment().get_template("report.html.j2")
        text = page.render(
            view=view,
            most_cards=MOST_CARDS,
            policy=_make_policy(style, script),
            style=Markup(style),  # noqa: S704 - ours
            script=Markup(script),  # noqa: S704 - ours
            flame_data=pack(dict(view.flame)) if view.flame else "",
            files=pack_files(view.listings),
            code={
                listing.anchor: highlight_lines(
                    listing.text, {line.number for block in listing.blocks if not block.cold for line in block.lines}
                )
                for listing in view.listings
            },
        )
        sink.write(text.encode("utf-8"))


def load_templates() -> None:
    """Read and compile the templates ahead of time."""
    environment = _make_environment()
    for name in ("report", *(f"sections/{each}" for each in SECTIONS)):
        environment.get_template(f"{name}.html.j2")


@cache
def _make_environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    from whet.report.template_cache import TemplateCache

    environment = Environment(
        loader=FunctionLoader(_read),
        bytecode_cache=TemplateCache(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda fraction: f"{min(max(fraction, 0.0), 1.0) * 100:.4g}%"
    environment.filters["owner_fill"] = lambda owner: _FILLS.get(owner, "#a9aeb7")
    environment.filters["owner_words"] = lambda owner: _OWNERS.get(owner, owner)
    environment.filters["of"] = lambda value, whole: (value or 0) / whole if whole else 0
    environment.filters["cold_code"] = _write_cold
    environment.filters["source"] = _write_source
    environment.tests["whole"] = lambda lines: all(len(line) <= LONGEST_LINE for _, line in lines)
    environment.filters["curve"] = _write_curve
    environment.filters["cut"] = lambda text, longest=240: shorten(show(text), longest)
    return environment


def _finalize(value: Any) -> Any:  # noqa: ANN401 - whatever a template puts out
    """Make invisible characters of every string visible, before it is escaped."""
    return value if hasattr(value, "__html__") else show(str(value))


def _write_cold(block: Any) -> Any:  # noqa: ANN401 - called by the template
    """Return the lines of a cold block as one string, each with its number."""
    from markupsafe import escape

    width = len(str(block.last))
    return escape("\n".join(f"{line.number:>{width}}  {show_source(cut_line(line.text))}" for line in block.lines))


def _write_source(text: str) -> Any:  # noqa: ANN401 - called by the template
    """Return a line of source, tabs kept."""
    from markupsafe import escape

    return escape(show_source(cut_line(text)))


def _write_curve(points: tuple[tuple[float, float], ...]) -> str:
    """Return the points of a curve in a box of 1000 by 1000, its origin at the top left."""
    return " ".join(f"{x * 1000:.0f},{1000 - y * 1000:.0f}" for x, y in points)


def _read(name: str) -> str:
    return files(PACKAGE).joinpath(*name.split("/")).read_text(encoding="utf-8")


def _join(kind: str, names: tuple[str, ...]) -> str:
    return "\n" + "".join(_read(f"{kind}/{name}.{kind}") for name in names)


def _make_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
