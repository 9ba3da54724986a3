from __future__ import annotations

import dataclasses
import gzip
import io
import itertools
import json
import math
import pickle
import random
import zlib
from array import array
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats.pyspy_raw import PySpyRaw
from whet.model import codec
from whet.model.codec import SCHEMA, read_run, write_run
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Safety
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Host, Interpreter, Notice, Purpose, Resident, Run, SourceFile
from whet.model.trial import Proof, RewriteRef, Total, Trial, Verdict

SAVED = Path(__file__).parents[3] / "fixtures/captures/whet-schema-1/run.json.gz"

# What surrogateescape makes of bytes that are no UTF-8 belongs to file names. JSON joins a high surrogate to a low one.
TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=())).filter(
    lambda text: not any("\ud800" <= a <= "\udbff" and "\udc00" <= b <= "\udfff" for a, b in itertools.pairwise(text))
)
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)


def build(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a model class, led by its annotations: a field that is added is tested at once."""
    simple = {str: TEXT, int: INTS, float: FLOATS, bool: st.booleans()}
    if kind in simple:
        return simple[kind]
    if kind is Profile:
        return PROFILES
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is tuple and parts[-1] is not Ellipsis:
        return st.tuples(*map(build, parts))
    if origin in {tuple, Sequence}:
        return st.lists(build(parts[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXT, build(parts[1]), max_size=2)
    if type(None) in parts:
        return st.none() | build(parts[0])
    return st.builds(kind, **{name: build(hint) for name, hint in get_type_hints(kind).items()})


@st.composite
def make_profile(draw: st.DrawFn) -> Profile:
    frames = draw(st.lists(build(Frame), min_size=1, max_size=4))
    threads = draw(st.lists(build(Thread), min_size=1, max_size=2))
    rows = draw(st.integers(1, 6))
    stacks = StackTable(
        tuple(draw(st.integers(-1, row - 1)) for row in range(rows)),
        tuple(draw(st.integers(0, len(frames) - 1)) for _ in range(rows)),
    )
    samples = []
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.integers(0, 4))
        stack = tuple(draw(st.integers(ROOT, rows - 1)) for _ in range(size))
        values = tuple(draw(INTS) for _ in range(size))
        thread = draw(st.integers(0, len(threads) - 1))
        samples.append(Samples(draw(st.sampled_from(Metric)), thread, stack, values, draw(INTS)))
    rest = {"collector", "corrections", "lines", "period_ns", "ticks", "execution", "peak_bytes", "own_ns", "truncated"}
    rest |= {"wall", "unjudged", "missing"}
    hints = {name: hint for name, hint in get_type_hints(Profile).items() if name in rest}
    assert rest | {"frames", "stacks", "threads", "samples"} == set(get_type_hints(Profile))
    others = {name: draw(build(hint)) for name, hint in hints.items()}
    return Profile(frames=tuple(frames), stacks=stacks, threads=tuple(threads), samples=tuple(samples), **others)


PROFILES = make_profile()


def simplify(value: Any) -> Any:
    """Return ``value`` with all sequences as tuples, so that an array equals a tuple."""
    if isinstance(value, array | tuple | list):
        return tuple(map(simplify, value))
    if isinstance(value, dict):
        return {key: simplify(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value):
        return type(value).__name__, {f.name: simplify(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return type(value).__name__, value


def pack(run: Run) -> bytes:
    sink = io.BytesIO()
    write_run(run, sink)
    return sink.getvalue()


def unpack(data: bytes) -> Run:
    return read_run(io.BytesIO(data))


def pack_json(document: object) -> bytes:
    return gzip.compress(json.dumps(document).encode(), mtime=0)


RUN = Run(
    "0.1",
    ("x.py", "--token", "***"),
    "2025-01-31T14:25:01+01:00",
    "/srv",
    "/srv",
    Interpreter("/usr/bin/python3", "3.13.0", why="PATH"),
    Host("Linux", "x86_64", 2),
    "abc",
    (Execution(Purpose.TIME, ("py-spy",), 5, 4, 0),),
    (
        Profile(
            "py-spy 0.4.3",
            (Frame("/a.py", "f", 3), Frame("/b.py", "g", 4, 1, Owner.STDLIB)),
            StackTable((-1, 0), (0, 1)),
            (Thread(1, 2),),
            (Samples(Metric.CPU, 0, (0, 1), (3, 4), 7),),
            (LineCount("/a.py", 3, 1, 5), LineCount("/a.py", 4, 1, 7)),
        ),
    ),
    {"/a.py": SourceFile("/a.py", "a.py", "00", "def f(): pass\n")},
    Evidence(3, (Seen("/a.py", "f", 1, "xs", 3, {"builtins.list": 3}, {}, 1, 2, 3),)),
    Resident((0, 5, 9), (100, 300, 200), 300, 5, (("/a.py", 3, "f"),)),
    (Notice("store", "moved", "look there"),),
    (("memory", "--memory"),),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=30)
@given(build(Run))
def test_every_field_of_a_run_survives(run: Run):
    assert simplify(unpack(pack(run))) == simplify(run)


def test_equal_runs_give_equal_bytes():
    assert pack(RUN) == pack(dataclasses.replace(RUN))
    assert pack(RUN)[4:8] == bytes(4)  # no time in the gzip header


def test_arrays_and_tuples_are_stored_alike():
    samples = Samples(Metric.CPU, 0, array("i", (0, 1)), array("q", (3, 4)), 7)
    stacks = StackTable(array("i", (-1, 0)), array("i", (0, 1)))
    profile = dataclasses.replace(RUN.profiles[0], stacks=stacks, samples=(samples,))
    assert pack(dataclasses.replace(RUN, profiles=(profile,))) == pack(RUN)


def test_floats_that_are_not_finite_survive():
    def with_share(share: float) -> float:
        run = dataclasses.replace(RUN, executions=(dataclasses.replace(RUN.executions[0], paused_share=share),))
        return unpack(pack(run)).executions[0].paused_share

    assert with_share(math.inf) == math.inf
    assert with_share(-math.inf) == -math.inf
    assert math.isnan(with_share(math.nan))


def test_numbers_that_never_fall_are_stored_as_differences():
    text = gzip.decompress(
        pack(dataclasses.replace(RUN, resident=Resident((10**15, 10**15 + 1, 10**15 + 3), (5, 3, 9))))
    )
    stored = json.loads(text)["run"]["resident"]
    assert stored["at_ns"] == {"delta": [10**15, 1, 2]}
    assert stored["bytes"] == [5, 3, 9]


def test_the_first_schema_still_reads():
    run = unpack(SAVED.read_bytes())
    assert run.command == ("orders.py",)
    assert {s.metric for profile in run.profiles for s in profile.samples} >= {Metric.CPU, Metric.WAITING, Metric.PEAK}
    assert run.sources["/srv/app/mod.py"].text.startswith("def spin(n):")
    assert pack(run) == pack(unpack(pack(run)))


def test_of_the_first_schema_exact_counts_are_kept_and_estimates_are_not():
    document = json.loads(gzip.decompress(pack(RUN)))
    document["schema"] = 1
    document["run"]["profiles"][0]["lines"] = {
        "file": [["/a.py"], [0, 0, 0]],
        "line": [3, 4, 5],
        "function_line": [1, 1, 1],
        "hits": [5, 6, None],
        "per_call": [None, 2.0, 2.5],
        "error": [0.0, 0.1, 0.1],
        "exact": [True, False, False],
    }
    assert unpack(pack_json(document)).profiles[0].lines == (LineCount("/a.py", 3, 1, 5),)
    document["run"]["profiles"][0]["lines"]["error"] = [0.0]
    with pytest.raises(FormatError) as caught:
        unpack(pack_json(document))
    assert caught.value.where == "run.profiles[0].lines"


def change(way: tuple[object, ...], value: object) -> bytes:
    """Return a saved run with one value replaced."""
    document = json.loads(gzip.decompress(pack(RUN)))
    place = document
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return pack_json(document)


P = ("run", "profiles", 0)


@pytest.mark.parametrize(
    ("way", "value", "where"),
    [
        (("run",), None, "run"),
        (("run",), [], "run"),
        (("run", "whet_version"), 7, "run.whet_version"),
        (("run", "command"), "x.py", "run.command"),
        (("run", "command", 1), None, "run.command[1]"),
        (("run", "extra"), 1, "run"),
        (("run", "host", "cpus"), True, "run.host.cpus"),
        (("run", "host", "cpus"), 2.0, "run.host.cpus"),
        (("run", "host", "cpus"), 2**63, "run.host.cpus"),
        (("run", "interpreter"), {"path": "x"}, "run.interpreter"),
        (("run", "interpreter", "free_threaded"), 0, "run.interpreter.free_threaded"),
        (("run", "executions", 0, "purpose"), "fun", "run.executions[0].purpose"),
        (("run", "sources"), [], "run.sources"),
        (("run", "sources", "/a.py", "text"), None, "run.sources['/a.py'].text"),
        (("run", "not_measured", 0), ["memory"], "run.not_measured[0]"),
        (("run", "resident", "peak_stack", 0, 1), "3", "run.resident.peak_stack[0][1]"),
        (("run", "resident", "at_ns"), {"delta": [2**62, 2**62, 2**62]}, "run.resident.at_ns"),
        (("run", "resident", "at_ns"), {"delta": ["x"]}, "run.resident.at_ns"),
        (("run", "resident", "at_ns"), [1, True], "run.resident.at_ns"),
        (("run", "evidence", "seen", 0, "types", "builtins.list"), "3", "run.evidence.seen[0].types['builtins.list']"),
        ((*P, "stacks"), [], "run.profiles[0].stacks"),
        ((*P, "stacks", "up"), [1], "run.profiles[0].stacks"),
        ((*P, "stacks", "up"), [1, 0], "run.profiles[0].stacks"),
        ((*P, "stacks", "up"), [2, 1], "run.profiles[0].stacks"),
        ((*P, "stacks", "up"), [-(2**63), 1], "run.profiles[0].stacks"),
        ((*P, "stacks", "frame"), [0, 2], "run.profiles[0].stacks.frame"),
        ((*P, "stacks", "frame"), [0, -1], "run.profiles[0].stacks.frame"),
        ((*P, "samples", 0, "stack"), [0, -2], "run.profiles[0].samples[0].stack"),
        ((*P, "samples", 0, "stack"), [0, 2], "run.profiles[0].samples[0].stack"),
        ((*P, "samples", 0, "stack"), [0], "run.profiles[0].samples[0]"),
        ((*P, "samples", 0, "thread"), 1, "run.profiles[0].samples[0].thread"),
        ((*P, "samples", 0, "value"), [1.5, 2], "run.profiles[0].samples[0].value"),
        ((*P, "frames", "file"), [["/a.py"], [0, 1]], "run.profiles[0].frames.file"),
        ((*P, "frames", "file"), [[7], [0, 0]], "run.profiles[0].frames.file[0]"),
        ((*P, "frames", "line"), [1], "run.profiles[0].frames"),
        ((*P, "frames", "line"), 1, "run.profiles[0].frames"),
        ((*P, "frames"), {}, "run.profiles[0].frames"),
        ((*P, "frames", "owner", 1), "nobody", "run.profiles[0].frames.owner[1]"),
        ((*P, "lines", "hits", 1), "x", "run.profiles[0].lines.hits[1]"),
        ((*P, "lines", "hits", 1), None, "run.profiles[0].lines.hits[1]"),
        ((*P, "lines", "exact"), [True, True], "run.profiles[0].lines"),
        (("schema",), "1", "schema"),
        (("schema",), 0, "schema"),
        (("schema",), True, "schema"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(way: tuple[object, ...], value: object, where: str):
    with pytest.raises(FormatError) as caught:
        unpack(change(way, value))
    assert caught.value.where == where
    assert caught.value.hint


def test_a_missing_member_is_named_unless_it_has_a_default():
    document = json.loads(gzip.decompress(pack(RUN)))
    del document["run"]["profiles"][0]["truncated"]
    assert unpack(pack_json(document)).profiles[0].truncated == ""
    del document["run"]["started"]
    with pytest.raises(FormatError, match="started is missing"):
        unpack(pack_json(document))


@pytest.mark.parametrize("schema", [1, 2])
def test_older_names_of_members_are_read(schema):
    ref = RewriteRef("a1", "asdict", "A title", "app.py:3", Safety.OFFER)
    proof = Proof(trials=(Trial(ref, Verdict.FASTER),), without_offers=Total(applied=("a1",)))
    proven = dataclasses.replace(RUN, proof=proof)
    assert proven.evidence.seen
    document = json.loads(gzip.decompress(pack(proven)))
    document["schema"] = schema
    run = document["run"]
    run["evidence"]["looks"] = run["evidence"].pop("samples")
    for seen in run["evidence"]["seen"]:
        seen["looks"] = seen.pop("samples")
    run["proof"]["unasked"] = run["proof"].pop("without_offers")
    for trial in run["proof"]["trials"]:
        trial |= {("advice" if name == "id" else name): value for name, value in trial.pop("ref").items()}
    assert unpack(pack_json(document)) == unpack(pack(proven))
    document["schema"] = SCHEMA
    with pytest.raises(FormatError, match="looks"):
        unpack(pack_json(document))


def test_a_newer_schema_names_the_remedy():
    with pytest.raises(FormatError, match="newer whet") as caught:
        unpack(change(("schema",), SCHEMA + 1))
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"7", b'{"run": {}}', b"{", b"\xff", b'{"schema": NaN}', b"[" * 100_000, b"9" * 5000]
)
def test_other_json_is_refused(text: bytes):
    with pytest.raises(FormatError) as caught:
        unpack(gzip.compress(text))
    assert caught.value.hint


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x1f\x8b", b'{"schema": 1}', zlib.compress(b"{}"), pickle.dumps(RUN)]
)
def test_other_files_are_refused(data: bytes):
    with pytest.raises(FormatError):
        unpack(data)


def test_a_file_that_breaks_off_says_so():
    data = pack(RUN)
    for end in (11, len(data) // 2, len(data) - 1):
        with pytest.raises(FormatError, match="breaks off") as caught:
            unpack(data[:end])
        assert caught.value.where == f"byte {end}"


def test_something_after_the_end_is_refused():
    for tail in (b"\0", pack(RUN)):
        with pytest.raises(FormatError, match="follows its end"):
            unpack(pack(RUN) + tail)


def test_a_damaged_byte_is_noticed():
    data = bytearray(pack(RUN))
    data[len(data) // 2] ^= 0x10
    with pytest.raises(FormatError):
        unpack(bytes(data))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codec, "MAX_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    source = io.BytesIO(bomb)
    with pytest.raises(FormatError, match="unpacks to more than"):
        read_run(source)


def test_what_could_not_be_read_back_is_not_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codec, "MAX_BYTES", 100)
    sink = io.BytesIO()
    with pytest.raises(FormatError, match="can be read back"):
        write_run(RUN, sink)
    assert sink.getvalue() == b""


def test_many_stacks_stay_small():
    chance = random.Random(3)
    lines = [
        b";".join(b"f%d (/srv/app/module_%d.py:%d)" % (x, x % 7, x) for x in (chance.randrange(60) for _ in range(12)))
        + b" 20\n"
        for _ in range(5000)
    ]
    (profile,) = PySpyRaw().read(io.BytesIO(b"".join(lines)))
    data = pack(dataclasses.replace(RUN, profiles=(profile,)))
    assert len(data) < len(profile.stacks) * 8
    assert simplify(unpack(data).profiles[0]) == simplify(profile)
