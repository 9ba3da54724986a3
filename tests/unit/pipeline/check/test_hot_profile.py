"""Hot code, from a run to a file and from a file to the lines of today."""

import pytest

from whet.errors import FormatError
from whet.model.frame import Owner
from whet.model.hot import HotPlace, read_hot, write_hot
from whet.model.hotspot import Cost, Hotspots, LineSpot
from whet.model.run import Interpreter, Run, SourceFile
from whet.pipeline.check.hot_lines import HotFiles
from whet.pipeline.check.hot_profile import build_hot_profile, find_hot_lines
from whet.store import save_run

SOURCE = """\
import re

def parse(lines):
    found = []
    for line in lines:
        if re.match(
            "a+", line
        ):
            found.append(line)
    return found

class Store:
    @staticmethod
    def sizes(rows):
        return [len(row) for row in rows]

    class Inner:
        def twice(self):
            self.n = self.n + 1
            self.n = self.n + 1
"""


def make_run(costs, file="/p/app.py", shown="app.py", owner=Owner.USER, text=SOURCE):
    run = Run("0", ("app.py",), "", "/p", "/p", Interpreter("", "3.13.0"))
    run = Run(
        **{name: getattr(run, name) for name in run.__slots__} | {"sources": {file: SourceFile(file, shown, "", text)}}
    )
    spots = tuple(LineSpot(file, line, "", 1, owner, Cost(attributed_ns=ns)) for line, ns in costs.items())
    return run, Hotspots(busy_ns=1000, lines=spots)


def places(costs, **words):
    return [(p.function, p.code, p.share) for p in build_hot_profile(*make_run(costs, **words)).places]


def test_statements_are_classed_by_what_all_their_lines_cost():
    assert places({6: 150, 7: 60, 9: 49, 10: 9, 15: 500}) == [
        ("Store.sizes", "return [len(row) for row in rows]", 50),
        ("parse", "found.append(line)", 1),
        ("parse", 'if re.match( "a+", line )', 20),
    ]


def test_what_was_met_in_few_samples_is_left_out():
    run, hotspots = make_run({6: 40, 9: 400})
    few = Hotspots(busy_ns=1000, samples=50, lines=hotspots.lines)
    many = Hotspots(busy_ns=1000, samples=75, lines=hotspots.lines)
    assert [place.share for place in build_hot_profile(run, few).places] == [20]
    assert [place.share for place in build_hot_profile(run, many).places] == [20, 1]


def test_waiting_counts_and_statements_alike_are_one_place():
    assert places({19: 30, 20: 30, 5: 10, 13: 20, 1: 10}) == [
        ("<module>", "import re", 1),
        ("Store", "def sizes", 1),
        ("Store.Inner.twice", "self.n = self.n + 1", 5),
        ("parse", "for line in lines", 1),
    ]
    run, _ = make_run({})
    spot = LineSpot("/p/app.py", 9, "", 1, Owner.USER, Cost(waiting_ns=60))
    assert [place.share for place in build_hot_profile(run, Hotspots(busy_ns=1000, lines=(spot,))).places] == [5]


def test_only_the_projects_own_code_and_no_machines_paths():
    assert places({9: 500}, owner=Owner.DEPENDENCY) == []
    for shown in ("/elsewhere/app.py", "C:\\app.py", "<string>", "../app.py"):
        assert places({9: 500}, shown=shown) == []
    assert places({9: 500}, text="def (") == []


def test_the_file_is_sorted_and_read_back():
    profile = build_hot_profile(*make_run({15: 500, 9: 50, 6: 200}))
    text = write_hot(reversed(profile.places))
    assert read_hot(text.encode(), "hot.json") == profile
    assert text.splitlines()[4].strip().startswith('{"file": "app.py", "function": "Store.sizes"')
    assert len(text.splitlines()) == 4 + 3 + 2
    assert read_hot(write_hot([]).encode(), "hot.json").places == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no hot profile"),
        (b"[]", "no hot profile"),
        (b'{"whet": "run"}', "no hot profile"),
        (b'{"whet": "hot code", "version": 9}', "of version 9"),
        (b'{"whet": "hot code", "version": 1}', "no list of places"),
        (b'{"whet": "hot code", "version": 1, "places": [1]}', r"places\[0\]"),
        (
            b'{"whet": "hot code", "version": 1, "places": [{"file": "a", "function": "f", "code": "x", "share": 7}]}',
            "0",
        ),
        (b"[" * 100_000, "no hot profile"),
        (b"\xff", "no hot profile"),
    ],
)
def test_what_is_no_profile_says_so(data, words):
    with pytest.raises(FormatError, match=words) as caught:
        read_hot(data, "hot.json")
    assert "hot.json" in caught.value.message
    assert "whet report --format hot" in caught.value.hint


def test_lines_are_found_again_after_edits_above_and_a_formatter():
    profile = build_hot_profile(*make_run({6: 200, 9: 50, 15: 500, 19: 300}))
    changed = "# one\n# two\n" + SOURCE.replace(
        'if re.match(\n            "a+", line\n        ):', 'if re.match("a+", line,):'
    )
    hot = find_hot_lines(profile.places, changed)
    lines = changed.splitlines()
    assert {lines[number - 1].strip() for number in hot.lines} == {
        'if re.match("a+", line,):',
        "found.append(line)",
        "return [len(row) for row in rows]",
        "self.n = self.n + 1",
    }
    assert not hot.missing
    at = next(number for number in hot.lines if "re.match" in lines[number - 1])
    assert hot.share([at]) == 0.2
    assert hot.share([at, at + 1]) == 0.2
    assert hot.share([1]) == 0
    twice = [number for number in hot.lines if "self.n" in lines[number - 1]]
    assert len(twice) == 2
    assert hot.share(twice) == 0.2  # one place, counted once
    assert hot.share(hot.lines) == 0.5


def test_places_that_are_gone_are_named():
    gone = HotPlace("app.py", "parse", "return None", 5)
    moved = HotPlace("app.py", "other", "found.append(line)", 5)
    hot = find_hot_lines([gone, moved], SOURCE)
    assert hot.missing == (moved, gone)
    assert hot.lines == frozenset()


def test_a_long_statement_is_told_by_its_beginning():
    code = f"x = [{', '.join(map(str, range(200)))}]"
    profile = build_hot_profile(*make_run({1: 500}, text=code))
    assert len(profile.places[0].code) == 200
    assert find_hot_lines(profile.places, "\n" + code).lines == {2}
    assert not find_hot_lines(profile.places, code.replace("0, 1,", "1, 0,", 1)).lines


def test_a_saved_run_is_a_profile(tmp_path, monkeypatch):
    run, hotspots = make_run({6: 150, 9: 60})
    path = save_run(run, tmp_path).path
    monkeypatch.setattr("whet.merge.hotspots.merge_run", lambda _run: hotspots)
    hot = HotFiles.read(path, "the run", "--profile")
    assert hot.list_statements("/p/app.py", SOURCE.encode()) == {6: 0.05, 9: 0.05}
    assert hot.list_statements("/p/app.py", f"x = 1\n{SOURCE}".encode()) == {7: 0.05, 10: 0.05}
    assert hot.list_statements("/p/other.py", SOURCE.encode()) == {}
