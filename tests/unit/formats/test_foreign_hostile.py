"""Files of others are hostile text: each reader reads them or refuses them with one error that says where."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import marshal
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.formats.test_tachyon_binary import WHOLE

from whet.errors import FormatError
from whet.formats import _builder, _marshal, _pickle, collapsed, unpack
from whet.formats._protobuf import write_field, write_packed
from whet.formats.api import ProfileFormat
from whet.formats.callgrind import Callgrind
from whet.formats.chrome import Chrome
from whet.formats.collapsed import Collapsed
from whet.formats.lprof import CLASSES, Lprof
from whet.formats.pprof import Pprof
from whet.formats.pstats_ import Pstats
from whet.formats.pyinstrument_session import PyinstrumentSession
from whet.formats.scalene import Scalene
from whet.formats.speedscope import Speedscope
from whet.formats.tachyon_binary import TachyonBinary
from whet.formats.tachyon_jsonl import TachyonJsonl
from whet.model.profile import ROOT, Profile

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/foreign"
LINE_STATS = "line_profiler.line_profiler LineStats"


def speedscope(**changes: object) -> bytes:
    profile = {"type": "sampled", "name": "a", "unit": "seconds", "samples": [[0], [0, 1]], "weights": [1, 0.5]}
    frames = [{"name": "f", "file": "a.py", "line": 3}, {"name": "g"}]
    return json.dumps(
        {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "profiles": [{**profile, **changes}],
            "shared": {"frames": frames},
        }
    ).encode()


def pprof(places: tuple[int, ...] = (1,), values: tuple[int, ...] = (5,), string: int = 3, function: int = 1) -> bytes:
    strings = b"".join(write_field(6, text) for text in (b"", b"cpu", b"nanoseconds", b"f", b"a.py"))
    return (
        write_field(1, write_field(1, 1) + write_field(2, 2))
        + write_field(2, write_packed(1, places) + write_packed(2, values))
        + write_field(4, write_field(1, 1) + write_field(4, write_field(1, function) + write_field(2, 7)))
        + write_field(5, write_field(1, 1) + write_field(2, string) + write_field(4, 4))
        + strings
    )


def lprof(timings: object, unit: object = 1e-9) -> bytes:
    """Pickle a dictionary of attributes of the one class that is allowed, which need not be installed."""
    state = pickle.dumps({"timings": timings, "unit": unit}, protocol=4)[11:-1]
    return b"\x80\x04" + b"c" + LINE_STATS.replace(" ", "\n").encode() + b"\n)\x81" + state + b"b."


def chrome(*events: tuple[str, float, str]) -> bytes:
    return json.dumps([{"ph": kind, "ts": at, "name": name, "pid": 1, "tid": 2} for kind, at, name in events]).encode()


META = b'{"type":"meta","v":0,"sample_interval_usec":1000}\n'
SOUND: dict[str, tuple[ProfileFormat, bytes]] = {
    "callgrind": (Callgrind(), b"version: 1\ncreator: yappi\n\nevents: Ticks\nfl=(1) a.py\nfn=(1) f a.py:3\n3 7\n"),
    "chrome": (Chrome(), chrome(("B", 1, "f"), ("B", 2, "g"), ("E", 4, "g"), ("E", 5, "f"))),
    "collapsed": (Collapsed(), b"f (a.py:3);g (a.py:9) 12\nf (a.py:3) 5\n"),
    "lprof": (Lprof(), lprof({("a.py", 3, "f"): [(4, 10, 5_000)]})),
    "pprof": (Pprof(), pprof()),
    "pstats": (Pstats(), marshal.dumps({("a.py", 3, "f"): (1, 1, 0.5, 0.5, {("a.py", 1, "m"): (1, 1, 0.5, 0.5)})})),
    "scalene": (
        Scalene(),
        json.dumps(
            {
                "alloc_samples": 0,
                "elapsed_time_sec": 2.0,
                "files": {"a.py": {"lines": [{"lineno": 3, "n_cpu_percent_python": 50}]}},
            }
        ).encode(),
    ),
    "speedscope": (Speedscope(), speedscope()),
    "speedscope-events": (
        Speedscope(),
        speedscope(
            type="evented",
            events=[{"type": kind, "at": at, "frame": 0} for kind, at in (("O", 1), ("C", 2), ("O", 2), ("C", 5))],
        ),
    ),
    "pyinstrument": (
        PyinstrumentSession(),
        json.dumps(
            {"session": {}, "sample_count": 2, "frame_records": [[["f\0a.py\0" + "3\x01l4"], 0.25], [[], 0.5]]}
        ).encode(),
    ),
    "tachyon": (TachyonBinary(), WHOLE),
    "tachyon-jsonl": (
        TachyonJsonl(),
        META
        + b'{"type":"string_table","strings":[{"str_id":0,"value":"a.py"},{"str_id":1,"value":"f"}]}\n'
        + b'{"type":"frame_table","frames":[{"frame_id":0,"path_str_id":0,"func_str_id":1,"line":3}]}\n'
        + b'{"type":"agg","kind":"frame","scope":"final","entries":[{"frame_id":0,"self":4}]}\n{"type":"end"}\n',
    ),
}  # fmt: skip
IDS = list(SOUND)


def read(form: ProfileFormat, data: bytes) -> list[Profile]:
    return list(form.read(unpack.open_unpacked(io.BytesIO(data))))


def check(profile: Profile) -> None:
    rows = len(profile.stacks)
    assert all(ROOT <= parent < row for row, parent in enumerate(profile.stacks.parent))
    assert all(0 <= frame < len(profile.frames) for frame in profile.stacks.frame)
    for samples in profile.samples:
        assert all(0 <= row < rows for row in samples.stack)
        assert all(0 <= value < 2**63 for value in samples.value)


@pytest.mark.parametrize("name", IDS)
def test_the_sound_file_is_read_and_recognized(name: str) -> None:
    form, data = SOUND[name]
    (profile,) = read(form, data)
    assert sum(sum(each.value) for each in profile.samples) > 0
    assert form.recognizes(data)
    assert not any(other.recognizes(data) for other, _ in SOUND.values() if type(other) is not type(form))


def list_slots(tree: object) -> list[tuple[Any, Any]]:
    """Return each container of a JSON value, and the key or index of each of its members."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [slot for key, value in members for slot in ((tree, key), *list_slots(value))]


@pytest.mark.parametrize("odd", [[], {}, [1], None, True, "x", -1.5], ids=repr)
@pytest.mark.parametrize("name", ["chrome", "pyinstrument", "scalene", "speedscope", "speedscope-events"])
def test_any_member_may_be_of_another_kind(name: str, odd: object) -> None:
    form, data = SOUND[name]
    for at in range(len(list_slots(json.loads(data)))):
        tree = json.loads(data)
        holder, key = list_slots(tree)[at]
        holder[key] = odd
        with contextlib.suppress(FormatError):
            list(form.read(io.BytesIO(json.dumps(tree).encode())))


@pytest.mark.parametrize("name", IDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_its_place(name: str, data: st.DataObject) -> None:
    form, sound = SOUND[name]
    at = data.draw(st.integers(0, len(sound) - 1))
    size = data.draw(st.integers(0, 6))
    middle = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"NaN", b"-1", b"1e999", b'"', b"[[[", b"9" * 30]))
    )
    try:
        for profile in read(form, sound[:at] + middle + sound[at + size :]):
            check(profile)
    except FormatError as error:
        assert error.where
        assert str(error).isprintable()


@pytest.mark.parametrize("name", IDS)
@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_refused_or_make_nothing(name: str, data: bytes) -> None:
    form, _ = SOUND[name]
    form.recognizes(data)
    try:
        for profile in form.read(io.BytesIO(data)):
            check(profile)
    except FormatError as error:
        assert error.where


@pytest.mark.parametrize("name", IDS)
def test_a_file_that_breaks_off_is_refused_or_says_so(name: str) -> None:
    form, sound = SOUND[name]
    for end in range(len(sound) - 1):
        try:
            profiles = read(form, sound[:end])
        except FormatError as error:
            assert error.where
        else:
            # Formats without an end of their own: what is there is whole, or is said not to be.
            assert name in {"collapsed", "callgrind", "pprof", "pyinstrument"}
            for profile in profiles:
                check(profile)
                assert profile.truncated or name in {"callgrind", "pprof"} or sound[:end].endswith(b"\n")


@pytest.mark.parametrize("name", IDS)
def test_an_empty_file_is_refused(name: str) -> None:
    if name == "pyinstrument":
        # What a profiler of whet's own that was killed leaves is reported; of others no empty file comes this far.
        assert read(SOUND[name][0], b"")[0].truncated
        return
    with pytest.raises(FormatError):
        read(SOUND[name][0], b"")


WRONG: list[tuple[str, Callable[[], bytes], str]] = [
    ("speedscope", lambda: speedscope(weights=[1, float("nan")]), "not finite"),
    ("speedscope", lambda: speedscope(weights=[1, -1]), "negative"),
    ("speedscope", lambda: speedscope(weights=[1]), "2 samples and 1 weights"),
    ("speedscope", lambda: speedscope(samples=[[0], [7]]), "frame 7 of 2"),
    ("speedscope", lambda: speedscope(samples=[[0], ["x"]]), "array of arrays of numbers"),
    ("speedscope", lambda: speedscope(unit="parsecs"), "the unit 'parsecs'"),
    ("speedscope", lambda: speedscope(samples=[[0] * 30_000, [0]]), "a stack of more than 20,000 frames"),
    (
        "speedscope",
        lambda: speedscope(type="evented", events=[{"type": "C", "at": 1, "frame": 0}]),
        "closed that is not",
    ),
    (
        "speedscope",
        lambda: speedscope(
            type="evented", events=[{"type": "O", "at": 5, "frame": 0}, {"type": "C", "at": 1, "frame": 0}]
        ),
        "before the one ahead",
    ),
    ("pprof", lambda: pprof(places=(9,)), "location 9, which is not there"),
    ("pprof", lambda: pprof(function=8), "function 8, which is not there"),
    ("pprof", lambda: pprof(string=99), "string 99 of 5"),
    ("pprof", lambda: pprof(values=(5, 6)), "2 values for 1 types"),
    ("pprof", lambda: pprof(places=(1,) * 30_000), "a stack of more than 20,000 frames"),
    ("collapsed", lambda: b"f 1\ng nan\n", "line 2"),
    ("collapsed", lambda: b"f " + b"9" * 19 + b"\n", "beyond 64 bits"),
    ("collapsed", lambda: b";".join([b"f"] * 30_000) + b" 1\n", "a stack of more than 20,000 frames"),
    ("chrome", lambda: chrome(("E", 1, "f")), "an end of what did not begin"),
    ("chrome", lambda: chrome(("B", 1, "f")), "frames that never end"),
    ("chrome", lambda: chrome(("B", 5, "f"), ("E", 1, "f")), "before the one ahead"),
    ("chrome", lambda: chrome(("B", float("nan"), "f"), ("E", 1, "f")), "without its time"),
    ("chrome", lambda: chrome(*[("B", 1, "f")] * 30_000), "a stack of more than 20,000 frames"),
    ("tachyon-jsonl", lambda: META.replace(b'"v":0', b'"v":7'), "version 7 of the format"),
    ("tachyon-jsonl", lambda: META, "breaks off before the record that ends it"),
    ("scalene", lambda: b'{"elapsed_time_sec": NaN, "files": {}}', "no files and no elapsed time"),
    ("pstats", lambda: marshal.dumps({("a", 1, "f"): (1, 1, float("nan"), 0.0, {})}), "not finite"),
    ("pstats", lambda: marshal.dumps({("a", 1, "f"): (1, 1, 0.0)}), "five figures"),
    ("pstats", lambda: marshal.dumps({("a", 1, "f"): compile("1", "a", "eval")}), "which no profile has"),
    ("pstats", lambda: b"{" + b"(\x01\0\0\0" * 100, "nested too deeply"),
    ("pstats", lambda: b"{(\xff\xff\xff\x7f", "a length is wrong"),
    ("lprof", lambda: lprof({("a.py", 3, "f"): [(4, 10, float("nan"))]}), "not finite"),
    ("lprof", lambda: lprof({("a.py", 3): []}), "not a file, a line and a name"),
    ("callgrind", lambda: b"events: Ticks\nfn=(1) f a.py:1\ncalls=x\n", "calls without a number"),
    ("callgrind", lambda: b"events: Ticks\n3 4\n", "a cost of no function"),
    ("callgrind", lambda: b"events: Ticks\nfn=(1)\n", "a number without a name"),
]


@pytest.mark.parametrize(("name", "make", "message"), WRONG, ids=[f"{name}-{what[:30]}" for name, _, what in WRONG])
def test_what_is_wrong_is_named(name: str, make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(SOUND[name][0], make())


def test_numbers_torn_by_spaces_are_no_numbers() -> None:
    text = speedscope().replace(b"[0, 1]", b"[0 1]")
    with pytest.raises(FormatError, match="not an array of arrays of numbers"):
        read(Speedscope(), text)
    spread = speedscope().replace(b", ", b" ,\n ").replace(b"[", b"[ ").replace(b"]", b" ]")
    assert read(Speedscope(), spread) == read(Speedscope(), speedscope())


def test_values_that_add_up_beyond_64_bits_are_refused() -> None:
    with pytest.raises(FormatError, match="64 bits"):
        read(Collapsed(), b"# unit: nanoseconds\n" + b"f 999999999999999\n" * 10_000)
    sample = write_field(2, write_packed(1, (1,)) + write_packed(2, (2**62,)))
    with pytest.raises(FormatError, match="64 bits"):
        read(Pprof(), pprof() + sample * 2)


def nest(levels: int, times: int) -> bytes:
    """Marshal a dictionary whose key is a tuple of tuples, each of which refers to the one before some times."""
    references = (b"r" + number.to_bytes(4, "little") for number in range(levels - 1))
    parts = [b"\xa9\x01N", *(b"\xa9" + bytes((times,)) + each * times for each in references)]
    return b"{(" + len(parts).to_bytes(4, "little") + b"".join(parts) + b"N0"


def test_a_key_of_nested_tuples_is_neither_hashed_nor_shown() -> None:
    for levels, times in ((30_000, 1), (200, 2)):
        with pytest.raises(FormatError, match="a key that holds tuples"):
            _marshal.load(nest(levels, times))
    # MEMOIZE, then twice GET of the one before: 60 levels would take 2**60 steps.
    steps = b"".join(b"h" + bytes((n,)) + b"h" + bytes((n,)) + b"\x86\x94" for n in range(60))
    with pytest.raises(FormatError, match="a key that holds tuples"):
        _pickle.load(b"\x80\x04N\x85\x94" + steps + b"}h\x3cNs.", CLASSES)
    with pytest.raises(FormatError, match="a class without a name"):
        _pickle.load(b"\x80\x04N\x85\x94" + steps + b"N\x93.", CLASSES)


def test_text_of_many_brackets_or_parts_takes_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would run for hours if the time were that of the square."""
    brackets = b" (" * 200_000
    (profile,) = read(Collapsed(), b"f" + brackets + b" 3\n")
    assert sum(sum(each.value) for each in profile.samples) == 30_000_000
    (profile,) = read(Collapsed(), b'process 1:"' + b"x;" * 200_000 + b'";thread (2);f (a.py:3) 3\n')
    assert profile.threads[0].pid == 1
    monkeypatch.setattr(collapsed, "MOST_LINE", 500_000)
    with pytest.raises(FormatError, match="not a stack with a number"):
        read(Collapsed(), b'process 1:"\n' + b"x\n" * 300_000)
    (profile,) = read(Callgrind(), b"events: Ticks\nfn=(1) " + b"a " * 100_000 + b"\n3 7\n")
    assert profile.frames[0].first_line == 0


def test_a_command_line_without_its_end_is_reported() -> None:
    (profile,) = read(Collapsed(), b'f (a.py:3) 1\nprocess 1:"python\n-c x\n')
    assert "has no number" in profile.truncated


def test_the_unit_may_change_between_files_that_were_joined() -> None:
    (profile,) = read(Collapsed(), b"f 3\n# unit: seconds\nf 2\n")
    assert sum(sum(each.value) for each in profile.samples) == 30_000_000 + 2_000_000_000


def test_a_version_of_a_thousand_digits_is_refused() -> None:
    with pytest.raises(FormatError, match="version 1000"):
        read(TachyonJsonl(), META.replace(b'"v":0', b'"v":1' + b"0" * 1_000))


def test_moments_in_labels_tell_no_threads_apart() -> None:
    """Samples that differ in their moment only are one, also once moments are known to be no threads."""
    strings = b"".join(write_field(6, text) for text in (b"", b"cpu", b"nanoseconds", b"f", b"a.py", b"tid", b"at"))
    place = write_packed(1, (1,)) + write_packed(2, (5,))
    thread = write_field(3, write_field(1, 5) + write_field(3, 77))
    count = 25_000
    samples = b"".join(
        write_field(2, place + thread + write_field(3, write_field(1, 6) + write_field(3, 10**18 + n)))
        for n in range(count)
    )
    table = write_field(1, write_field(1, 1) + write_field(2, 2))
    table += write_field(4, write_field(1, 1) + write_field(4, write_field(1, 1) + write_field(2, 7)))
    table += write_field(5, write_field(1, 1) + write_field(2, 3) + write_field(4, 4))
    (profile,) = read(Pprof(), table + samples + strings)
    assert sum(sum(each.value) for each in profile.samples) == 5 * count
    assert {each.tid for each in profile.threads} == {77}


def test_callers_in_a_circle_end() -> None:
    a, b, c = ("x.py", 1, "a"), ("x.py", 2, "b"), ("x.py", 3, "c")
    edge = (1, 1, 0.25, 1.0)
    table = {a: (1, 1, 0.5, 1.0, {c: edge, a: edge}), b: (1, 1, 0.5, 1.0, {a: edge}), c: (1, 1, 0.5, 1.0, {b: edge})}
    (profile,) = read(Pstats(), marshal.dumps(table))
    assert sum(sum(each.value) for each in profile.samples) == 1_500_000_000


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit(3)",)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_runs_nothing(protocol: int) -> None:
    with pytest.raises(FormatError, match="exec"):
        _pickle.load(pickle.dumps(Bomb(), protocol), CLASSES)


def test_a_pickle_that_calls_the_allowed_class_with_arguments_is_refused() -> None:
    with pytest.raises(FormatError, match="a call that is not run"):
        _pickle.load(b"\x80\x04c" + LINE_STATS.replace(" ", "\n").encode() + b"\nK\x01\x85R.", CLASSES)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(), st.binary()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from([2, marshal.version]))
def test_marshal_reads_what_python_writes(value: object, version: int) -> None:
    assert _marshal.load(marshal.dumps(value, version)) == value


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.text(), st.integers(), st.text()), st.lists(st.tuples(st.integers(), st.floats(allow_nan=False)))
    ),
    st.integers(2, 5),
)
def test_pickle_reads_what_python_writes(value: object, protocol: int) -> None:
    assert _pickle.load(pickle.dumps(value, protocol), CLASSES) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"f 1\n" * 1000, mtime=0)[:-20], "break off"),
        (gzip.compress(b"f 1\n" * 1000, mtime=0)[:20] + b"\xff" * 40, "damaged|break off"),
        (b"\x1f\x8b\x00", "damaged|break off"),
    ],
    ids=["cut", "damaged", "head"],
)
def test_a_damaged_gzip_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        unpack.open_unpacked(io.BytesIO(data)).read()


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_BYTES", 1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packer.compress(b"f 1\n" * 1_000_000) + packer.flush()
    with pytest.raises(FormatError, match="unpacks to more than 1,000,000 bytes"):
        list(Collapsed().read(unpack.open_unpacked(io.BytesIO(data))))


def test_appended_gzip_files_are_one() -> None:
    data = gzip.compress(b"f 1\n") + gzip.compress(b"g 2\n")
    assert unpack.open_unpacked(io.BytesIO(data)).read() == b"f 1\ng 2\n"


@pytest.mark.parametrize("name", ["collapsed", "speedscope", "pprof", "chrome"])
def test_too_many_stacks_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_builder, "MOST_ROWS", 0)
    with pytest.raises(FormatError, match="more than 0 different stacks"):
        read(*SOUND[name])
