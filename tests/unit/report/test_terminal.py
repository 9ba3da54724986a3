from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from whet.model.run import Interpreter
from whet.report.fakes import make_advice, make_flames, make_hotspots, make_run
from whet.report.markdown import MarkdownRenderer
from whet.report.terminal import MOST_LINES, TerminalRenderer, print_summary
from whet.report.view import build_view

HOSTILE = "\x1b[31m<script>[bold red]\u202e\udcff]]>"


def view(hostile="", copies=1):
    hotspots = make_hotspots(hostile)
    hotspots = replace(hotspots, functions=hotspots.functions * copies)
    return build_view(make_run(hostile), hotspots, make_advice(hostile) * copies, make_flames(hostile))


@pytest.mark.parametrize("width", [20, 40, 80, 100, 200])
@pytest.mark.parametrize("hostile", ["", HOSTILE, "x" * 5_000, "[/]" * 200, "変" * 300])
def test_it_fits_whatever_the_names_are(width, hostile):
    text = TerminalRenderer(width, report_path="/a/long/path/" + "r" * 200 + ".html").format(view(hostile, 20))
    lines = text.splitlines()
    assert len(lines) <= MOST_LINES
    from rich.cells import cell_len

    assert max(map(cell_len, lines)) <= width
    assert not any(line.endswith("…") for line in lines)
    assert "spends 41 %" in " ".join(text.split())


def test_it_says_what_matters_and_ends_with_what_was_not_measured():
    lines = TerminalRenderer(120, report_path="whet-report.html").format(view()).splitlines()
    assert lines[0] == "orders.py spends 41 % ±3 of 3.06 s CPU in Ledger.seen (shop/ledger.py:21)"
    assert lines[-1] == "Not measured: memory (--memory)"
    assert "Report: whet-report.html" in lines
    assert any(line.startswith("Next: whet run --memory orders.py") for line in lines)
    assert any("memray" in line and "whet doctor --install" in line for line in lines)
    assert any("always list, about 2,000 long, of int" in line for line in lines)


@pytest.mark.parametrize("width", [80, 100])
def test_the_place_of_a_routes_hottest_line_is_whole_and_its_code_is_cut(width):
    shown = view()
    row = shown.routes.rows[0]
    line = replace(row.lines[0], code="total = sum(number * number % 7 for number in range(limit))")
    shown = replace(shown, routes=replace(shown.routes, rows=(replace(row, lines=(line,)),)))
    text = TerminalRenderer(width).format(shown)
    assert f"of it at {line.place}" in text, text


def test_of_a_script_without_functions_the_hottest_lines_are_shown():
    hotspots = make_hotspots()
    lines = [replace(each, function="<module>", function_line=1) for each in hotspots.lines if "ledger" in each.file]
    whole = replace(hotspots.functions[0], name="<module>", line=1, end_line=50)
    shown = build_view(make_run(), replace(hotspots, functions=(whole,), lines=tuple(lines)), (), make_flames())
    text = TerminalRenderer(120).format(shown).splitlines()
    assert [line.split(",")[0].split()[-1] for line in text if line.strip().startswith("line ")] == ["23", "30", "34"]


def test_interpreter_is_named_where_it_may_not_be_the_one_that_is_meant():
    python = Interpreter("/opt/v/bin/python\x1b", "3.13.0", why="the environment that whet is installed in")
    for obvious in (True, False):
        run = replace(make_run(), interpreter=replace(python, obvious=obvious))
        shown = build_view(run, make_hotspots(), (), make_flames())
        words = "/opt/v/bin/python\\x1b (the environment that whet is installed in)"
        assert (f"Interpreter: {words}" in TerminalRenderer(120).format(shown).splitlines()) is not obvious
        markdown = io.BytesIO()
        MarkdownRenderer().render(shown, markdown)
        assert (b"Interpreter: " in markdown.getvalue()) is not obvious
        assert shown.provenance.python_why == "the environment that whet is installed in"


def test_optional_columns_go_on_narrow_terminals():
    def head(width):
        return next(line.split() for line in TerminalRenderer(width).format(view()).splitlines() if "function" in line)

    assert head(100) == ["share", "time", "self", "hits", "function"]
    assert head(99) == ["share", "time", "function"]
    assert head(30) == ["share", "function"]
    assert "41.2 % ±1.4" in TerminalRenderer(40).format(view())


def test_at_most_ten_hotspots_and_three_suggestions():
    text = TerminalRenderer(200).format(view(copies=20))
    assert len(re.findall(r"^ *[<\d.]+ % (?!.*(?: of the run|GET ))", text, flags=re.MULTILINE)) == 10
    assert len(re.findall(r"^\d+\. ", text, flags=re.MULTILINE)) == 3
    assert "Suggestions (3 of 40)" in text


def test_names_neither_steer_the_terminal_nor_are_read_as_markup():
    text = TerminalRenderer(200, color=True).format(view(HOSTILE))
    assert "\x1b[31m<script>" not in text
    assert "\\x1b[31m<script>[bold red]\\u202e\\udcff]]>" in re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "\u202e" not in text


class Stream(io.TextIOWrapper):
    def __init__(self, encoding="utf-8", terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    pipe, terminal, plain = Stream(), Stream(terminal=True), Stream(terminal=True)
    print_summary(view(), pipe)
    print_summary(view(), terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    print_summary(view(), plain)
    assert "\x1b" not in pipe.text()
    assert "\x1b[" in terminal.text()
    assert "\x1b" not in plain.text()


def test_an_old_terminal_gets_what_its_encoding_has():
    stream = Stream("ascii")
    print_summary(view("é"), stream)
    assert "41.2 % +/-1.4" in stream.text()
    assert "Ledger.seen\\xe9" in stream.text()


def test_few_samples_name_the_command_that_gets_more():
    hotspots = replace(make_hotspots(), samples=40)
    text = TerminalRenderer(200).format(build_view(make_run(), hotspots))
    assert "Next: whet run --repeat 13 orders.py" in text
    assert "only 40 samples" in text


def test_a_run_without_anything_still_says_so():
    from whet.model.hotspot import Hotspots

    run = replace(make_run(), executions=(), notices=(), not_measured=())
    text = TerminalRenderer(80).format(build_view(run, Hotspots()))
    assert text.startswith("orders.py: no CPU time was sampled")


def test_hottest_lines_stand_below_their_functions_where_there_is_room():
    def lines(width):
        return re.findall(r"line (\d+), ([\d.]+ % ±[\d.]+)  (.*)", TerminalRenderer(width).format(view()))

    assert lines(120)[0] == ("23", "41.2 % ±1.4", "return number in self.numbers")
    assert len(lines(120)) == 3
    assert lines(59) == []


def test_cpu_time_of_whets_own_is_told_where_it_counts():
    run = make_run()
    sampled, *others = run.profiles
    busy = replace(run, profiles=(replace(sampled, own_ns=500_000_000), *others))
    idle = replace(run, profiles=(replace(sampled, own_ns=5_000_000), *others))
    said = TerminalRenderer(120).format(build_view(busy, make_hotspots())).splitlines()[1]
    assert "3.06 s CPU, 500 ms of it whet's own" in said
    assert "own" not in TerminalRenderer(120).format(build_view(idle, make_hotspots())).splitlines()[1]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("color", [False, True])
def test_no_line_is_wider_than_the_terminal_or_ends_in_blanks(width, color):
    hotspots = make_hotspots()
    code = "total = total + compute_something_quite_long(number, other, third)  # 漢字漢字漢字漢字漢字漢字"
    run = make_run()
    long = {file: replace(source, text="\n".join([code] * 60)) for file, source in run.sources.items()}
    for made in (build_view(run, hotspots, make_advice()), build_view(replace(run, sources=long), hotspots)):
        text = TerminalRenderer(width, color=color, report_path="whet-report.html").format(made)
        for line in text.splitlines():
            plain = re.sub(r"\x1b\[[\d;]*m", "", line)
            assert cell_len(plain) <= width, plain
            assert plain == plain.rstrip(), plain


def test_the_code_of_a_hot_line_stands_in_one_line_or_not_at_all():
    run = make_run()
    long = {file: replace(source, text="\n".join(["x = " + "y + " * 90] * 60)) for file, source in run.sources.items()}
    for width in (60, 70, 80, 100):
        lines = TerminalRenderer(width).format(build_view(replace(run, sources=long), make_hotspots())).splitlines()
        hot = [number for number, line in enumerate(lines) if re.search(r"^ +line \d+, ", line)]
        assert hot
        for number in hot:
            follows = lines[number + 1]
            assert "y +" not in follows or "line " in follows, follows


def test_a_hot_line_and_a_suggestion_say_what_was_called():
    text = TerminalRenderer(120).format(view())
    assert "calls Decoder.decode 62 %, json.dumps 20 %" in text
    assert "line 30: Decoder.decode 62 %, json.dumps 20 % of its time" in text


def test_what_holds_for_the_whole_program_stands_once_below_the_causes():
    membership, joining = make_advice()
    finding = replace(joining.finding, rule="native-candidate", title="Candidate for native code", lines=())
    general = replace(joining, id="c0ffee0002", finding=finding, share=0.5)
    shown = build_view(make_run(), make_hotspots(), (general, membership, joining), make_flames())
    lines = TerminalRenderer(120).format(shown).splitlines()
    assert [line for line in lines if re.match(r"\d\. ", line)] == [
        "1. Ask a set, not a list, for membership  shop/ledger.py:23",
        "2. Collect the pieces and join them once  shop/ledger.py:30",
    ]
    assert "Suggestions" in lines
    (told,) = [line for line in lines if line.startswith("In general: ")]
    assert told == "In general: Candidate for native code (50.0 % ±1.1 of the run, up to 1.2×)"
    assert [group.id for group in shown.suggestion_groups] == ["untested", "advice", "general"]
    alone = build_view(make_run(), make_hotspots(), (general,), make_flames())
    text = TerminalRenderer(120).format(alone)
    assert "Suggestions" not in text and "\nIn general: " in text
