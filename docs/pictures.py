"""Draws the pictures of docs/architecture.md from the text below: `python docs/pictures.py` writes docs/images/*.svg.

A line `box NAME X Y WIDTH KIND | text | text …` draws a box at a place of the grid, its first text in bold and texts in
backquotes as code. `arrow FROM TO SIDE | label` joins two boxes: `right`, `down`, or `wrap` from the end of a row to
the start of the next. `note X Y | text` writes text alone. A test compares the files with what this script draws.
"""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
COLUMN, ROW, BOX_HEIGHT, MARGIN = 160, 104, 62, 20
COLORS = {"stage": "#dbeafe", "join": "#fde9c8", "base": "#eceff3", "inside": "#fbdfe0", "end": "#d9f2df"}
SANS = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
MONO = "font-family='ui-monospace, SFMono-Regular, Menlo, Consolas, monospace'"

PICTURES = {
    "stages.svg": """
        title The stages of whet: imports go down, data goes from left to right
        size 6 5.1
        note 0 0.08 | Imports go down. Data goes from left to right.
        box cli 0 0.25 6 join | cli | one file per command: parses, calls the pipeline, prints
        box pipeline 0 1.15 6 join | pipeline | the only place that knows the order of the stages
        box collect 0 2.2 1 stage | collect | starts profilers | `collect/execute.py`
        box merge 1 2.2 1 stage | merge | cost per line | `merge/hotspots.py`
        box engine 2 2.2 1 stage | engine | runs the rules | `engine/run.py`
        box advise 3 2.2 1 stage | advise | findings + cost | `advise/join.py`
        box prove 4 2.2 1 stage | prove | with and without | `prove/session.py`
        box report 5 2.2 1 stage | report | shows all of it | `report/view.py`
        arrow cli pipeline down
        arrow pipeline collect drop
        arrow pipeline merge drop
        arrow pipeline engine drop
        arrow pipeline advise drop
        arrow pipeline prove drop
        arrow pipeline report drop
        arrow collect merge right
        arrow merge engine right
        arrow engine advise right
        arrow advise prove right
        arrow prove report right
        box program 0 3.2 1.5 base | program | names, finds and starts it
        box formats 1.5 3.2 1.5 base | formats | reads captures
        box fix 3 3.2 1.5 base | fix | applies edits, writes files
        box store 4.5 3.2 1.5 base | store, config, plugins | runs, settings, names
        box model 0 4.1 4.5 base | model, errors | what the stages exchange: frozen, no I/O
        box inside 4.5 4.1 1.5 inside | inprocess | in the program's Python
    """,
    "one-sample-one-rewrite.svg": """
        title The way of one sample from the capture to the table cell, and of one rewrite from the rule to the file
        size 6 4.75
        note 0 0.08 | One sample: from py-spy's capture to a cell of the report
        box record 0 0.25 1.5 end | 1  record, as text | `work (app.py:4) 155` | `formats/pyspy_raw.py`
        box read 1.5 0.25 1.5 stage | 2  as read | `Samples.value` | `model/profile.py`
        box fixed 3 0.25 1.5 stage | 3  corrected | `Samples.value` | `pipeline/run/correct.py`
        box aligned 4.5 0.25 1.5 stage | 4  aligned | `Samples.value` | `merge/align.py`
        box totals 0 1.25 1.5 stage | 5  attributed | `CostTotals.attributed_ns` | `merge/attribute.py`
        box cost 1.5 1.25 1.5 stage | 6  with its share | `Cost.attributed_ns` | `merge/hotspots.py`
        box figure 3 1.25 1.5 stage | 7  formatted | `.attributed_seconds` | `report/costs.py`
        box cell 4.5 1.25 1.5 end | 8  table cell | `1.29 s` | `sections/hotspots.html.j2`
        arrow record read right
        arrow read fixed right
        arrow fixed aligned right
        arrow aligned totals wrap
        arrow totals cost right
        arrow cost figure right
        arrow figure cell right
        note 0 2.38 | One rewrite: from the rule to the user's file
        box detect 0 2.55 1.5 end | 1  found by a rule | `Finding.edits` | `engine/run.py`
        box advice 1.5 2.55 1.5 stage | 2  joined to its cost | `Advice.finding` | `advise/join.py`
        box rewrite 3 2.55 1.5 join | 3  chosen to be tried | `Rewrite.edits` | `pipeline/prove/prove.py`
        box unit 4.5 2.55 1.5 stage | 4  judged together | `Unit.rewrites` | `prove/rewrites.py`
        box overlay 0 3.55 1.5 inside | 5  imported, not written | `Overlay.prepare()` | `prove/overlay.py`
        box played 1.5 3.55 1.5 stage | 6  run in pairs | `play()` | `prove/rounds.py`
        box trial 3 3.55 1.5 stage | 7  verdict | `Trial.verdict` | `prove/session.py`
        box written 4.5 3.55 1.5 end | 8  written | `write_changes()` | `fix/journal.py`
        arrow detect advice right
        arrow advice rewrite right
        arrow rewrite unit right
        arrow unit overlay wrap
        arrow overlay played right
        arrow played trial right
        arrow trial written right
    """,
}


def draw(text: str) -> str:
    """Return the picture that ``text`` describes, as SVG on a background of its own, so that any page may show it."""
    title, shapes, boxes = "", [], {}
    width = height = 0
    for line in textwrap.dedent(text).strip().splitlines():
        head, *texts = (part.strip() for part in line.split("|"))
        kind, *words = head.split()
        if kind == "title":
            title = " ".join(words)
        elif kind == "size":
            width, height = round(float(words[0]) * COLUMN) + 2 * MARGIN, round(float(words[1]) * ROW)
        elif kind == "note":
            x, y = float(words[0]) * COLUMN + MARGIN, float(words[1]) * ROW + MARGIN
            shapes.append(_write(x, y, texts[0], weight=600, anchor="start"))
        elif kind == "box":
            name, color = words[0], words[4]
            x, y, wide = (float(word) for word in words[1:4])
            boxes[name] = box = (x * COLUMN + MARGIN + 9, y * ROW + MARGIN, wide * COLUMN - 18, BOX_HEIGHT)
            shapes.append(_draw_box(box, COLORS[color], texts))
        else:
            shapes.append(_draw_arrow(boxes[words[0]], boxes[words[1]], words[2]))
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
            '<path d="M0 0L9 4L0 8z" fill="#475569"/></marker></defs>',
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="#fff" stroke="#94a3b8"/>',
            *shapes,
            "</svg>\n",
        )
    )


def _write(x: float, y: float, text: str, *, weight: int = 400, anchor: str = "middle") -> str:
    code = text.startswith("`")
    font, size = (MONO, 11.5) if code else (SANS, 14 if weight > 400 else 12.5)
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" {font} font-size="{size:g}" font-weight="{weight}" '
        f'fill="#0f172a">{escape(text.strip("`"))}</text>'
    ).replace("'", '"')


def _draw_box(box: tuple[float, float, float, float], color: str, texts: list[str]) -> str:
    x, y, width, height = box
    first = y + height / 2 + 5 - 17 * (len(texts) - 1) / 2
    lines = [
        _write(x + width / 2, first + 17 * number, text, weight=400 if number else 600)
        for number, text in enumerate(texts)
    ]
    shape = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="{color}" stroke="#64748b"/>'
    return "\n".join((shape, *lines))


def _draw_arrow(start: tuple[float, float, float, float], end: tuple[float, float, float, float], side: str) -> str:
    x, y, width, height = start
    to_x, to_y, to_width, _ = end
    if side == "right":
        path = f"M{x + width:g} {y + height / 2:g}H{to_x:g}"
    elif side == "wrap":
        between = (y + height + to_y) / 2
        path = f"M{x + width / 2:g} {y + height:g}V{between:g}H{to_x + to_width / 2:g}V{to_y:g}"
    else:
        middle = x + width / 2 if side == "down" else to_x + to_width / 2
        path = f"M{middle:g} {y + height:g}V{to_y:g}"
    return f'<path d="{path}" fill="none" stroke="#475569" stroke-width="1.6" marker-end="url(#tip)"/>'


def main() -> None:
    """Write all pictures."""
    for name, text in PICTURES.items():
        (IMAGES / name).write_text(draw(text), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
