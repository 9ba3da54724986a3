"""What whet as a library does where nothing is sampled: errors in words, pyinstrument in place of py-spy."""

from __future__ import annotations

import asyncio
import inspect
import io
import subprocess
import sys
import threading

import pytest

import whet
from whet import library
from whet.errors import CollectorError, FormatError, UsageError


@pytest.fixture
def refused(monkeypatch):
    pytest.importorskip("pyinstrument")

    def refuse(_request):
        raise CollectorError("the kernel forbids it", "ask it")

    monkeypatch.setattr(library, "Sampling", refuse)


def crunch(count=2_000):
    return [divmod(number, 7) for number in range(count)]


def test_where_sampling_from_outside_is_refused_pyinstrument_samples(refused):
    with whet.profile(rate=1000) as run:
        for _ in range(300):
            crunch()
    assert run.hotspots.functions[0].name.endswith("crunch")
    stream = io.StringIO()
    run.show(stream)
    said = " ".join(stream.getvalue().split())
    assert "the kernel forbids it; pyinstrument sampled this thread instead" in said
    assert "session" not in said  # the name of a file that is gone


def test_functions_and_coroutines_return_what_they_return(refused, capsys):
    @whet.profile(rate=1000)
    def twice(value):
        crunch()
        return 2 * value if value else twice(1)

    @whet.profile
    async def later(value):
        await asyncio.sleep(0)
        return twice(value)

    assert (twice(0), twice.__name__) == (2, "twice")
    assert asyncio.run(later(4)) == 8
    assert "pyinstrument" in capsys.readouterr().err


def test_methods_of_all_kinds_stay_what_they_are(refused, capsys):
    class Shop:
        @whet.profile(rate=1000)
        def method(self):
            return self

        @whet.profile
        @classmethod
        def of_class(cls):
            return cls

        @whet.profile
        @staticmethod
        def static(value):
            return value

    shop = Shop()
    assert (shop.method(), Shop.of_class(), shop.of_class(), Shop.static(3)) == (shop, Shop, Shop, 3)
    assert isinstance(inspect.getattr_static(Shop, "of_class"), classmethod)
    assert capsys.readouterr().err.count("pyinstrument sampled") == 4


def test_what_a_decorator_would_not_see_at_work_is_refused():
    def iterate():
        yield 1

    async def iterate_later():
        yield 1

    for function in iterate, iterate_later:
        with pytest.raises(UsageError, match=rf"{function.__name__} is a generator function") as raised:
            whet.profile(function)
        assert "the block with the loop" in raised.value.hint
    with pytest.raises(UsageError, match=r"Path is a class") as raised:
        whet.profile(type("Path", (), {}))
    assert raised.value.hint == "decorate its methods"


def test_calls_in_several_threads_at_once_are_one_profile(refused, capsys):
    both = threading.Barrier(4, timeout=60)
    errors = []

    @whet.profile
    def meet():
        both.wait()  # all are within the call: one is profiled, the others are part of it

    def call():
        try:
            meet()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert capsys.readouterr().err.count("pyinstrument sampled") == 1


def test_an_error_of_a_function_is_its_own_and_the_next_call_is_profiled(refused, capsys):
    @whet.profile
    def fail(error):
        if error:
            raise error

    for error in KeyError("own"), StopIteration("end"):
        with pytest.raises(type(error)) as raised:
            fail(error)
        assert raised.value is error
    assert capsys.readouterr().err == ""
    fail(None)
    assert "pyinstrument" in capsys.readouterr().err


def test_what_cannot_be_done_is_said():
    run = whet.profile()
    with pytest.raises(UsageError, match="nothing is measured yet"):
        run.show()
    with pytest.raises(UsageError, match="lines=True") as raised:
        whet.profile(lines=True)
    assert "whet run --lines" in raised.value.hint
    with pytest.raises(UsageError, match="memory=True"):
        whet.profile(memory=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = whet.nothing


def test_a_file_that_is_no_profile_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("no profile\n", "utf-8")
    with pytest.raises(FormatError, match=r"a\.txt"):
        whet.load(tmp_path / "a.txt")


def test_a_report_needs_a_format(refused, tmp_path):
    with whet.profile(rate=1000) as run:
        crunch(100_000)
    run.save(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text("utf-8").startswith("<!-- whet:report -->")
    with pytest.raises(UsageError, match=r"r\.xyz names no format"):
        run.save(tmp_path / "r.xyz")


def test_the_package_alone_loads_next_to_nothing():
    code = "import sys; before = set(sys.modules); import whet; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['__future__', 'whet']\n"
