from __future__ import annotations

import shlex
from dataclasses import replace
from io import BytesIO

import pytest

from whet.model.advice import Estimate
from whet.model.evidence import Ratio, Seen
from whet.model.finding import Ask, Question
from whet.model.flame import FOLDED, FlameTree
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Cost, FunctionSpot
from whet.model.metric import Metric
from whet.model.profile import Correction
from whet.model.run import INTERRUPTED, Execution, Notice, Purpose, Resident, SourceFile, StandardInput
from whet.report.costs import list_functions
from whet.report.excerpts import MOST_HOT_LINES, choose_excerpts, heat_class
from whet.report.fakes import LEDGER, ORDERS, PROJECT, make_advice, make_flames, make_hotspots, make_run
from whet.report.highlight import highlight_lines
from whet.report.html import HtmlRenderer
from whet.report.icicle import lay_out
from whet.report.markdown import MarkdownRenderer
from whet.report.memory import draw_memory
from whet.report.places import Places, shorten_path
from whet.report.suggestions import describe_ratio, describe_seen, describe_unanswered, list_suggestions
from whet.report.terminal import TerminalRenderer
from whet.report.view import build_view
from whet.report.words import describe_end, more_samples_command, name_program, repeat_command


@pytest.fixture
def view():
    return build_view(make_run(), make_hotspots(), make_advice(), make_flames())


def test_the_verdict_tells_waiting_from_computing():
    hotspots = make_hotspots()
    slow = replace(hotspots, cpu_ns=620_000_000, waiting_ns=2_500_000_000)
    mixed = replace(hotspots, cpu_ns=2_620_000_000, waiting_ns=500_000_000)
    assert "orders.py waits for 2.50 s of 3.12 s; 41 % ±3 of" in build_view(make_run(), slow).summary.verdict
    assert "3.12 s (2.62 s computing, 500 ms waiting)" in build_view(make_run(), mixed).summary.verdict


def test_the_systems_count_of_cpu_time_wins_where_the_machine_was_crowded():
    run, hotspots = make_run(), make_hotspots()
    crowded = replace(run, executions=(replace(run.executions[0], cpu_ns=2_000_000_000),))
    view = build_view(crowded, hotspots)
    assert "41 % ±3 of 2.00 s CPU" in view.summary.verdict
    assert any(c.about == "machine" and "too long by 51 %" in c.message for c in view.cautions)
    unsampled = replace(run, executions=(replace(run.executions[0], cpu_ns=20_000_000_000),))
    view = build_view(unsampled, hotspots)
    assert "41 % ±3 of 3.03 s CPU" in view.summary.verdict
    assert all(c.about != "machine" for c in view.cautions)


def test_several_flame_graphs_share_the_room():
    ones, n = [1] * 2_000, 2_000
    tree = FlameTree(Metric.CPU, (Frame("f", "f"),), [0, *ones], [0] * (n + 1), [0, *[7] * n], [7 * n, *[7] * n])
    wide = replace(tree, self_value=[0, *[7] * n], total_value=[7 * n, *[7] * n])
    trees = {Metric.CPU: wide, Metric.WAITING: wide, Metric.PEAK: FlameTree(Metric.PEAK)}
    view = build_view(make_run(), make_hotspots(), (), trees)
    assert len(view.icicles) == 2
    assert sum(len(icicle.boxes) for icicle in view.icicles) <= 900


def test_notices_and_cut_executions_are_told(view):
    run = make_run()
    stopped = Execution(Purpose.MEMORY, ("memray",), 10**9, 10**9, None, stopped="stopped, covers the first 60 s")
    run = replace(run, executions=(*run.executions, stopped), notices=(Notice("line_profiler", "SIGPROF is taken"),))
    told = [(caution.about, caution.message) for caution in build_view(run, make_hotspots()).cautions]
    assert told == [("line_profiler", "SIGPROF is taken"), ("memory execution", "stopped, covers the first 60 s")]


def test_rows_with_memory_are_in_the_table_however_cold_they_are():
    hotspots = make_hotspots()
    cold = [replace(hotspots.functions[5], name=f"cold{i}") for i in range(200)]
    cold[150] = replace(cold[150], cost=replace(cold[150].cost, peak_bytes=5_000_000))
    view = build_view(make_run(), replace(hotspots, functions=(*hotspots.functions, *cold)))
    assert view.table_functions[-1].name == "cold150"
    assert len(view.table_functions) == 51 and len(view.functions) == 206


def test_secrets_of_an_old_saved_run_are_masked_again():
    run = replace(make_run(), command=("orders.py", "--password", "hunter2"))
    view = build_view(run, replace(make_hotspots(), samples=10))
    assert "hunter2" not in repr(view)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("dir/orders.py", "x"), "orders.py"), (("-m", "pytest", "-q"), "pytest"), (("-c", "print(1)"), "python -c"),
        (("/usr/bin/python3.13", "-X", "dev", "orders.py"), "orders.py"), (("C:\\x\\orders.py",), "orders.py"),
        ((), "the program"),
    ],
)  # fmt: skip
def test_the_program_has_a_name(command, name):
    assert name_program(command) == name


def test_commands_can_be_pasted_into_a_shell():
    run = replace(make_run(), command=("a b.py", "$HOME"))
    assert repeat_command(run, "--memory") == "whet run --memory 'a b.py' '$HOME'"
    other = replace(run, interpreter=replace(run.interpreter, path="/opt/my env/python", why="--python"))
    assert repeat_command(other, "--memory") == "whet run --memory --python '/opt/my env/python' 'a b.py' '$HOME'"
    named = replace(other, command=("/opt/python3", "x.py"))
    assert repeat_command(named) == "whet run -- /opt/python3 x.py"
    assert repeat_command(replace(run, command=("-I", "x.py"))) == "whet run -- python -I x.py"
    assert repeat_command(replace(other, command=("-W", "error", "x.py"))) == (
        "whet run -- '/opt/my env/python' -W error x.py"
    )
    assert repeat_command(replace(run, command=("-m", "json.tool"))) == "whet run -m json.tool"
    # What was asked for stays, but for what is asked for now; a file on stdin too.
    asked = replace(run, command=("x.py",), options=("--outside", "--repeat=2", "--title=a b"))
    assert repeat_command(asked, "--repeat", "9") == "whet run --repeat 9 --outside --title 'a b' x.py"
    fed = replace(asked, options=(), stdin=StandardInput("file", "/data/in put"))
    assert repeat_command(fed, "--lines") == "whet run --lines x.py < '/data/in put'"
    attached = Execution(Purpose.ATTACH, ("py-spy",), 1, 1, None, pid=4242)
    run = replace(run, command=("python", "8080.py"), executions=(attached,))
    assert repeat_command(run, "--duration", "60") == "whet attach --duration 60 4242"


def test_ends_are_told():
    execution = make_run().executions[0]
    assert describe_end(replace(execution, exit_status=143, signal=15)) == "ended by SIGTERM"
    assert describe_end(replace(execution, exit_status=3)) == "exit 3"
    assert describe_end(replace(execution, exit_status=None)) == "went on"
    attached = replace(execution, purpose=Purpose.ATTACH, exit_status=None)
    assert describe_end(replace(attached, paused_share=0.021)) == "went on (paused 2.1 % by sampling)"
    assert describe_end(replace(attached, stopped="the process ended after 3.0 s")) == "ended"


def test_a_process_that_was_sampled_too_briefly_is_to_be_sampled_longer():
    attached = Execution(Purpose.ATTACH, ("py-spy",), 10 * 10**9, 3 * 10**9, None, pid=7)
    run = replace(make_run(), executions=(attached,))
    few = replace(make_hotspots(), samples=50)
    assert more_samples_command(run, few) == "whet attach --duration 100 7"
    longer = replace(run, executions=(replace(attached, wall_ns=90 * 10**9),))
    assert more_samples_command(longer, few) == "whet attach --duration 600 7"


def test_a_process_that_stood_idle_is_not_judged_by_its_few_samples():
    attached = Execution(Purpose.ATTACH, ("py-spy",), 10 * 10**9, 10**7, None, pid=7)
    run = replace(make_run(), executions=(attached,), notices=())
    hotspots = replace(make_hotspots(), samples=1, busy_ns=10**7, cpu_ns=10**7, waiting_ns=0)
    view = build_view(run, hotspots, ())
    assert view.summary.verdict == "orders.py was idle: it was busy for 10 ms in 10.0 s"
    assert ("the process had nothing to do", "attach while it works") in {(c.message, c.hint) for c in view.cautions}
    assert more_samples_command(run, hotspots) == ""
    # The system's count decides, where few samples stand for too much.
    little = replace(attached, cpu_ns=4 * 10**6, wall_ns=10**9)
    view = build_view(replace(run, executions=(little,)), replace(hotspots, cpu_ns=2 * 10**7, busy_ns=2 * 10**7), ())
    assert view.summary.verdict == "orders.py was idle: it was busy for 4.0 ms in 1.00 s"
    unseen = replace(attached, cpu_ns=3 * 10**9)  # in threads without Python
    assert "idle" not in build_view(replace(run, executions=(unseen,)), hotspots, ()).summary.verdict


def test_pauses_of_a_process_are_told_with_what_avoids_them():
    attached = Execution(Purpose.ATTACH, ("py-spy",), 10 * 10**9, 1, None, pid=7, paused_share=0.02)
    run = replace(make_run(), executions=(attached,))
    view = build_view(run, make_hotspots(), ())
    (said,) = [sentence for sentence in view.method.sentences if "paused the process" in sentence]
    assert "2.0 % of the time, 200 µs for each sample" in said
    assert "--nonblocking" in said


def test_estimates_read_naturally():
    advice = make_advice()[0]

    def estimate(low, high):
        view = build_view(make_run(), make_hotspots(), (replace(advice, estimate=Estimate(low, high)),))
        return view.suggestions[0].estimate.text

    assert [estimate(1.2, 1.6), estimate(1.0, 1.6), estimate(1.6, 1.61), estimate(1.0, 1.0)] == [
        "1.2–1.6×", "up to 1.6×", "about 1.6×", "–",
    ]  # fmt: skip
    # Beyond, it depends on what little is outside the lines.
    assert [estimate(1.0, 400.0), estimate(2.0, 40.0), estimate(12.0, 40.0)] == [
        "up to 10× or more", "2.0–10× or more", "12× or more",
    ]  # fmt: skip


def test_corrections_of_times_are_in_the_method():
    run = make_run()
    corrections = (
        Correction("scaled to the CPU clocks", Metric.CPU, -2 * 10**9),
        Correction("waiting and idle time added", Metric.WAITING, 10**9),
        Correction("waiting and idle time added", Metric.IDLE, 5),
    )
    profiles = (replace(run.profiles[0], corrections=corrections), *run.profiles[1:])
    view = build_view(replace(run, profiles=profiles), make_hotspots(), make_advice(), make_flames())
    (sentence,) = [each for each in view.method.sentences if "corrected" in each]
    assert sentence == (
        "Times as they were sampled were corrected in this order: scaled to the CPU clocks (computing −2.00 s); "
        "waiting and idle time added (waiting +1.00 s)."
    )


def test_evidence_is_one_sentence():
    seen = Seen(
        "f", "g", 1, "x", 20, {"builtins.list": 18, "builtins.tuple": 2}, {"builtins.int": 9, "m.C": 3}, 1, 50, 90
    )
    assert describe_seen(seen) == "x: seen 20 times: list 18×, tuple 2×, about 50 long (1 to 90), of int and m.C"
    assert describe_seen(Seen("f", "g", 1, "x", 1, {"builtins.int": 1})) == "x: seen once: always int"
    assert describe_seen(Seen("f", "g", 1, "x", 3)) == "x: seen 3 times"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Ratio(Ask.RUNS, "f", (12,), (9,), 0.668), "line 12: ran 67 times for each 100 runs of line 9"),
        (Ratio(Ask.RUNS, "f", (12, 15), (9,), 2000.2), "lines 12 and 15: ran 2,000 times for each run of line 9"),
        (Ratio(Ask.SHARE, "f", (3, 4, 5), (), 0.123), "lines 3 to 5: 12 % of the run"),
        (Ratio(Ask.SHARE, "f", (3,), (7, 9, 12), 0.5), "line 3: 50 % of lines 7, 9 and 12"),
    ],
)
def test_what_was_measured_of_lines_is_one_sentence(ratio, text):
    assert describe_ratio(ratio) == text


def test_questions_that_nobody_answered_are_put_in_words():
    asked = [
        Question("self.seen", Ask.TYPES, 3, expects=("builtins.list", "builtins.tuple")),
        Question("self.seen", Ask.LENGTH, 3, at_least=1_000),
        Question("key", Ask.ELEMENTS, 3, excludes=("builtins.list", "builtins.dict", "builtins.set", "a.B")),
    ]
    assert describe_unanswered(asked) == [
        "self.seen: no value was seen; is it always list or tuple, at least 1,000 long?",
        "key: no value was seen; is it never of list, dict, set or similar?",
    ]
    advice = replace(make_advice()[0], unanswered=tuple(asked))
    (card,) = list_suggestions([advice], Places(make_run()))
    assert card.evidence[-1].startswith("key: no value was seen")


def test_functions_whose_time_stands_with_their_callers_say_no_zero():
    spot = FunctionSpot("/p/site-packages/pandas/x.py", "concat", 1, 9, Owner.DEPENDENCY, Cost(self_ns=225, total_ns=9))
    (row,) = list_functions([spot], Places(make_run()))
    assert (row.cost.spent_share.text, row.cost.spent_share.value, row.cost.attributed_seconds.text) == ("–", 0.0, "–")
    view = build_view(make_run(), replace(make_hotspots(), functions=(spot,)))
    assert view.hot_functions == ()


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/srv/shop/orders.py", "orders.py"),
        ("/srv/shop/.venv/lib/python3.13/site-packages/pandas/core/frame.py", "pandas/core/frame.py"),
        ("/usr/lib/python3.13/json/decoder.py", "json/decoder.py"),
        ("/elsewhere/x.py", "/elsewhere/x.py"),
        ("C:\\Python313\\Lib\\json\\decoder.py", "json/decoder.py"),
        ("<string>", "<string>"),
        ("_json.so", "_json.so"),
    ],
)
def test_paths_are_shown_short(file, shown):
    assert shorten_path(file, PROJECT) == shown


def test_program_that_lies_where_packages_do_is_shown_as_short_as_they_are():
    file = f"{PROJECT}/.venv/lib/python3.13/site-packages/black/lines.py"
    inside = SourceFile(file, ".venv/lib/python3.13/site-packages/black/lines.py", "0", "")
    assert Places(replace(make_run(), sources={file: inside})).show(file) == "black/lines.py"
    other = "/opt/black/lib/python3.13/site-packages/black/lines.py"
    outside = SourceFile(other, other, "0", "")
    assert Places(replace(make_run(), sources={other: outside})).show(other) == "black/lines.py"


def test_two_files_that_look_alike_have_anchors_of_their_own():
    places = Places(make_run(), {("/a/x y.py", 1), ("/a/x_y.py", 1)})
    anchors = {places.line_anchor("/a/x y.py", 1), places.line_anchor("/a/x_y.py", 1)}
    assert len(anchors) == 2 and all(" " not in anchor for anchor in anchors)
    assert places.line_anchor("/a/x_y.py", 9) == places.file_anchor("/a/x_y.py") != ""
    assert places.line_anchor("/a/other.py", 1) == ""


def test_boxes_nest_and_add_up(view):
    boxes = view.icicles[0].boxes
    assert boxes[0].left == 0 and boxes[0].width == pytest.approx(1.0)
    for box in boxes[1:]:
        parent = [b for b in boxes if b.row == box.row - 1 and b.left <= box.left + 1e-9]
        assert any(box.left + box.width <= p.left + p.width + 1e-9 for p in parent)
    by_name = {box.name: box for box in boxes}
    assert by_name["Ledger.add"].anchor == "L-shop/ledger.py-30"
    assert by_name["JSONDecoder.decode"].owner == "stdlib" and by_name["JSONDecoder.decode"].anchor == ""


def test_what_is_not_drawn_is_stated():
    frames = (Frame("f", "main"), Frame("f", "small"))
    total = [10_000, 9_000, *[5] * 100, 500]
    tree = FlameTree(
        Metric.CPU, frames, [0, *[1] * 102], [0, 0, *[1] * 100, FOLDED], [0, *total[1:]], total, 500, 20
    )  # fmt: skip
    icicle = lay_out(tree, Places(make_run()))
    assert [box.name for box in icicle.boxes] == ["main", "main"]
    assert icicle.folded.startswith("10.0 % is spent in calls too small")


def test_a_stack_of_any_depth_is_laid_out():
    deep = 20_000
    tree = FlameTree(Metric.CPU, (Frame("f", "f"),), range(deep), [0] * deep, [*[0] * (deep - 1), 7], [7] * deep)
    icicle = lay_out(tree, Places(make_run()))
    assert icicle.rows == 80 and "20,000 deep" in icicle.folded
    assert lay_out(FlameTree(Metric.CPU), Places(make_run())).boxes == ()


def test_excerpts_stay_within_the_page_and_keep_the_places_of_advice():
    text = "".join(f"x{i} = {i}\n" for i in range(5_000))
    run = make_run()
    run = replace(run, sources={LEDGER: replace(run.sources[LEDGER], text=text)})
    line = make_hotspots().lines[0]
    lines = tuple(replace(line, line=10 * i + 1, function_line=1) for i in range(499))
    advice = replace(make_advice()[0], finding=replace(make_advice()[0].finding, line=4_995, function_line=1))
    (excerpt,) = choose_excerpts(run, replace(make_hotspots(), lines=lines), (advice,))
    shown = sum(last - first + 1 for first, last in excerpt.hot)
    assert 0.9 * MOST_HOT_LINES < shown <= 1.2 * MOST_HOT_LINES
    assert any(first <= 4_995 <= last for first, last in excerpt.hot)


def test_a_listing_shows_every_line_once_and_marks_the_hot_ones(view):
    ledger = next(listing for listing in view.listings if listing.file == "shop/ledger.py")
    numbers = [line.number for block in ledger.blocks for line in block.lines]
    assert numbers == list(range(1, make_run().sources[LEDGER].text.count("\n") + 1))
    lines = {line.number: line for block in ledger.blocks for line in block.lines}
    assert lines[23].heat == 10 and lines[23].suggestions[0].rule == "list-membership"
    assert 0 < lines[34].heat <= lines[30].heat < 10
    assert lines[22].cost is None


def test_lines_beyond_the_end_of_a_source_do_no_harm():
    run = make_run()
    run = replace(run, sources={ORDERS: replace(run.sources[ORDERS], text="")})
    view = build_view(run, make_hotspots(), make_advice(), make_flames())
    assert view.listings == () and view.lines[3].code == ""


def test_heat_has_ten_classes():
    assert [heat_class(share, 0.5) for share in (0.0, 0.00001, 0.125, 0.5)] == [0, 1, 5, 10]
    assert {heat_class(i / 1000, 1.0) for i in range(1001)} == set(range(11))


def test_the_memory_curve_holds_the_peak():
    resident = Resident(range(10_000), [1_000] * 9_999 + [500], 2_000, 5_000)
    curve = draw_memory(resident, Places(make_run()))
    assert len(curve.points) <= 303
    assert max(y for _, y in curve.points) == 1.0 and curve.peak_point == (pytest.approx(0.5, abs=0.001), 1.0)
    assert curve.points == tuple(sorted(curve.points))
    assert draw_memory(Resident(), Places(make_run())) is None


def test_highlighting_knows_strings_over_lines_and_escapes():
    text = 'x = """<b>\n& \u202e"""\ny = 1  # <i>\n'
    found = highlight_lines(text, {2, 3})
    assert str(found[2]) == '<span class="s">&amp; \\u202e&#34;&#34;&#34;</span>'
    assert str(found[3]) == 'y = <span class="m">1</span>  <span class="c"># &lt;i&gt;</span>'
    assert highlight_lines("", {1}) == {1: ""}
    assert set(highlight_lines("x = 1\r\ny = 2\rz = 3", {1, 2, 3})) == {1, 2, 3}
    assert str(highlight_lines("\n" * 6_000 + "x = 1", {6_001})[6_001]) == 'x = <span class="m">1</span>'


def test_no_command_repeats_a_program_that_failed():
    run = make_run()
    failed = replace(run, executions=(replace(run.executions[0], exit_status=1),))
    few = replace(make_hotspots(), samples=3)
    view = build_view(failed, few)
    assert view.summary.next_command == ""
    (caution,) = [each for each in view.cautions if each.about == "samples"]
    assert caution.message.startswith("only 3 samples") and not caution.hint
    assert "--repeat" in build_view(run, few).summary.next_command


def test_what_is_not_the_users_code_is_told():
    hotspots = make_hotspots()
    some = replace(hotspots, outside_ns=hotspots.busy_ns // 10, outside_packages=(("asyncio", hotspots.busy_ns // 10),))
    view = build_view(make_run(), some)
    assert view.summary.outside == "10.0 % ±1.7 outside your code: asyncio"
    assert "41 % ±3 of" in view.summary.verdict
    most = (("asyncio", hotspots.busy_ns // 2), ("<b>\x1b", hotspots.busy_ns // 5), ("ssl", 1))
    view = build_view(make_run(), replace(hotspots, outside_ns=7 * hotspots.busy_ns // 10, outside_packages=most))
    assert "spends 70 % ±3 of 3.06 s CPU in code that is not yours (asyncio, " in view.summary.verdict
    assert view.summary.outside == "70.0 % ±2.6 outside your code: asyncio 50.0 % ±2.8, <b>\x1b 20.0 % ±2.3"
    for quiet in (hotspots, replace(hotspots, outside_ns=1)):
        assert build_view(make_run(), quiet).summary.outside == ""


def test_the_terminal_tells_it_below_the_table():
    hotspots = make_hotspots()
    some = replace(hotspots, outside_ns=hotspots.busy_ns // 10, outside_packages=(("a\x1bb", hotspots.busy_ns // 10),))
    text = TerminalRenderer(100).format(build_view(make_run(), some))
    (line,) = [line for line in text.splitlines() if "outside your code" in line]
    assert line.startswith("10.0 % ±1.7 outside your code: a")
    assert "\x1b" not in line


def test_a_run_before_is_told_of_with_both_times():
    run = make_run()
    before = replace(run, started="2024-11-19", executions=(replace(run.executions[0], cpu_ns=5_000_000_000),))
    view = build_view(run, make_hotspots(), before=before)
    assert view.compared.startswith("Compared with the run of 2024-11-19: 5.00 s CPU, 3.40 s wall before, 3.06 s CPU")
    assert "significant" in view.compared
    assert "single executions" in view.compared
    assert build_view(run, make_hotspots()).compared == ""
    thrice = replace(run, executions=run.executions * 3)
    view = build_view(thrice, make_hotspots(), before=before)
    assert "5.00 s CPU, 3.40 s wall before, 3.06 s CPU, 3.40 s wall now. Means of 1 and 3 executions" in view.compared


def test_what_changed_stands_at_the_head_of_a_comparison():
    run = make_run()
    view = build_view(run, make_hotspots(), before=run, changes="1 function slower")
    assert view.summary.verdict == "orders.py: 1 function slower"
    assert view.summary.spent.startswith("orders.py spends 41 %")
    sink = BytesIO()
    HtmlRenderer().render(view, sink)
    assert "Now: orders.py spends 41 %" in sink.getvalue().decode()
    assert "Now: orders.py spends 41 %" in MarkdownRenderer().format(view)
    assert build_view(run, make_hotspots(), changes="1 function slower").summary.spent == ""


@pytest.mark.parametrize(
    ("whole", "most", "ticks"),
    [(96_400_000, 4, [50_000_000]), (400, 4, [100, 200, 300]), (3_400, 8, [500 * n for n in range(1, 7)]), (1, 4, [])],
)
def test_axes_have_round_numbers(whole, most, ticks):
    from whet.report.memory import _choose_ticks

    assert _choose_ticks(whole, most) == ticks


def test_times_of_pooled_executions_are_their_sums():
    run = make_run()
    first = run.executions[0]
    pooled = replace(run, executions=(first, first, replace(first, purpose=Purpose.MEMORY), *run.executions[1:]))
    few = replace(make_hotspots(), samples=50)
    once, thrice = build_view(run, few).summary, build_view(pooled, few).summary
    assert (once.executions, thrice.executions) == (1, 2)
    assert thrice.duration.value == 2 * once.duration.value
    assert thrice.cpu.value == 2 * once.cpu.value
    # 50 samples of two executions need twice the executions that 50 samples of one need.
    repeats = [int(shlex.split(each.more_samples)[3]) for each in (once, thrice)]
    assert repeats[1] == 2 * repeats[0]


@pytest.mark.parametrize(
    ("stopped", "more"),
    [
        (INTERRUPTED, ""),
        ("ended by --duration after 5 s", "whet run --duration 50 orders.py"),
        ("", "whet run --repeat 10 orders.py"),
    ],
)
def test_a_program_that_was_ended_from_outside_is_not_to_be_run_again_and_again(stopped, more):
    execution = replace(make_run().executions[0], wall_ns=5 * 10**9, stopped=stopped, repeats=1)
    run = replace(make_run(), command=("orders.py",), executions=(execution,), notices=())
    few = replace(make_hotspots(), samples=50)
    assert more_samples_command(run, few) == more
    view = build_view(run, few, ())
    assert any(caution.message.startswith("only 50 samples") for caution in view.cautions)
    assert "--repeat" in view.summary.next_command or stopped
    if stopped == INTERRUPTED:
        assert "interrupted: the report covers what ran until then" in [caution.message for caution in view.cautions]
        assert not view.summary.next_command


@pytest.mark.parametrize(
    ("wall_ns", "repeats", "said"),
    [
        (30_000_000, 1, "no samples: the program ended after 30 ms, before the first one"),
        (120_000_000, 4, "no samples: the program ended after 30 ms, before the first one"),
        (5_000_000_000, 1, "no samples"),
    ],
)
def test_a_run_without_samples_says_why(wall_ns, repeats, said):
    run = make_run()
    short = replace(run, executions=(replace(run.executions[0], wall_ns=wall_ns, repeats=repeats),))
    none = replace(make_hotspots(), samples=0, share_error=0.0)
    (caution,) = [each for each in build_view(short, none).cautions if each.about == "samples"]
    assert caution.message == said
    assert "--repeat" in caution.hint and "--rate" in caution.hint
