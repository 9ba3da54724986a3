"""Counts of requests: bounded, whole whatever ends the process, and read back as they were counted."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from whet.errors import FormatError
from whet.formats.request_counts import read_request_counts
from whet.inprocess.requests import counts as inside
from whet.inprocess.requests.counts import MOST_SLOTS, OTHER, Counts, find_class
from whet.inprocess.requests.routes import MOST_KEYS, Keys, shorten_path
from whet.model import routes


def paths_of(counts: Counts) -> tuple[Path, Path]:
    return Path(f"{counts.capture}.{counts.pid}.names"), Path(f"{counts.capture}.{counts.pid}.counts")


@pytest.mark.parametrize("ns", [0, 1, 31, 32, 33, 1_000, 999_999, 10**9, 3 * 10**12])
def test_a_class_holds_its_durations_and_is_narrow(ns: int) -> None:
    low, high = routes.find_bounds(find_class(ns))
    assert low <= ns < high
    assert high - low <= max(1, low / 16)


def test_both_sides_have_the_same_classes() -> None:
    assert (inside.PARTS, inside.CLASSES) == (routes.PARTS, routes.CLASSES)
    assert find_class(2**63) == routes.CLASSES - 1


def test_each_request_is_in_its_route(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    for number in range(3):
        counts.add("GET /{}", "/{id}", ("app.py", 7, "show"), number)
    counts.add("POST /{}", "", None, 0)
    counts.save()
    found = read_request_counts(*paths_of(counts))
    assert [(key, route.name, route.requests, route.file, route.line) for key, route in found.routes] == [
        ("GET /{}", "GET /{id}", 3, "app.py", 7),
        ("POST /{}", "POST /{}", 1, "", 0),
    ]
    assert found.began_ns == 0 < found.ended_ns


def test_routes_without_end_are_counted_as_others(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    counts.active = 1
    counts.saved_at = 2**63
    for number in range(MOST_SLOTS + 20):
        counts.add("GET /", f"/{number}", None, 0)
    counts.save()
    found = read_request_counts(*paths_of(counts)).routes
    assert len(found) == MOST_SLOTS + 1
    assert (found[-1][1].name, found[-1][1].requests) == (OTHER, 20)


def test_paths_without_end_have_one_name() -> None:
    keys = Keys()
    names = {keys.find("GET", f"/{letters}") for letters in _words(2_000)}
    assert len(names) == MOST_KEYS + 1 and "GET (other paths)" in names
    assert len(keys.paths) <= 2_000


def _words(count: int) -> list[str]:
    letters = "abcdefghijklmnop"
    return [f"{letters[n // 256]}{letters[n // 16 % 16]}{letters[n % 16]}" for n in range(count)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/users/4711", "/api/v1/users/{}"),
        ("/a/b.html", "/a/b.html"),
        ("/reset/abcdefghijklmnopqrstuvwxyz", "/reset/{}"),
        ("/posts/how-to-be-fast", "/posts/{}"),
        ("/é/%20", "/{}/{}"),
        ("", ""),
    ],
)
def test_ids_are_left_out_of_paths(path: str, name: str) -> None:
    assert shorten_path(path) == name


def test_a_request_may_end_amid_another_ones_end(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    with counts.lock:  # as a garbage collection finds it
        counts.add("GET /", "", None, 0)
    counts.save()
    assert [route.requests for _, route in read_request_counts(*paths_of(counts)).routes] == [1]


def test_where_nothing_can_be_saved_nobody_is_told(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "gone" / "requests"))
    counts.unsaved[0] = 1
    counts.save()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_worker_counts_for_itself(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    counts.add("GET /", "", None, 0)
    counts.lock.acquire()  # as another thread may hold it at that moment
    with warnings.catch_warnings():
        # Of threads that the tests' own tools may have.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        counts.add("GET /", "", None, 0)
        counts.save()
        os._exit(0)
    os.waitpid(pid, 0)
    counts.lock.release()
    found = [read_request_counts(tmp_path / f"requests.{each}.names", tmp_path / f"requests.{each}.counts")
             for each in (counts.pid, pid)]  # fmt: skip
    assert [route.requests for each in found for _, route in each.routes] == [1, 1]


def test_damaged_files_are_refused_or_read_as_far_as_they_go(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    counts.add("GET /", "", None, 0)
    names, numbers = paths_of(counts)
    whole = numbers.read_bytes()
    numbers.write_bytes(whole[:20])
    assert read_request_counts(names, numbers).routes == ()
    numbers.write_bytes(b"x")
    with pytest.raises(FormatError, match="cut off"):
        read_request_counts(names, numbers)
    numbers.write_bytes(whole)
    names.write_bytes(b"[1]\n")
    with pytest.raises(FormatError, match="line 1"):
        read_request_counts(names, numbers)
